"""The texture of a sound, how its bands move, go together and how loud they are, as a loss."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from oscine.errors import InputError
from oscine.functional.checks import comparable_sounds, require_whole
from oscine.functional.mfcc import mel_filterbank

_N_MELS = 48
_N_GROUPS = 16
_F_MIN_HZ, _F_MAX_HZ = 200.0, 15_500.0
#: Windows of which the mean is what is slow: 52 and 122 ms at 44.1 kHz, 72 and 168 ms at 16 kHz.
_SLOW_WINDOWS, _SLOW_TOGETHER_WINDOWS = 9, 21
#: Movement that counts as none, dB².
_LEAST_DB2 = 0.1
#: Of the correlations and of the levels in dB, beside the logarithms of movement.
_TOGETHER_WEIGHT, _LEVEL_WEIGHT = 3.0, 0.6


class TextureLoss(nn.Module):
    """``mean |ln m̂ − ln m| + 3 · mean |Ĉ − C| + 0.6 · mean |l̂ − l|``, statistics of bands over a crop.

    The level L of a band, in dB, is taken in windows of 21 to 32 ms, each a quarter of its length after the
    last. Compared are

    - the movement of 48 mel bands from 200 Hz to 15.5 kHz, ``m = mean over time of (L − L̄)² + 0.1 dB²``,
      where L̄ is the mean of the 9 windows around;
    - the correlations C of 16 groups of three bands, of their levels less the mean of 21 windows;
    - the level ``l``, the mean over time of L.

    They say how a crop sounds, and not when. A difference of spectra is smallest for the median of what may
    come. A network that makes it small plays steadier than the recording, and all bands move together. Where
    much is random, as in the highest bands, it plays too softly.

    Args:
        sample_rate: In Hz.
        floor_db: Power of silence, in dB of a mean square of 1.

    Raises:
        InputError: When the rate is not a whole number above 400 Hz.

    Reference:
        McDermott and Simoncelli, Sound texture perception via statistics of the auditory periphery, Neuron
        71(5), 2011: listeners perceive a texture by such statistics.

    Examples:
        >>> noise = torch.rand(1, 16000, generator=torch.Generator().manual_seed(0)) - 0.5
        >>> steady = torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)[None]
        >>> loss = TextureLoss(16000)
        >>> float(loss(noise.roll(99), noise)) < 0.2 < 1 < float(loss(steady, noise))
        True
    """

    window: Tensor
    bank: Tensor

    def __init__(self, sample_rate: int = 16000, *, floor_db: float = -100.0) -> None:
        super().__init__()
        require_whole(sample_rate=sample_rate)
        self.floor = 10.0 ** (floor_db / 10.0)
        highest_hz = min(_F_MAX_HZ, sample_rate / 2)
        if highest_hz <= _F_MIN_HZ:
            raise InputError(
                f"sample_rate is {sample_rate} Hz; give more than {2 * _F_MIN_HZ:g} Hz, for the bands begin "
                f"at {_F_MIN_HZ:g} Hz."
            )
        n_fft = 1 << (round(0.02 * sample_rate) - 1).bit_length()
        window = torch.hann_window(n_fft, dtype=torch.float64)
        bank = mel_filterbank(sample_rate, n_fft, _N_MELS, _F_MIN_HZ, highest_hz)
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("bank", (2.0 / (n_fft * window.square().sum()) * bank).float(), persistent=False)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"windows of {len(self.window)} samples, {len(self.bank)} bands"

    def forward(self, audio: Float[Tensor, "*batch time"], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """Return the loss of ``audio`` against ``target``, of the same shape.

        Raises:
            InputError: When the shapes differ, or there is no sample.
        """
        audio, target = comparable_sounds(audio, target)
        powers = self._power(audio), self._power(target)
        ours, theirs = (self._level_db(power) for power in powers)
        level = (ours.mean(2) - theirs.mean(2)).abs().mean()
        amount = (_movement(ours) - _movement(theirs)).abs().mean()
        ours, theirs = (self._level_db(power.unflatten(1, (_N_GROUPS, -1)).sum(2)) for power in powers)
        together = (_correlation(ours) - _correlation(theirs)).abs().mean()
        return amount + _TOGETHER_WEIGHT * together + _LEVEL_WEIGHT * level

    def _power(self, audio: Tensor) -> Float[Tensor, "item mel window"]:
        n_fft = len(self.window)
        audio = F.pad(audio.reshape(-1, audio.shape[-1]), (n_fft // 2, n_fft // 2))
        window = self.window.to(audio)
        spectrum = torch.stft(audio, n_fft, n_fft // 4, window=window, center=False, return_complex=True)
        return self.bank.to(audio) @ torch.view_as_real(spectrum).square().sum(-1)

    def _level_db(self, power: Tensor) -> Tensor:
        return 10.0 * torch.log10(power + self.floor)


def _movement(level_db: Float[Tensor, "item mel window"]) -> Float[Tensor, "item mel"]:
    return torch.log(_quick(level_db, _SLOW_WINDOWS).square().mean(2) + _LEAST_DB2)


def _correlation(level_db: Float[Tensor, "item group window"]) -> Float[Tensor, "item group group"]:
    quick = _quick(level_db, _SLOW_TOGETHER_WINDOWS)
    quick = quick * torch.rsqrt(quick.square().mean(2, keepdim=True) + _LEAST_DB2)
    return quick @ quick.transpose(1, 2) / quick.shape[2]


def _quick(level_db: Tensor, n_slow: int) -> Tensor:
    half = n_slow // 2
    return level_db - F.avg_pool1d(F.pad(level_db, (half, half), mode="replicate"), n_slow, 1)
