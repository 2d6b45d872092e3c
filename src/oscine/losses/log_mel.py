"""The mean difference of log-mel spectra, in dB: a loss that is close to audible differences of timbre."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.errors import InputError
from oscine.functional.checks import comparable_sounds, require_whole
from oscine.functional.mfcc import MelBands, mel_bands, mel_power
from oscine.functional.stft import frame, hop_from_overlap, pad_for_frames

_HIGHEST_HZ = 15_500.0


class LogMelLoss(nn.Module):
    """``mean |10 log10(M̂ + e) − 10 log10(M + e)|`` over mel bands and windows, in dB.

    M is the power of a band: the mean square of a window through the band's filter, so that a full-scale sine
    reads −3 dB. A level that is wrong by 3 dB everywhere costs 3. A window of 50 ms leaves out what one draw
    of noise has by chance, more than a shorter one, and all that happens inside the window.

    Args:
        sample_rate: In Hz.
        window_s: Length of the Hann windows, seconds.
        overlap: Share of a window that two neighbours have in common.
        n_mels: Number of bands.
        f_min_hz: Where the first band begins.
        f_max_hz: Where the last band ends; 15.5 kHz, or Nyquist if that is lower, when left out.
        floor_db: Power e of silence, in dB of a mean square of 1.

    Raises:
        InputError: When the rate, the window, the overlap or the bands cannot be used.

    Examples:
        >>> tone = torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)[None]
        >>> round(float(LogMelLoss(16000, floor_db=-300.0)(2 * tone, tone)), 2)
        6.02
    """

    window: Tensor
    weights: Tensor

    def __init__(
        self,
        sample_rate: int = 16000,
        *,
        window_s: float = 0.05,
        overlap: float = 0.5,
        n_mels: int = 64,
        f_min_hz: float = 40.0,
        f_max_hz: float | None = None,
        floor_db: float = -100.0,
    ) -> None:
        super().__init__()
        require_whole(sample_rate=sample_rate)
        highest_hz = min(_HIGHEST_HZ, sample_rate / 2) if f_max_hz is None else f_max_hz
        n_window = round(window_s * sample_rate)
        if n_window < 4 or n_mels < 1 or not 0 <= f_min_hz < highest_hz <= sample_rate / 2:
            raise InputError(
                f"A window of {window_s} s and {n_mels} bands between {f_min_hz} and {highest_hz} Hz cannot "
                f"be used at {sample_rate} Hz; give at least 4 samples, 1 band, and a range up to Nyquist."
            )
        self.hop_length = hop_from_overlap(n_window, overlap)
        self.floor = 10.0 ** (floor_db / 10.0)
        bands = mel_bands(sample_rate, n_window, n_mels, f_min_hz, highest_hz)
        self.register_buffer("window", bands.window.float(), persistent=False)
        self.register_buffer("weights", bands.weights.float(), persistent=False)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"windows of {len(self.window)} samples, hop {self.hop_length}, {self.weights.shape[1]} bands"

    def forward(self, audio: Float[Tensor, "*batch time"], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """Return the loss of ``audio`` against ``target``, of the same shape: a scalar, in dB.

        Raises:
            InputError: When the shapes differ, or there is no sample.
        """
        audio, target = comparable_sounds(audio, target)
        return (self._level_db(audio) - self._level_db(target)).abs().mean()

    def _level_db(self, audio: Tensor) -> Tensor:
        frames = frame(pad_for_frames(audio, len(self.window)), len(self.window), self.hop_length)
        bands = MelBands(self.window.to(audio), self.weights.to(audio))
        return 10.0 * torch.log10(mel_power(frames, bands) + self.floor)
