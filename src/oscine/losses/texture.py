"""Texture: how bands of a sound move against time and against each other."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.errors import InputError
from oscine.functional.mfcc import log_mel_spectrogram

_WINDOW_S = 0.023
_N_BANDS = 64
#: Of a band's magnitude, where a full-scale sine has about 250: levels below −108 dB are alike.
_EPS = 1e-3
_LAGS, _OFFSETS = (1, 3, 10), (1, 4, 16)


class TextureDistance(nn.Module):
    """The mean absolute difference of two sounds' level steps: from frame to frame, and from band to band.

    With D the difference of their log-mel spectrograms, 64 bands every quarter of a window of 23 ms, it is

        ``mean_k mean|D[t + k, b] − D[t, b]|  +  mean_j mean|D[t, b + j] − D[t, b]|``,

    with lags k of 1, 3 and 10 frames and offsets j of 1, 4 and 16 bands. A spectral distance compares every
    bin for itself. As a part of an energy distance (`EnergyDistance`), this one asks as well that
    levels move as fast, and as much together, as the recording's.

    Args:
        sample_rate: Hz.

    Reference: after M. Scheuerer and T. M. Hamill, Variogram-based proper scoring rules for probabilistic
    forecasts of multivariate quantities, 2015. There the steps have an exponent; here each has an energy
    distance of its own.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop_length = max(1, round(_WINDOW_S * sample_rate / 4))

    def forward(self, audio: Float[Tensor, "batch time"], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """Return the distance, a scalar.

        Raises:
            InputError: When the shapes differ, or the sound is shorter than the longest lag.
        """
        if audio.shape != target.shape:
            raise InputError(f"The audio is {tuple(audio.shape)} and the target {tuple(target.shape)}.")
        difference = self._levels(audio) - self._levels(target)
        if difference.shape[1] <= max(_LAGS):
            raise InputError(
                f"The sound has {audio.shape[-1]} samples; its texture needs {max(_LAGS) + 1} hops of "
                f"{self.hop_length}."
            )
        return _steps(difference, 1, _LAGS) + _steps(difference, 2, _OFFSETS)

    def _levels(self, audio: Tensor) -> Float[Tensor, "batch frame band"]:
        return log_mel_spectrogram(
            audio,
            self.sample_rate,
            self.hop_length,
            n_fft=4 * self.hop_length,
            n_mels=_N_BANDS,
            f_min_hz=40.0,
            f_max_hz=self.sample_rate / 2,
            eps=_EPS,
        )


def _steps(difference: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return the mean over step sizes of the mean absolute step along a dimension."""
    n = difference.shape[dim]
    each = [(difference.narrow(dim, k, n - k) - difference.narrow(dim, 0, n - k)).abs().mean() for k in sizes]
    return torch.stack(each).mean()
