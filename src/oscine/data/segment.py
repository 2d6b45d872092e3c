"""A continuous piece of one recording, in shards on disk or in arrays in memory."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from oscine.analysis import Features
from oscine.analysis.features import FEATURES
from oscine.data.manifest import Span
from oscine.data.shard import read_column


class Part(ABC):
    """Some consecutive frames of a recording.

    Attributes:
        n_frames: Number of frames.
    """

    n_frames: int

    @abstractmethod
    def read(self, name: str, start: int, stop: int) -> Float32[np.ndarray, " time"]:
        """Return a column's values ``start`` … ``stop − 1``, counted from the part's first."""


class ShardPart(Part):
    """Frames ``start`` … ``stop − 1`` of a shard, read when asked for.

    Args:
        folder: The dataset's.
        span: Which shard, and which of its frames.
        hop_length: Samples per frame.
    """

    def __init__(self, folder: Path, span: Span, hop_length: int) -> None:
        self.path = folder / span.file
        self.n_frames = span.stop - span.start
        self._first, self._hop_length = span.start, hop_length

    def read(self, name: str, start: int, stop: int) -> Float32[np.ndarray, " time"]:
        """Return a column's values, counted from the part's first.

        Raises:
            InputError: When the shard is no longer as it was written.
            OSError: When it can't be read.
        """
        offset = self._first * (self._hop_length if name == "audio" else 1)
        return read_column(self.path, name, start + offset, stop + offset)


class ArrayPart(Part):
    """Frames of arrays in memory.

    Args:
        columns: ``audio`` and one value a frame of everything else, by name.
        n_frames: Number of frames.
    """

    def __init__(self, columns: Mapping[str, Float32[np.ndarray, " time"]], n_frames: int) -> None:
        self.columns = dict(columns)
        self.n_frames = n_frames

    def read(self, name: str, start: int, stop: int) -> Float32[np.ndarray, " time"]:
        """Return a column's values; a view."""
        return self.columns[name][start:stop]


class Segment:
    """A continuous piece of one recording: whole frames.

    Attributes:
        name: The recording's path relative to the folder that was prepared, or what it was called.
        n_frames: Frames in it.
        sample_rate: Hz.
        hop_length: Samples per frame.
        identity: The number of the dataset's identity that it is from.
        curves: Names of the dataset's own curves.
        score: The MIDI file of the recording, where there is one.
        first_frame: Number of the first frame in the recording.
        n_frames_of_recording: Frames of the whole recording.
        voices: The curves of each voice, once the notes were played (`oscine.data.score.take_voices`).
    """

    voices: Float32[np.ndarray, "frame voice 4"] | None = None

    def __init__(
        self,
        name: str,
        parts: Sequence[Part],
        sample_rate: int,
        hop_length: int,
        identity: int = 0,
        curves: Sequence[str] = (),
        score: Path | None = None,
        first_frame: int = 0,
        n_frames_of_recording: int | None = None,
    ) -> None:
        self.name = name
        self.identity = identity
        self.curves = tuple(curves)
        self.n_frames = sum(part.n_frames for part in parts)
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.score, self.first_frame = score, first_frame
        self.n_frames_of_recording = n_frames_of_recording or self.n_frames
        self._parts = list(parts)

    def slice(self, name: str, start: int, stop: int) -> Float32[np.ndarray, " time"]:
        """Return ``audio`` or a feature over frames ``start`` … ``stop − 1``; it is not to be written to.

        Raises:
            InputError: When a shard is no longer as it was written.
            OSError: When a shard can't be read.
        """
        scale = self.hop_length if name == "audio" else 1
        values, first = [], 0
        for part in self._parts:
            last = first + part.n_frames
            if first < stop and start < last:
                begin, end = max(start, first) - first, min(stop, last) - first
                values.append(part.read(name, begin * scale, end * scale))
            first = last
        return values[0] if len(values) == 1 else np.concatenate([np.zeros(0, np.float32), *values])

    def features(self) -> Features:
        """Return the features of all frames."""
        values = {name: torch.tensor(self.slice(name, 0, self.n_frames)) for name in FEATURES}
        return Features(**values, sample_rate=self.sample_rate, hop_length=self.hop_length)

    def audio(self) -> Float[Tensor, " time"]:
        """Return the samples, ``n_frames * hop_length`` of them, mono."""
        return torch.tensor(self.slice("audio", 0, self.n_frames))
