"""How much a sound moves: the quick movements of its bands, and how far they go together, as a loss."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from oscine.functional.checks import require_same_sound
from oscine.functional.mfcc import mel_filterbank

_N_MELS = 48
_N_GROUPS = 16
_F_MIN_HZ, _F_MAX_HZ = 200.0, 15_500.0
#: Windows of which the mean is what is slow: 52 and 122 ms at 44.1 kHz, 72 and 168 ms at 16 kHz.
_SLOW_WINDOWS, _SLOW_TOGETHER_WINDOWS = 9, 21
#: Movement that counts as none, dB².
_LEAST_DB2 = 0.1
#: Of the correlations beside the logarithms of movement, so that both count about as much in training.
_TOGETHER_WEIGHT = 3.0


class MovementLoss(nn.Module):
    """``mean |ln m̂ − ln m| + 3 · mean |Ĉ − C|``: how much bands move, and how far they do so together.

    The level L of a band, in dB, is taken in windows of 21 to 32 ms, each a quarter of its length after the
    last. A band moves by

        ``m = mean over time of (L − L̄)² + 0.1 dB²``,  L̄ the mean of the 9 windows around,

    in 48 mel bands from 200 Hz to 15.5 kHz; and C are the correlations of 16 groups of three bands, of their
    levels less the mean of 21 windows. Both compare how a crop moves, and not when.

    No difference of spectra asks for movement that can't be foreseen: the mean of what may come has the
    smallest. So a network that makes a spectral loss small plays steadier than the recording, and what moves
    in it moves together.

    Args:
        sample_rate: In Hz.
        floor_db: Power of silence, in dB of a mean square of 1.

    Example:
        >>> noise = torch.rand(1, 16000, generator=torch.Generator().manual_seed(0)) - 0.5
        >>> steady = torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)[None]
        >>> loss = MovementLoss(16000)
        >>> float(loss(3 * noise, noise)) < 0.01 < 1 < float(loss(steady, noise))
        True
    """

    window: Tensor
    bank: Tensor

    def __init__(self, sample_rate: int = 16000, *, floor_db: float = -100.0) -> None:
        super().__init__()
        self.floor = 10.0 ** (floor_db / 10.0)
        n_fft = 1 << (round(0.02 * sample_rate) - 1).bit_length()
        window = torch.hann_window(n_fft, dtype=torch.float64)
        highest_hz = min(_F_MAX_HZ, sample_rate / 2)
        bank = mel_filterbank(sample_rate, n_fft, _N_MELS, _F_MIN_HZ, highest_hz)
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("bank", (2.0 / (n_fft * window.square().sum()) * bank).float(), persistent=False)

    def forward(self, audio: Float[Tensor, "*batch time"], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """Return the loss of ``audio`` against ``target``, of the same shape.

        Raises:
            InputError: When the shapes differ, or there is no sample.
        """
        require_same_sound(audio, target)
        ours, theirs = self._power(audio), self._power(target)
        amount = (self._movement(ours) - self._movement(theirs)).abs().mean()
        together = (self._correlation(ours) - self._correlation(theirs)).abs().mean()
        return amount + _TOGETHER_WEIGHT * together

    def _power(self, audio: Tensor) -> Float[Tensor, "item mel window"]:
        n_fft = len(self.window)
        audio = F.pad(audio.reshape(-1, audio.shape[-1]), (n_fft // 2, n_fft // 2))
        window = self.window.to(audio)
        spectrum = torch.stft(audio, n_fft, n_fft // 4, window=window, center=False, return_complex=True)
        return self.bank.to(audio) @ torch.view_as_real(spectrum).square().sum(-1)

    def _movement(self, power: Tensor) -> Float[Tensor, "item mel"]:
        return torch.log(self._quick_db(power, _SLOW_WINDOWS).square().mean(2) + _LEAST_DB2)

    def _correlation(self, power: Tensor) -> Float[Tensor, "item group group"]:
        quick = self._quick_db(power.unflatten(1, (_N_GROUPS, -1)).sum(2), _SLOW_TOGETHER_WINDOWS)
        quick = quick * torch.rsqrt(quick.square().mean(2, keepdim=True) + _LEAST_DB2)
        return quick @ quick.transpose(1, 2) / quick.shape[2]

    def _quick_db(self, power: Tensor, n_slow: int) -> Tensor:
        level = 10.0 * torch.log10(power + self.floor)
        half = n_slow // 2
        return level - F.avg_pool1d(F.pad(level, (half, half), mode="replicate"), n_slow, 1)
