"""A voice's envelopes replaced by what a `Converter` makes of them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.voices.converter import Converter, SpokenFrames
from oscine.voices.statistics import level_db, level_kept, shape_of, voicedness
from oscine.voices.voice import Voice

#: Levels below the loud frames at which a frame is a pause, and between which levels are told apart.
_PAUSE_DB, _LOWEST_DB, _HIGHEST_DB = -40.0, -70.0, 10.0
#: Below a piece's highest densities nothing is told apart either, dB.
_RANGE_DB = 80.0
#: The target's frames that can be read: a minute and a half.
_MOST_FRAMES = 9_000
#: The converter takes so many frames at once, and those around them that it needs.
_BLOCK = 2_000
_TONAL, _LEAST_TONAL = 0.7, 20


class _Piece(NamedTuple):
    """Frames of some seconds, in dB and semitones above 1 Hz."""

    shape: Tensor
    level_db: Tensor
    voiced: Tensor
    pitch: Tensor


class SpokenVoice:
    """All that was recorded of a voice, as a converter takes it; 33 kB a second.

    Args:
        step: Frames of the voice in one of the converter's.
    """

    def __init__(self, step: int) -> None:
        self.step = step
        self._recordings: list[_Piece] = []

    def add(self, pieces: Iterator[Voice]) -> None:
        """Add a recording, some seconds at a time."""
        found = [self._piece(voice) for voice in pieces]
        self._recordings.append(_Piece(*(torch.cat(parts) for parts in zip(*found, strict=True))))

    def _piece(self, voice: Voice) -> _Piece:
        part = slice(self.step - 1, None, self.step)
        density = voice.density_db[part]
        highest = torch.quantile(voice.density_db[:: 1 + len(voice.density_db) // 4_000], 0.995)
        return _Piece(
            shape_of(torch.maximum(density, highest - _RANGE_DB)),
            level_db(density, voice.sample_rate)[:, 0],
            voicedness(voice)[part],
            12 * torch.log2(voice.f0_hz[part]),
        )

    def frames(self) -> tuple[list[SpokenFrames], list[Tensor]]:
        """Return the frames of each recording, and which of them are not pauses."""
        level, voiced, pitch = (torch.cat([one[i] for one in self._recordings]) for i in (1, 2, 3))
        loud_db = torch.quantile(level[:: 1 + len(level) // 100_000], 0.95)
        tonal = (voiced > _TONAL) & (level > loud_db + _PAUSE_DB)
        mean_pitch = pitch[tonal].mean() if int(tonal.sum()) > _LEAST_TONAL else pitch.mean()
        active = [one.level_db > loud_db + _PAUSE_DB for one in self._recordings]
        statistics = self._statistics(active)
        frames = [
            SpokenFrames(
                one.shape[None] / 10,
                (one.level_db - loud_db).clamp(_LOWEST_DB, _HIGHEST_DB)[None] / 20,
                one.voiced[None],
                (one.pitch - mean_pitch).clamp(-12, 12)[None] / 6,
                statistics[None] / 10,
            )
            for one in self._recordings
        ]
        return frames, active

    def _statistics(self, active: list[Tensor]) -> Float[Tensor, "4 band"]:
        means, spreads = [], []
        for kind in range(2):
            weights = [
                (one.voiced if kind == 0 else 1 - one.voiced) * there + 1e-6
                for one, there in zip(self._recordings, active, strict=True)
            ]
            total = sum(float(weight.sum()) for weight in weights)
            first = sum(weight @ one.shape for weight, one in zip(weights, self._recordings, strict=True))
            mean = torch.as_tensor(first) / total
            squares = sum(
                weight @ (one.shape - mean) ** 2
                for weight, one in zip(weights, self._recordings, strict=True)
            )
            means.append(mean)
            spreads.append((torch.as_tensor(squares) / total).clamp_min(1e-2).sqrt())
        return torch.stack(means + spreads)


class KnownFrames:
    """A target's frames, with the content of speech in them.

    Args:
        converter: The network.
        target: All that was recorded of the target.
    """

    def __init__(self, converter: Converter, target: SpokenVoice) -> None:
        self.converter = converter
        parts, active = target.frames()
        with torch.no_grad():
            content = torch.cat([_said(converter, part) for part in parts], 1)
        chosen = torch.cat(active).nonzero()[:, 0]
        chosen = chosen[:: max(1, -(-len(chosen) // _MOST_FRAMES))]
        shape, level, voiced, pitch = (torch.cat([part[i] for part in parts], 1)[:, chosen] for i in range(4))
        self.frames = SpokenFrames(shape, level, voiced, pitch, parts[0].statistics)
        self.content = content[:, chosen]

    @property
    def n_frames(self) -> int:
        """Frames that can be read."""
        return self.content.shape[1]

    def shapes(self, frames: SpokenFrames) -> Float[Tensor, "frame band"]:
        """Return the shape with which the target says each frame of a voice, dB."""
        found = []
        with torch.no_grad():
            for part, inner in _blocks(frames, self.converter.frames_around):
                said = self.converter.content(part)
                shapes = self.converter.decoder(said, part, self.content, self.frames)
                found.append(10 * shapes[0, inner])
        return torch.cat(found)


def _said(converter: Converter, frames: SpokenFrames) -> Tensor:
    blocks = _blocks(frames, converter.frames_around)
    return torch.cat([converter.content(part)[:, inner] for part, inner in blocks], 1)


def _blocks(frames: SpokenFrames, n_around: int) -> Iterator[tuple[SpokenFrames, slice]]:
    """Yield stretches with the frames around them, and where in them the stretch is."""
    n_frames = frames.shape.shape[1]
    for start in range(0, n_frames, _BLOCK):
        stop = min(start + _BLOCK, n_frames)
        first, last = max(0, start - n_around), min(n_frames, stop + n_around)
        shape, level, voiced, pitch = (one[:, first:last] for one in frames[:4])
        yield SpokenFrames(shape, level, voiced, pitch, frames.statistics), slice(start - first, stop - first)


def shaped_pieces(
    pieces: Iterator[Voice], shapes: Float[Tensor, "frame band"], step: int, strength: float = 1.0
) -> Iterator[Voice]:
    """Yield a voice with other shapes, its levels kept.

    Args:
        pieces: The voice, some seconds at a time.
        shapes: One for ``step`` frames of the voice, dB; between them, a shape is on the straight line.
        step: Frames of the voice in one of the shapes.
        strength: 0 … 1: how far towards these shapes.
    """
    at = 0
    for voice in pieces:
        places = (torch.arange(at, at + len(voice.f0_hz)) - (step - 1)) / step
        at += len(voice.f0_hz)
        places = places.clamp(0, len(shapes) - 1)
        low = places.floor().long()
        high = (low + 1).clamp_max(len(shapes) - 1)
        shape = torch.lerp(shapes[low], shapes[high], (places - low)[:, None])
        shape = torch.lerp(shape_of(voice.density_db), shape, strength)
        yield replace(voice, density_db=level_kept(shape, voice))
