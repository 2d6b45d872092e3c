"""The losses that a sound can be fitted by."""

from difflib import get_close_matches
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.errors import InputError
from oscine.functional.stft import frame, pad_for_frames
from oscine.losses import (
    EnergyDistance,
    EnvelopeLoss,
    LogMelLoss,
    MultiScaleSpectralLoss,
    SpectralTransportLoss,
)

LossName = Literal["spectral", "energy", "transport", "log-mel", "hit"]
LOSSES: tuple[str, ...] = get_args(LossName)
"""``spectral``: multi-scale spectral loss. ``energy``: energy distance, with other noise in each step.
``transport``: Wasserstein distance of spectra, and the level. ``log-mel``: log-mel spectra of 50 ms.
``hit``: multi-scale spectral loss and the envelope in time."""

_LEVEL_WEIGHT = 0.1
_ENVELOPE_WEIGHT = 0.1
_FLOOR = 1e-8


class LevelAndTransportLoss(nn.Module):
    """The distance of spectra as distributions, in semitones, and a tenth of the level's error in dB.

    `oscine.losses.SpectralTransportLoss` compares where energy is and not how much there is; the second term
    compares the mean square of windows as long as its own.

    Args:
        sample_rate: In Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.transport = SpectralTransportLoss(sample_rate)

    def forward(self, audio: Float[Tensor, "batch time"], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """Return the loss of ``audio`` against ``target``, a scalar."""
        level_db = (self._level_db(audio) - self._level_db(target)).abs().mean()
        return self.transport(audio, target) + _LEVEL_WEIGHT * level_db

    def _level_db(self, audio: Tensor) -> Tensor:
        frames = frame(
            pad_for_frames(audio, self.transport.n_fft), self.transport.n_fft, self.transport.hop_length
        )
        return 10.0 * torch.log10(frames.square().mean(-1) + _FLOOR)


class HitLoss(nn.Module):
    """The multi-scale spectral loss, and a tenth of the envelope's error in dB.

    Args:
        sample_rate: In Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.spectral = MultiScaleSpectralLoss(sample_rate)
        self.envelope = EnvelopeLoss(sample_rate)

    def forward(self, audio: Float[Tensor, "batch time"], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """Return the loss of ``audio`` against ``target``, a scalar."""
        return self.spectral(audio, target) + _ENVELOPE_WEIGHT * self.envelope(audio, target)


def make_loss(name: str, sample_rate: int) -> nn.Module:
    """Return a loss by its name in `LOSSES`.

    Raises:
        InputError: When there is no such loss.
    """
    if name == "spectral":
        return MultiScaleSpectralLoss(sample_rate)
    if name == "energy":
        return EnergyDistance(MultiScaleSpectralLoss(sample_rate))
    if name == "transport":
        return LevelAndTransportLoss(sample_rate)
    if name == "log-mel":
        return LogMelLoss(sample_rate)
    if name == "hit":
        return HitLoss(sample_rate)
    nearest = get_close_matches(name, LOSSES, n=1)
    raise InputError(
        f"There is no loss {name[:40]!r}{f'; the nearest is {nearest[0]}' if nearest else ''}; give one of "
        f"{', '.join(LOSSES)}."
    )
