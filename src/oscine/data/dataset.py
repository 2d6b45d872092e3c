"""A prepared dataset as training sees it: segments on disk, batches as a pure function of (seed, step)."""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from safetensors import safe_open
from torch import Tensor

from oscine.analysis import VOICED, Features
from oscine.analysis.features import FEATURES
from oscine.analysis.quality import Quality
from oscine.data.manifest import Manifest, Span, read_manifest, voice_of
from oscine.data.statistics import LOUDNESS_FLOOR_DB, Statistics
from oscine.errors import InputError
from oscine.files import sha256

#: A crop is drawn again when it has less sound than this share of its frames, but not for ever.
_LEAST_SOUND, _N_TRIES = 0.02, 8
#: Voiced or not, what is within this of the loudest frames is sound.
_SOUND_RANGE_DB = 40.0
#: Shards that are mapped into memory at the same time; Linux allows a process 65 530 maps.
_MOST_MAPS = 16_384


class Batch(NamedTuple):
    """Crops of one length from several places, with their features; dB, Hz, 0 … 1."""

    audio: Float[Tensor, "batch time"]
    f0_hz: Float[Tensor, "batch frame"]
    loudness_db: Float[Tensor, "batch frame"]
    confidence: Float[Tensor, "batch frame"]
    curves: dict[str, Tensor]
    """The dataset's own curves by name, (batch, frame) each."""
    voice: Int[Tensor, " batch"]
    """Which of the dataset's voices each crop is from."""

    def map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """Return a batch of what the function makes of each tensor."""
        audio, f0_hz, loudness_db, confidence, curves, voice = self
        mapped = {name: function(curve) for name, curve in curves.items()}
        return Batch(
            function(audio),
            function(f0_hz),
            function(loudness_db),
            function(confidence),
            mapped,
            function(voice),
        )


class Segment:
    """A stretch of one recording without a cut: whole frames, read from disk when asked for.

    Attributes:
        name: The recording's path relative to the folder that was prepared.
        n_frames: Frames in it.
        sample_rate: Hz.
        hop_length: Samples per frame.
        voice: The number of the dataset's voice that it is from.
        curves: Names of the dataset's own curves.
    """

    def __init__(
        self,
        folder: Path,
        spans: Sequence[Span],
        sample_rate: int,
        hop_length: int,
        voice: int = 0,
        curves: Sequence[str] = (),
    ) -> None:
        self.name = spans[0].name
        self.voice = voice
        self.curves = tuple(curves)
        self.n_frames = sum(span.stop - span.start for span in spans)
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self._folder, self._spans = folder, list(spans)

    @property
    def _columns(self) -> list[dict[str, np.ndarray]]:
        names = ("audio", *FEATURES, *self.curves)
        return [_columns(self._folder / span.file, names) for span in self._spans]

    def slice(self, name: str, start: int, stop: int) -> Float32[np.ndarray, " time"]:
        """Return ``audio`` or a feature over frames ``start`` … ``stop − 1``; a view where it can be."""
        scale = self.hop_length if name == "audio" else 1
        parts, first = [], 0
        for span, columns in zip(self._spans, self._columns, strict=True):
            last = first + span.stop - span.start
            if first < stop and start < last:
                shift = span.start - first  # from frames of the segment to frames of the shard
                begin, end = max(start, first) + shift, min(stop, last) + shift
                parts.append(columns[name][begin * scale : end * scale])
            first = last
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.float32), *parts])

    def features(self) -> Features:
        """Return the features of all frames."""
        values = {name: torch.tensor(self.slice(name, 0, self.n_frames)) for name in FEATURES}
        return Features(**values, sample_rate=self.sample_rate, hop_length=self.hop_length)

    def audio(self) -> Float[Tensor, " time"]:
        """Return the samples, ``n_frames * hop_length`` of them, mono."""
        return torch.tensor(self.slice("audio", 0, self.n_frames))


@lru_cache(maxsize=_MOST_MAPS)
def _columns(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    # safetensors maps the file into memory for torch (and copies it for numpy): nothing is read before a
    # slice is used, and the map outlives the handle. Slices are then taken by numpy, since torch spreads
    # even such small copies over threads, which costs up to twenty times as much on a busy machine.
    with safe_open(path, framework="pt") as shard:
        return {name: shard.get_tensor(name).numpy() for name in names}


class Split:
    """One part of a dataset, the training part or the held-out part.

    Attributes:
        segments: The uncut stretches it is made of, in the order of the recordings.
        n_frames: Frames over all segments.
        hop_length: Samples per frame.
    """

    def __init__(self, segments: Sequence[Segment], hop_length: int) -> None:
        self.segments = list(segments)
        self.n_frames = sum(segment.n_frames for segment in self.segments)
        self.hop_length = hop_length

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum([segment.n_frames for segment in self.segments])

    @cached_property
    def _sound_before(self) -> np.ndarray:
        """Number of frames with sound before each frame of the split: a crop's is the difference of two."""
        loudness = [segment.slice("loudness_db", 0, segment.n_frames) for segment in self.segments]
        sample = np.concatenate([values[:: max(1, self.n_frames // 1_000_000)] for values in loudness])
        threshold = max(np.quantile(sample, 0.99) - _SOUND_RANGE_DB, LOUDNESS_FLOOR_DB)
        before = np.zeros(self.n_frames + 1, np.int32)
        sound = [
            (values > threshold) | (segment.slice("confidence", 0, segment.n_frames) >= VOICED)
            for segment, values in zip(self.segments, loudness, strict=True)
        ]
        np.cumsum(np.concatenate(sound), out=before[1:])
        return before

    def _draw(self, random: np.random.Generator, n_frames: int) -> tuple[int, int]:
        """Return a segment's number and a start frame in it."""
        number = start = 0
        for _ in range(_N_TRIES):
            # A uniform frame of the split is the crop's middle, so each second of sound is as likely as any
            # other. Where the crop would stick out of the segment it is moved in: of isolated notes, whose
            # attacks would otherwise be in hardly any crop, many begin with the note.
            frame = int(random.integers(self.n_frames))
            number = int(np.searchsorted(self._ends, frame, side="right"))
            length = self.segments[number].n_frames
            start_of_segment = int(self._ends[number]) - length
            middle = frame - start_of_segment
            start = max(0, min(middle - n_frames // 2, length - n_frames))
            first = start_of_segment + start
            n_sound = self._sound_before[first + min(length, n_frames)] - self._sound_before[first]
            if n_sound >= _LEAST_SOUND * n_frames:
                break
        return number, start

    def batch(self, seed: int, step: int, batch_size: int, n_frames: int, n_before: int = 0) -> Batch:
        """Return the batch of one training step: a pure function of the arguments and the dataset.

        Every frame of the split is the middle of a crop as often as any other; a crop that would stick out
        of its segment is moved in. A crop that is nearly all silence teaches nothing and is drawn again, at
        most seven times. Before a segment and behind one that is shorter than the crop there is silence:
        audio 0, loudness −80 dB, confidence 0, its first or last pitch and curves held.

        Args:
            seed: Of the training run, 0 or more.
            step: Number of the training step, 0 or more.
            batch_size: Crops in the batch.
            n_frames: Frames of each crop.
            n_before: Frames in front of them, of what sounded before.

        Returns:
            Crops of ``n_before + n_frames`` frames.

        Raises:
            InputError: When the split is empty or a size is not positive.
        """
        if not self.segments or batch_size < 1 or n_frames < 1:
            raise InputError(
                f"A batch of {batch_size} × {n_frames} frames cannot be drawn from "
                f"{len(self.segments)} segments; prepare more, or ask for at least one crop of one frame."
            )
        random = np.random.Generator(np.random.Philox(key=[seed, step]))
        hop_length = self.hop_length
        shape = batch_size, n_before + n_frames
        audio = np.zeros((batch_size, shape[1] * hop_length), np.float32)
        f0_hz = np.empty(shape, np.float32)
        loudness_db = np.full(shape, LOUDNESS_FLOOR_DB, np.float32)
        confidence = np.zeros(shape, np.float32)
        curves = {name: np.empty(shape, np.float32) for name in self.segments[0].curves}
        voice = np.empty(batch_size, np.int64)
        for row in range(batch_size):
            number, start = self._draw(random, n_frames)
            segment = self.segments[number]
            first, stop = max(start - n_before, 0), min(start + n_frames, segment.n_frames)
            # Where in the crop the segment begins and ends.
            i, j = n_before + first - start, n_before + stop - start
            audio[row, i * hop_length : j * hop_length] = segment.slice("audio", first, stop)
            loudness_db[row, i:j] = segment.slice("loudness_db", first, stop)
            confidence[row, i:j] = segment.slice("confidence", first, stop)
            for name, values in (("f0_hz", f0_hz), *curves.items()):
                values[row, i:j] = segment.slice(name, first, stop)
                values[row, :i], values[row, j:] = values[row, i], values[row, j - 1]
            voice[row] = segment.voice
        return Batch(
            *(torch.from_numpy(values) for values in (audio, f0_hz, loudness_db, confidence)),
            curves={name: torch.from_numpy(curve) for name, curve in curves.items()},
            voice=torch.from_numpy(voice),
        )


class Dataset:
    """A folder that ``prepare`` made: two splits, and what is known about them.

    Attributes:
        folder: Where it is.
        manifest: Everything but the samples.
        voices: The folders of the recordings, sorted; one empty name where there are none.
        train: The training part.
        held_out: The part that training never sees.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.voices = _voices(manifest)
        self.train = self._split(manifest.train)
        self.held_out = self._split(manifest.held_out)

    def _split(self, spans: list[Span]) -> Split:
        rate, hop_length, curves = self.sample_rate, self.hop_length, self.curves
        # The spans of one recording in one part follow each other without a cut.
        pieces = [list(group) for _, group in groupby(spans, key=lambda span: span.name)]
        segments = [
            Segment(self.folder, group, rate, hop_length, self.voices.index(voice_of(group[0].name)), curves)
            for group in pieces
        ]
        return Split(segments, hop_length)

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.manifest.sample_rate

    @property
    def hop_length(self) -> int:
        """Samples per frame."""
        return self.manifest.hop_length

    @property
    def curves(self) -> tuple[str, ...]:
        """Names of the dataset's own curves."""
        return tuple(self.manifest.curves)

    @property
    def statistics(self) -> Statistics:
        """Pitch and loudness of the training part."""
        return self.manifest.statistics

    @property
    def quality(self) -> Quality:
        """The report on all recordings together."""
        return self.manifest.quality

    @classmethod
    def open(cls, folder: str | Path, verify: bool = True) -> "Dataset":
        """Open a prepared dataset.

        Args:
            folder: What ``prepare`` wrote.
            verify: Also compare each shard's sha256 (about a second per gigabyte); without it only the sizes.

        Raises:
            InputError: When there is no finished dataset, a shard is missing, or a byte of one has changed.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        for shard in (shard for recording in manifest.recordings for shard in recording.shards):
            path = folder / shard.file
            if not path.is_file():
                raise InputError(
                    f"{folder} lacks {shard.file}; run oscine prepare again, it makes only what is missing."
                )
            if path.stat().st_size != shard.n_bytes or (verify and sha256(path) != shard.sha256):
                raise InputError(f"{path} is not as it was written; run oscine prepare again, it repairs it.")
        return cls(folder, manifest)


def _voices(manifest: Manifest) -> tuple[str, ...]:
    return tuple(sorted({voice_of(recording.name) for recording in manifest.recordings}))
