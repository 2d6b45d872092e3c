"""The multi-scale spectral loss, the main loss of training."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, float64, nn
from torch.signal import windows

from oscine.errors import InputError
from oscine.functional.checks import require_whole
from oscine.functional.spectral_distance import multi_scale_spectral_distance

FFT_SIZES_16K = (2048, 1024, 512, 256, 128, 64)
WINDOWS = {
    "hann": windows.hann,
    "hamming": windows.hamming,
    "blackman": windows.blackman,
    "nuttall": windows.nuttall,
    "cosine": windows.cosine,
    "bartlett": windows.bartlett,
}


def default_fft_sizes(sample_rate: int) -> tuple[int, ...]:
    """Return the paper's FFT sizes, 2048 … 64 samples at 16 kHz, for the same durations at another rate.

    Sizes meant for 16 kHz do not train the harmonic branch at 44.1 or 48 kHz. Each size is the nearest
    multiple of 4 (so that a quarter is a whole hop) with no prime factor above 5 (so that its FFT is fast):
    6144 … 192 at 48 kHz, 5760 … 180 at 44.1 kHz.

    Args:
        sample_rate: In Hz.

    Raises:
        InputError: When the rate is not a whole number of at least 1.
    """
    require_whole(sample_rate=sample_rate)
    return tuple(_nearest_fast_size(n * sample_rate / 16000) for n in FFT_SIZES_16K)


def _nearest_fast_size(size: float) -> int:
    candidates = (n for n in range(4, 2 * max(8, round(size)), 4) if _largest_factor_is_5(n))
    return min(candidates, key=lambda n: abs(n - size))


def _largest_factor_is_5(n: int) -> bool:
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n == 1


def _window(name: str, n_fft: int) -> Tensor:
    if n_fft < 2:
        raise InputError(f"An FFT size is {n_fft}; give sizes of at least 2 samples.")
    if name not in WINDOWS:
        raise InputError(f"The window {name!r} is not known; give one of {', '.join(WINDOWS)}.")
    return WINDOWS[name](n_fft, sym=False, dtype=float64)


def multi_scale_spectral_loss(
    audio: Float[Tensor, "*batch time"],
    target: Float[Tensor, "..."],
    *,
    fft_sizes: Sequence[int] = FFT_SIZES_16K,
    overlap: float = 0.75,
    window: str = "hann",
    linear_weight: float = 1.0,
    log_weight: float = 1.0,
    floor_db: float = -100.0,
) -> Float[Tensor, ""]:
    """Return ``Σ_i [w · mean|S_i − Ŝ_i| + α · mean|log(S_i + e_i) − log(Ŝ_i + e_i)|]`` over the FFT sizes.

    Args:
        audio: The prediction; only it receives a gradient.
        target: The recording; same shape. It may be shorter than the largest FFT; zeros are added.
        fft_sizes: One scale per size, in samples; `default_fft_sizes` scales the paper's with the rate.
        overlap: Share of a window that two neighbours have in common.
        window: One of ``WINDOWS``, periodic.
        linear_weight: w, of the difference of magnitudes.
        log_weight: α, of the difference of logarithms.
        floor_db: Level, in dB of a full-scale sine, below which the logarithm is nearly constant.

    Returns:
        The loss, a scalar; 0 if both are equal.

    Raises:
        InputError: When the shapes differ, something is empty, or the window or a size cannot be used.

    Reference:
        Engel, Hantrakul, Gu, Roberts: DDSP: Differentiable Digital Signal Processing, 2020 (section 4.2.1).

    Examples:
        >>> import torch
        >>> t = torch.arange(16000) / 16000
        >>> tone = torch.sin(2 * torch.pi * 440 * t)[None]
        >>> float(multi_scale_spectral_loss(tone, tone))
        0.0
    """
    return multi_scale_spectral_distance(
        audio,
        target,
        windows=[_window(window, n) for n in fft_sizes],
        overlap=overlap,
        linear_weight=linear_weight,
        log_weight=log_weight,
        floor_db=floor_db,
    )


class MultiScaleSpectralLoss(nn.Module):
    """The same as `multi_scale_spectral_loss`, with its FFT sizes and windows kept for one sample rate.

    Args:
        sample_rate: In Hz; decides the FFT sizes when none are given.
        fft_sizes: One scale per size, in samples.
        overlap: Share of a window that two neighbours have in common.
        window: One of ``WINDOWS``, periodic.
        linear_weight: Weight of the difference of magnitudes.
        log_weight: Weight of the difference of logarithms.
        floor_db: Level, in dB of a full-scale sine, below which the logarithm levels off.

    Raises:
        InputError: When the window or a size cannot be used.
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        *,
        fft_sizes: Sequence[int] | None = None,
        overlap: float = 0.75,
        window: str = "hann",
        linear_weight: float = 1.0,
        log_weight: float = 1.0,
        floor_db: float = -100.0,
    ) -> None:
        super().__init__()
        self.fft_sizes = tuple(fft_sizes) if fft_sizes is not None else default_fft_sizes(sample_rate)
        self.overlap = overlap
        self.linear_weight = linear_weight
        self.log_weight = log_weight
        self.floor_db = floor_db
        for n_fft in self.fft_sizes:
            self.register_buffer(f"window_{n_fft}", _window(window, n_fft).float(), persistent=False)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"FFT sizes {', '.join(map(str, self.fft_sizes))}, overlap {self.overlap:g}"

    def forward(self, audio: Float[Tensor, "*batch time"], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """Return the loss of ``audio`` against ``target``, a scalar."""
        return multi_scale_spectral_distance(
            audio,
            target,
            windows=[self.get_buffer(f"window_{n}") for n in self.fft_sizes],
            overlap=self.overlap,
            linear_weight=self.linear_weight,
            log_weight=self.log_weight,
            floor_db=self.floor_db,
        )
