"""Timbre: the latent z of an encoder, and the spectral centroid."""

from collections.abc import Mapping
from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.data.statistics import Statistics
from oscine.functional.centroid import spectral_centroid_midi
from oscine.models.inputs.base import Input, InputConfig, ScaledInput
from oscine.networks import TimbreEncoder, TimbreEncoderConfig
from oscine.streaming import Program, Wire


class Z(Input):
    """Residual timbre, (batch, frame, z), which an encoder extracts from audio.

    Args:
        encoder: The network.
    """

    name = "z"
    minimum, maximum = -1e3, 1e3

    def __init__(self, encoder: TimbreEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.size = self.width = encoder.config.z_size

    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame z"]:
        """Return the encoder's z."""
        return self.encoder(audio)

    def forward(self, condition: Float[Tensor, "batch frame z"]) -> Float[Tensor, "batch frame z"]:
        """Return z as it is."""
        return condition

    def lower(self, program: Program, condition: Wire) -> Wire:
        """Return the wire as it is."""
        return condition


class ZConfig(InputConfig):
    """Residual timbre (z), which an encoder extracts from audio."""

    kind: Literal["z"] = "z"
    encoder: TimbreEncoderConfig = Field(default_factory=TimbreEncoderConfig)
    """The network that extracts it."""

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> Z:
        """Return the input."""
        return Z(TimbreEncoder(sample_rate, hop_length, self.encoder))


class Centroid(ScaledInput):
    """The spectral centroid on the pitch axis, semitones (`oscine.functional.spectral_centroid_midi`)."""

    unit = "semitones"
    minimum, maximum, default = 0.0, 160.0, 69.0

    def __init__(self, sample_rate: int, hop_length: int) -> None:
        # Its mean and deviation over many recordings are about 80 and 24 semitones.
        super().__init__("centroid_midi", 1 / 24, -80 / 24)
        self.sample_rate, self.hop_length = sample_rate, hop_length

    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame"]:
        """Return the centroid at the frames' instants."""
        return spectral_centroid_midi(audio, self.sample_rate, self.hop_length)


class CentroidConfig(InputConfig):
    """The spectral centroid."""

    kind: Literal["centroid"] = "centroid"

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> Centroid:
        """Return the input."""
        return Centroid(sample_rate, hop_length)
