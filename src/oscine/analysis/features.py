"""The features of a sound, frame by frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.functional.units import hz_to_midi
from oscine.note_names import note_name

CONFIDENT = 0.85
"""Confidence from which the paper's metrics count a frame."""

VOICED = 0.5
"""Confidence from which the tracker itself calls a frame voiced."""

FEATURES = ("f0_hz", "confidence", "loudness_db", "power_db")
"""The names of the curves of ``Features``, which are measured in every frame."""

_RANGE = torch.tensor([0.01, 0.99])


@dataclass(frozen=True)
class Features:
    """Pitch, confidence, loudness and power; frame t describes the instant ``(t + 1) · hop_length``.

    Attributes:
        f0_hz: Fundamental frequency in Hz. Where the sound is unvoiced, the last voiced value is held;
            before the first voiced frame stands the first voiced value, and 440 Hz where there is none.
        confidence: In 0 … 1; from ``VOICED`` on the frame has a pitch, 0 is digital silence.
        loudness_db: A-weighted loudness in dB (``functional.loudness.loudness_db``), floor −80.
        power_db: Mean power in dB (``functional.loudness.rms_power_db``), floor −80.
        sample_rate: Of the analysed audio, in Hz.
        hop_length: Samples from frame to frame, at ``sample_rate``.
    """

    f0_hz: Float[Tensor, " frame"]
    confidence: Float[Tensor, " frame"]
    loudness_db: Float[Tensor, " frame"]
    power_db: Float[Tensor, " frame"]
    sample_rate: int
    hop_length: int

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop_length

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.f0_hz.shape[0]

    @property
    def midi(self) -> Float[Tensor, " frame"]:
        """Pitch in semitones, A4 = 69."""
        return hz_to_midi(self.f0_hz)

    @property
    def time_s(self) -> Float[Tensor, " frame"]:
        """The instants that the frames describe, in seconds (float64)."""
        return torch.arange(1, self.n_frames + 1, dtype=torch.float64) * (self.hop_length / self.sample_rate)

    def __repr__(self) -> str:
        """Return a line in words."""
        seconds = self.n_frames / self.frame_rate
        grid = f"{self.n_frames} frames, {self.frame_rate:.0f} a second"
        voiced = self.confidence >= VOICED
        if not bool(voiced.any()):
            return f"features: {seconds:.1f} s, {grid}, no pitch"
        pitches_midi = self.midi[voiced].float()
        step = max(1, len(pitches_midi) // 1_000_000)
        low, high = torch.quantile(pitches_midi[::step], _RANGE).tolist()
        share = 100 * float(voiced.float().mean())
        pitches = f"{note_name(round(low))} to {note_name(round(high))}"
        return f"features: {seconds:.1f} s, {grid}, {share:.0f} % with a pitch, {pitches}"

    def slice(self, start: int, stop: int) -> "Features":
        """Return frames ``start`` … ``stop − 1``, those of ``audio[start · hop : stop · hop]``."""
        return Features(
            self.f0_hz[start:stop],
            self.confidence[start:stop],
            self.loudness_db[start:stop],
            self.power_db[start:stop],
            self.sample_rate,
            self.hop_length,
        )

    @staticmethod
    def concatenate(parts: Sequence["Features"]) -> "Features":
        """Return consecutive parts as one.

        Raises:
            InputError: When there is no part, or the parts differ in sample rate or hop length.
        """
        if not parts:
            raise InputError("There are no features to join: give at least one part.")
        grids = {(part.sample_rate, part.hop_length) for part in parts}
        if len(grids) > 1:
            raise InputError(f"Features on different grids, (rate, hop) {sorted(grids)}, cannot be joined.")
        sample_rate, hop_length = grids.pop()
        return Features(
            torch.cat([part.f0_hz for part in parts]),
            torch.cat([part.confidence for part in parts]),
            torch.cat([part.loudness_db for part in parts]),
            torch.cat([part.power_db for part in parts]),
            sample_rate,
            hop_length,
        )
