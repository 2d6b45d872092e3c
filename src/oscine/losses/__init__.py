"""Losses: distances between sounds, and between controls."""

from oscine.losses.adversarial import AdversarialLoss, AdversarialTerms
from oscine.losses.energy import EnergyDistance
from oscine.losses.envelope import EnvelopeLoss
from oscine.losses.flow import flow_loss
from oscine.losses.log_mel import LogMelLoss
from oscine.losses.matching import in_sizes_of, shared_controls
from oscine.losses.parameters import parameter_distances, parameter_loss
from oscine.losses.perceptual import CrepeLoss
from oscine.losses.spectral import MultiScaleSpectralLoss, default_fft_sizes, multi_scale_spectral_loss
from oscine.losses.texture import TextureLoss
from oscine.losses.transport import SpectralTransportLoss

__all__ = [
    "AdversarialLoss",
    "AdversarialTerms",
    "CrepeLoss",
    "EnergyDistance",
    "EnvelopeLoss",
    "LogMelLoss",
    "MultiScaleSpectralLoss",
    "SpectralTransportLoss",
    "TextureLoss",
    "default_fft_sizes",
    "flow_loss",
    "in_sizes_of",
    "multi_scale_spectral_loss",
    "parameter_distances",
    "parameter_loss",
    "shared_controls",
]
