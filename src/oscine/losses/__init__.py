"""Distances between sounds that training makes small."""

from oscine.losses.spectral import MultiScaleSpectralLoss, default_fft_sizes, multi_scale_spectral_loss

__all__ = ["MultiScaleSpectralLoss", "default_fft_sizes", "multi_scale_spectral_loss"]
