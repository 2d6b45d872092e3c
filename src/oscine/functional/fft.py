"""FFT lengths that are fast, and convolution through them."""

import functools

import torch
from jaxtyping import Float
from torch import Tensor


@functools.cache
def fast_fft_length(n: int) -> int:
    """Return the smallest even length ≥ ``n`` whose only prime factors are 2, 3 and 5.

    Examples:
        >>> fast_fft_length(191), fast_fft_length(64_001)
        (192, 64800)
    """
    best = 1 << max(1, (n - 1).bit_length())
    five = 1
    while five < best:
        odd = five
        while odd < best:
            candidate = odd * 2
            while candidate < n:
                candidate *= 2
            best = min(best, candidate)
            odd *= 3
        five *= 5
    return best


def fft_convolve(
    audio: Float[Tensor, "*batch time"], impulse_response: Float[Tensor, "*filter tap"]
) -> Float[Tensor, "*out extended"]:
    """Return the full linear convolution, ``time + tap − 1`` samples.

    ``y[n] = Σ_j h[j] · x[n − j]``

    Args:
        audio: Signal.
        impulse_response: Filter; its leading dimensions broadcast against the signal's.
    """
    length = audio.shape[-1] + impulse_response.shape[-1] - 1
    n_fft = fast_fft_length(length)
    spectrum = torch.fft.rfft(audio, n_fft) * torch.fft.rfft(impulse_response, n_fft)
    return torch.fft.irfft(spectrum, n_fft)[..., :length]
