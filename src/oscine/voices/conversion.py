"""Conversion of a voice into another without training: the statistics of both, and the map between them.

A voice's frames are of two kinds, voiced and unvoiced, and each kind has a mean shape m and a covariance Σ of
its envelope in dB. Of all linear maps that give the source's statistics those of the target, one moves the
frames least (the optimal transport between two normal distributions):

    A = Σs^−½ (Σs^½ Σt Σs^½)^½ Σs^−½,    shape ↦ mt + A (shape − ms)

A frame that is partly voiced gets a share of both maps. The frame's level stays that of the source. Pitch is
mapped by mean and spread in semitones.

Reference: Takatsu, Wasserstein geometry of Gaussian measures, Osaka Journal of Mathematics 48, 2011, for the
map. Without the covariances it is the mean and variance map, the classic baseline of voice conversion.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from pydantic import BaseModel
from torch import Tensor

from oscine.analysis import TRACKERS
from oscine.audio import FileReport, Sound, rate_of
from oscine.audio.output import check_output, write_audio
from oscine.errors import InputError
from oscine.files import printable
from oscine.plural import counted
from oscine.transfer.streaming import describe, listen
from oscine.voices.content import ContentFeatures, SpeechModel
from oscine.voices.converter import Converter
from oscine.voices.decoding import KnownFrames, SpokenVoice, shaped_pieces
from oscine.voices.heard import HeardVoice, heard_in
from oscine.voices.matching import Neighbours, matched_pieces
from oscine.voices.pitch import PitchMap, Transposition
from oscine.voices.playing import changed_blocks, mean_hz
from oscine.voices.statistics import (
    Sums,
    VoiceStatistics,
    level_kept,
    loudest_db,
    several_sounds,
    shape_of,
    voicedness,
)
from oscine.voices.voice import Voice, voice_bands, voice_hop, voice_pieces

#: A model, or the features of the input and of each of the target's recordings.
Content = SpeechModel | Sequence[ContentFeatures]

#: Of a covariance, the share that its diagonal alone is given; a variance added, dB².
_SHRINK, _RIDGE = 0.5, 0.5


def transport(
    source: Float[Tensor, "band band"], target: Float[Tensor, "band band"]
) -> Float[Tensor, "band band"]:
    """Return A = Σs^−½ (Σs^½ Σt Σs^½)^½ Σs^−½, the symmetric matrix with A Σs A = Σt.

    Args:
        source: Covariance Σs, positive definite.
        target: Covariance Σt, positive definite.
    """
    root = _root(source)
    inverse = torch.linalg.inv(root)
    return inverse @ _root(root @ target @ root) @ inverse


def _root(matrix: Float[Tensor, "band band"]) -> Float[Tensor, "band band"]:
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


class Conversion(PitchMap):
    """The map from one voice's statistics to another's; a change of a voice (`oscine.voices.playing.Change`).

    Args:
        source: Of the voice that is changed.
        target: Of the voice that it is to be like, at the same sample rate.
        strength: 0 … 1: how far towards the target.
        transpose: See `PitchMap`.

    Raises:
        InputError: When the strength is out of its range or the rates differ.
    """

    def __init__(
        self,
        source: VoiceStatistics,
        target: VoiceStatistics,
        strength: float = 1.0,
        transpose: Transposition | None = None,
    ) -> None:
        super().__init__(source, target, strength, transpose)
        maps = [
            transport(_regular(a.double()), _regular(b.double()))
            for a, b in zip(source.covariance, target.covariance, strict=True)
        ]
        self._matrices = torch.stack(maps).float()

    def apply(self, voice: Voice, f0_hz: Float[Tensor, " frame"]) -> Voice:
        """Return the voice at another pitch, its envelope mapped and its level kept."""
        shape, voiced = shape_of(voice.density_db), voicedness(voice)[:, None]
        mapped = [
            (shape - self.source.mean_db[kind]) @ self._matrices[kind] + self.target.mean_db[kind]
            for kind in range(2)
        ]
        changed = torch.lerp(shape, torch.lerp(mapped[1], mapped[0], voiced), self.strength)
        density_db = level_kept(changed, voice)
        return replace(voice, f0_hz=f0_hz, density_db=density_db)


def _regular(covariance: Float[Tensor, "band band"]) -> Float[Tensor, "band band"]:
    diagonal = torch.diag(covariance.diagonal())
    return torch.lerp(covariance, diagonal, _SHRINK) + _RIDGE * torch.eye(len(covariance)).to(covariance)


class ConversionReport(BaseModel):
    """The report of `oscine convert`."""

    output: str
    sample_rate: int
    seconds: float
    target_s: float
    """Seconds of the target's speech that were used, without pauses."""
    strength: float
    transpose: float | None
    """Semitones by which the pitch was moved; None where it got the target's mean and spread."""
    content_frames: int | None
    """Frames of the target that could be chosen by their content; None for the transport."""
    f0_hz: tuple[float, float]
    """Mean pitch of the voiced frames before and after, Hz; in semitones' mean."""
    peak: float
    scaled_db: float
    real_time_factor: float
    remarks: list[str]


def convert_voice(
    sound: Sound,
    like: Sound | Sequence[Sound],
    *,
    strength: float = 1.0,
    transpose: Transposition | None = None,
    content: Content | None = None,
    converter: Converter | None = None,
    tracker: str = TRACKERS[0],
    seed: int = 0,
) -> tuple[Float[Tensor, " time"], int]:
    """Return a recording with the pitch and timbre of another voice, and its sample rate in Hz.

    The words and their timing are the input's. The result is at the lowest sample rate of all recordings.

    Args:
        sound: The recording.
        like: One recording of the target's voice or several, half a minute in all.
        strength: 0 … 1: how far towards the target.
        transpose: For singing: semitones by which the pitch is moved, or "octaves" (`PitchMap`). If left out,
            the pitch gets the target's mean and spread.
        content: The content of the speech, frame by frame: a `SpeechModel`, or the features of the recording
            and of each of the target's, in this order. Each frame then gets the envelope of the target's
            frames with the nearest content, which needs minutes of the target; if left out, the transport is
            used.
        converter: A trained network that takes the transport's place (`built_in_converter`); the result is
            then at its sample rate, and higher rates are brought to it.
        tracker: The pitch tracker, one of `oscine.analysis.TRACKERS`.
        seed: Of the noise.

    Raises:
        InputError: A sound cannot be read or has no voice, a number is out of its range, or the content does
            not fit the recordings.
    """
    heard, change, _ = _prepared(
        sound, several_sounds(like), strength, transpose, (content, converter), tracker
    )
    return torch.cat(list(changed_blocks(heard, change, seed=seed))), heard.sample_rate


def convert_voice_file(
    input_path: str | Path,
    like: Sequence[str | Path],
    output_path: str | Path,
    *,
    strength: float = 1.0,
    transpose: Transposition | None = None,
    content: Content | None = None,
    converter: Converter | None = None,
    tracker: str = TRACKERS[0],
    seed: int = 0,
    on_progress: Callable[[float], None] | None = None,
) -> ConversionReport:
    """Convert the voice in a file, write it to another as 24-bit PCM, and return a report.

    Memory does not grow with the length, apart from the features. The output file appears complete or not at
    all; if its peak would clip, the level is reduced.

    Args:
        input_path: The recording.
        like: Recordings of the target.
        output_path: ``.wav`` or ``.flac``.
        strength: See `convert_voice`.
        transpose: See `convert_voice`.
        content: See `convert_voice`.
        converter: See `convert_voice`.
        tracker: See `convert_voice`.
        seed: Of the noise.
        on_progress: Called with the finished share of the synthesis.

    Raises:
        InputError: See `convert_voice`; and when the output would overwrite an input or cannot be written.
    """
    input_path, output_path = Path(input_path), Path(output_path)
    for path in (input_path, *map(Path, like)):
        check_output(output_path, path)
    began = time.perf_counter()
    heard, change, n_frames = _prepared(
        input_path, list(like), strength, transpose, (content, converter), tracker
    )
    blocks = changed_blocks(heard, change, seed=seed)
    peak, gain = write_audio(output_path, blocks, heard.sample_rate, heard.n_samples, on_progress)
    remarks, seconds = heard.remarks, heard.n_samples / heard.sample_rate
    if gain < 1:
        remarks.append(f"The peak was {peak:.2f} of full scale, so the level was reduced.")
    return ConversionReport(
        output=printable(output_path),
        sample_rate=heard.sample_rate,
        seconds=seconds,
        target_s=change.target.seconds,
        strength=strength,
        transpose=change.transpose,
        content_frames=n_frames,
        f0_hz=(mean_hz(heard.f0_hz, heard.voiced), mean_hz(change.f0_hz(heard), heard.voiced)),
        peak=peak,
        scaled_db=20 * math.log10(gain),
        real_time_factor=(time.perf_counter() - began) / seconds,
        remarks=remarks,
    )


def _prepared(
    sound: Sound,
    like: Sequence[Sound],
    strength: float,
    transpose: Transposition | None,
    how: tuple[Content | None, Converter | None],
    tracker: str,
) -> tuple[HeardVoice, PitchMap, int | None]:
    """Return the input's voice, what remains to be changed of it, and the frames of the target."""
    content, converter = how
    if content is not None and converter is not None:
        raise InputError("Content and a trained network exclude each other; give one of them.")
    if not like:
        raise InputError("There is no recording of the target; give one or more.")
    if content is not None and not isinstance(content, SpeechModel) and len(content) != 1 + len(like):
        raise InputError(
            f"The content is of {counted(len(content), 'recording')}, and {1 + len(like)} are given; give a "
            "matrix for the input and one for each of the target."
        )
    rate = min(rate_of(one) for one in (sound, *like))
    if converter is not None:
        if rate < converter.config.sample_rate:
            raise InputError(
                f"A recording is at {rate} Hz, and the network needs {converter.config.sample_rate} Hz; "
                "convert without it."
            )
        rate = converter.config.sample_rate
    target, neighbours = Sums(voice_bands(rate)), Neighbours()
    step = 1 if converter is None else converter.config.hop_length // voice_hop(rate)
    spoken, said = SpokenVoice(step), SpokenVoice(step)
    known = [listen(one, rate, voice_hop(rate), tracker=tracker) for one in like]
    loud_db = max(loudest_db(features) for features, _ in known)
    for i, (one, (features, n_samples)) in enumerate(zip(like, known, strict=True)):
        target.add(one, features, loud_db)
        if content is not None:
            values = _content_of(content, 1 + i, one, n_samples / rate)
            neighbours.add(values, voice_pieces(one, features))
        if converter is not None:
            spoken.add(voice_pieces(one, features))
    aim = target.statistics(describe(like[0]), rate)
    verdicts: list[FileReport] = []
    features, n_samples = listen(sound, rate, voice_hop(rate), verdicts.append, tracker)
    source = Sums(voice_bands(rate))
    source.add(sound, features)
    heard = heard_in(sound, features, n_samples, voice_bands(rate), verdicts[0].reasons)
    whose = source.statistics(describe(sound), rate)
    if content is None and converter is None:
        return heard, Conversion(whose, aim, strength, transpose), None
    change = PitchMap(whose, aim, strength, transpose)
    if converter is not None:
        frames = KnownFrames(converter, spoken)
        said.add(voice_pieces(sound, features))
        shapes = frames.shapes(said.frames()[0][0])
        return (
            replace(heard, pieces=shaped_pieces(heard.pieces, shapes, step, strength)),
            change,
            frames.n_frames,
        )
    assert content is not None
    values = _content_of(content, 0, sound, n_samples / rate)
    neighbours.require(values)
    pieces = matched_pieces(heard.pieces, values, neighbours, strength)
    return replace(heard, pieces=pieces), change, neighbours.n_frames


def _content_of(content: Content, i: int, sound: Sound, seconds: float) -> ContentFeatures:
    found = content(sound) if isinstance(content, SpeechModel) else content[i]
    if abs(len(found.values) / found.frames_per_s - seconds) > max(0.05 * seconds, 3 / found.frames_per_s):
        raise InputError(
            f"The content of {describe(sound)} has {len(found.values)} frames, "
            f"{len(found.values) / found.frames_per_s:.2f} s, and the recording has {seconds:.2f} s; give "
            "the right features, at the right rate."
        )
    return found
