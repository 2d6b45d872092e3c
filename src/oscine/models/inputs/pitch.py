"""The pitch, and how sure it is."""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.data.statistics import Statistics
from oscine.functional.units import hz_to_midi
from oscine.models.inputs.base import Input, InputConfig, ScaledInput, require
from oscine.networks import PitchEncoder, PitchEncoderConfig
from oscine.streaming import Program, Wire


class F0(Input):
    """The fundamental frequency; the network gets MIDI pitch / 127.

    Args:
        sample_rate: Hz; half of it is the largest value.
        encoder: Extracts f0 from audio in place of the tracker.
    """

    name, unit = "f0_hz", "Hz"
    minimum, default, positive = 1.0, 440.0, True

    def __init__(self, sample_rate: int, encoder: PitchEncoder | None = None) -> None:
        super().__init__()
        self.maximum = sample_rate / 2
        self.encoder = encoder

    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame"]:
        """Return the encoder's pitch where there is one, the tracker's elsewhere."""
        return require(features, "f0_hz") if self.encoder is None else self.encoder(audio).f0_hz

    def forward(self, condition: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch frame 1"]:
        """Return the pitch, brought to about 0 … 1 as in the paper's code."""
        return (hz_to_midi(condition) / 127).unsqueeze(-1)

    def lower(self, program: Program, condition: Wire) -> Wire:
        """Append the scaling to a program."""
        return program.affine(program.hz_to_midi(condition), 1 / 127, 0.0)


class F0Config(InputConfig):
    """The fundamental frequency."""

    kind: Literal["f0"] = "f0"
    encoder: PitchEncoderConfig | None = None
    """A network that extracts it, trained with the rest; none where a tracker does."""

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> F0:
        """Return the input."""
        encoder = None if self.encoder is None else PitchEncoder(sample_rate, hop_length, self.encoder)
        return F0(sample_rate, encoder)


class Periodicity(ScaledInput):
    """The tracker's confidence, 0 … 1."""

    minimum, maximum, default = 0.0, 1.0, 1.0

    def __init__(self) -> None:
        super().__init__("periodicity", 2.0, -1.0)

    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame"]:
        """Return the tracker's confidence."""
        return require(features, "confidence")

    def silence(self, first: Float[Tensor, "batch 1"], n_frames: int) -> Float[Tensor, "batch frame"]:
        """Return 0: silence has no pitch."""
        return torch.zeros_like(first).expand(-1, n_frames)


class PeriodicityConfig(InputConfig):
    """How periodic the sound is: the tracker's confidence."""

    kind: Literal["periodicity"] = "periodicity"

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> Periodicity:
        """Return the input."""
        return Periodicity()
