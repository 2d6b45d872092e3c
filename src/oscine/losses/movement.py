"""How much a sound moves: the difference of the quick movements of its bands, as a loss."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from oscine.errors import InputError
from oscine.functional.mfcc import mel_filterbank

_N_MELS = 48
#: The bands are also compared by the power of this many together: all that moves at once moves these most.
_TOGETHER = (48, 12, 3)
_F_MIN_HZ, _F_MAX_HZ = 200.0, 15_500.0
#: Windows of which the mean is what is slow: 52 ms at 44.1 kHz, 72 at 16 kHz.
_SLOW_WINDOWS = 9
#: Movement that counts as none, dB².
_LEAST_DB2 = 0.1


class MovementLoss(nn.Module):
    """``mean |ln m̂ − ln m|``, where m is how much the level of a band moves within about 50 ms.

    The level L of a band, in dB, is taken in windows of 21 to 32 ms, four of which overlap, and

        ``m = mean over time of (L − mean of L over the 9 windows around)² + 0.1 dB²``

    in 48 mel bands from 200 Hz to 15.5 kHz, and in 16, 4 and 1 groups of them. No difference of spectra asks for
    movement that can't be foreseen: the mean of what may come has the smallest. So a network that makes the
    spectral loss small plays steadier than the recording. This loss compares how much both move, and not when.
    What moves together in all bands moves the groups as much as the bands, and what moves by itself does not.

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
        if audio.shape != target.shape or audio.numel() == 0:
            raise InputError(
                f"audio is {tuple(audio.shape)}, target {tuple(target.shape)}; give both the same batch and "
                "time, at least one sample"
            )
        return (self._movement(audio) - self._movement(target)).abs().mean()

    def _movement(self, audio: Tensor) -> Tensor:
        n_fft = len(self.window)
        audio = F.pad(audio.reshape(-1, audio.shape[-1]), (n_fft // 2, n_fft // 2))
        window = self.window.to(audio)
        spectrum = torch.stft(audio, n_fft, n_fft // 4, window=window, center=False, return_complex=True)
        power = self.bank.to(audio) @ torch.view_as_real(spectrum).square().sum(-1)
        groups = [power, *(power.unflatten(1, (-1, size)).sum(2) for size in _TOGETHER)]
        level = 10.0 * torch.log10(torch.cat(groups, dim=1) + self.floor)
        half = _SLOW_WINDOWS // 2
        slow = F.avg_pool1d(F.pad(level, (half, half), mode="replicate"), _SLOW_WINDOWS, 1)
        return torch.log((level - slow).square().mean(2) + _LEAST_DB2)
