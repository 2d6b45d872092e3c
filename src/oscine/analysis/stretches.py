"""Sound and its features side by side, some minutes at a time, so that hours need no more memory."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float32

from oscine.analysis.extract import analyze_blocks
from oscine.analysis.features import FEATURES, Features
from oscine.analysis.pitch.f0_file import F0Curve

_LONGEST_S = 600.0
#: 24 MB of float32, more than two minutes at 44.1 kHz.
_LONGEST_SAMPLES = 6_000_000
#: The analysis is behind the sound by less than this: a beginning without pitch is held back for a minute.
_LAG_S = 120.0


def stretches(
    blocks: Iterator[Float32[np.ndarray, " time"]],
    sample_rate: int,
    hop_length: int,
    tracker: str | F0Curve,
) -> Iterator[tuple[Float32[np.ndarray, " time"], Features]]:
    """Yield whole frames of sound, and the features of the same frames, in stretches of some minutes.

    Args:
        blocks: Mono, as ``analyze_blocks`` takes them.
        sample_rate: In Hz.
        hop_length: Samples per frame.
        tracker: The pitch tracker's name, or the pitch itself.
    """
    longest = max(1, min(round(_LONGEST_S * sample_rate), _LONGEST_SAMPLES) // hop_length)
    n_room = longest + round(_LAG_S * sample_rate / hop_length)
    sound = _Shelf(n_room * hop_length)
    columns = {name: _Shelf(n_room) for name in FEATURES}

    def taken(n_frames: int) -> tuple[np.ndarray, Features]:
        audio = sound.take(n_frames * hop_length)
        if len(audio) < n_frames * hop_length:  # the last frame of a file is filled up with silence
            audio = np.pad(audio, (0, n_frames * hop_length - len(audio)))
        values = {name: torch.from_numpy(column.take(n_frames)) for name, column in columns.items()}
        return audio, Features(**values, sample_rate=sample_rate, hop_length=hop_length)

    for features in analyze_blocks(sound.passing(blocks), sample_rate, hop_length, tracker=tracker):
        for name, column in columns.items():
            column.put(getattr(features, name).numpy())
        while columns["f0_hz"].n_values >= longest:
            yield taken(longest)
    if columns["f0_hz"].n_values:
        yield taken(columns["f0_hz"].n_values)


class _Shelf:
    """Values waiting for their stretch, in memory that is set aside once.

    Kept as they come, thousands of pieces would lie between the large temporary arrays of the analysis and
    keep the freed ones from being used again: 970 MB instead of 560 for ten minutes.
    """

    def __init__(self, n_room: int) -> None:
        self._values = np.empty(n_room, np.float32)
        self.n_values = 0

    def put(self, values: Float32[np.ndarray, " value"]) -> None:
        """Add the newest values."""
        stop = self.n_values + len(values)
        if stop > len(self._values):
            self._values = np.concatenate([self._values, np.empty(stop, np.float32)])
        self._values[self.n_values : stop] = values
        self.n_values = stop

    def take(self, n_values: int) -> Float32[np.ndarray, " value"]:
        """Return and forget the oldest values, fewer when fewer are there."""
        values = self._values[: min(n_values, self.n_values)].copy()
        self.n_values -= len(values)
        self._values[: self.n_values] = self._values[len(values) : len(values) + self.n_values].copy()
        return values

    def passing(
        self, blocks: Iterator[Float32[np.ndarray, " time"]]
    ) -> Iterator[Float32[np.ndarray, " time"]]:
        """Put and yield each block."""
        for block in blocks:
            self.put(block)
            yield block
