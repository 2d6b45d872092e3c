"""The spectral envelope of a voice, measured in a sound."""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.analysis.envelope import FLOOR_DB, fill_f0, spectral_envelope
from oscine.data.statistics import Statistics
from oscine.models.inputs.base import Input, InputConfig, require
from oscine.processors.envelope import MOST_ENVELOPE_BANDS
from oscine.streaming import Program, Wire

#: Mean of the density of speech at 60 dB below full scale, and how far it moves, dB.
_MIDDLE_DB, _SPREAD_DB = -75.0, 30.0


class Envelope(Input):
    """Spectral envelope and ratio of noise, (batch, frame, 2 band) (`oscine.analysis.spectral_envelope`).

    Args:
        n_bands: Points of the envelope.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """

    name = "envelope_db"
    minimum, maximum, default = FLOOR_DB, 60.0, FLOOR_DB

    def __init__(self, n_bands: int, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        self.n_bands, self.sample_rate, self.hop_length = n_bands, sample_rate, hop_length
        self.size = self.width = 2 * n_bands

    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame channel"]:
        """Return the envelope at the frames' instants."""
        rates = self.sample_rate, self.hop_length
        f0_hz, confidence = (require(features, name).detach().cpu() for name in ("f0_hz", "confidence"))
        sounds = audio.detach().cpu().float().numpy()
        measured = [
            spectral_envelope(sound, fill_f0(f0, sure), *rates, self.n_bands)
            for sound, f0, sure in zip(sounds, f0_hz, confidence, strict=True)
        ]
        return torch.stack(measured).to(audio)

    def silence(
        self, first: Float[Tensor, "batch 1 channel"], n_frames: int
    ) -> Float[Tensor, "batch frame channel"]:
        """Return the envelope of silence."""
        return torch.full_like(first, FLOOR_DB).expand(-1, n_frames, -1)

    def forward(
        self, condition: Float[Tensor, "batch frame channel"]
    ) -> Float[Tensor, "batch frame channel"]:
        """Return the scaled envelope and ratio."""
        density_db, ratio_db = condition.split(self.n_bands, -1)
        return torch.cat([(density_db - _MIDDLE_DB) / _SPREAD_DB, ratio_db / _SPREAD_DB], -1)

    def lower(self, program: Program, condition: Wire) -> Wire:
        """Append the scaling to a program."""
        density_db, ratio_db = condition.split(self.n_bands, self.n_bands)
        return program.concatenate(
            program.affine(density_db, 1 / _SPREAD_DB, -_MIDDLE_DB / _SPREAD_DB),
            program.affine(ratio_db, 1 / _SPREAD_DB, 0.0),
        )


class EnvelopeInputConfig(InputConfig):
    """The spectral envelope and the ratio of noise, for a part of kind ``envelope`` that is ``measured``."""

    kind: Literal["envelope"] = "envelope"
    n_bands: int = Field(default=80, ge=2, le=MOST_ENVELOPE_BANDS)
    """Points of the envelope; as many as the part has."""

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> Envelope:
        """Return the input."""
        return Envelope(self.n_bands, sample_rate, hop_length)
