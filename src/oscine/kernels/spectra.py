"""One piece of the multi-scale spectral distance, compiled but for the transforms, which are torch's."""

import ctypes

import torch
from torch import Tensor

from oscine.kernels import library
from oscine.kernels.choice import chosen


def compiled(like: Tensor) -> bool:
    """Return whether `spectral_piece` can be called for tensors like this one."""
    return like.dtype == torch.float32 and chosen(like.device) in library.INSTRUCTION_SETS


def spectral_piece(
    signal: Tensor, window: Tensor, hop: int, weights: tuple[float, float, float], gradient: Tensor | None
) -> float:
    """Return a piece's share of the distance, and add that of its gradient to ``gradient``.

    Args:
        signal: Prediction and truth, (2, item, time), float32.
        window: One frame's weights.
        hop: Samples from one frame to the next.
        weights: Of the linear and of the logarithmic difference, over the number of all bins; and what is
            added before the logarithm.
        gradient: (item, time), room for the frames; None when no gradient is wanted.
    """
    kernels = library.find(chosen())
    assert kernels is not None
    n_items, n_fft = signal.shape[1], len(window)
    n_frames = 1 + (signal.shape[2] - n_fft) // hop
    frames = signal.new_empty(2, n_items, n_frames, n_fft)
    size, step, from_address = 4 * n_frames * n_fft, 4, window.data_ptr()
    for row in range(2 * n_items):
        which, item = divmod(row, n_items)
        start = signal.data_ptr() + step * (which * signal.stride(0) + item * signal.stride(1))
        kernels.cut(start, from_address, n_fft, hop, n_frames, frames.data_ptr() + row * size)
    spectrum = torch.fft.rfft(frames).contiguous()
    shape = library.Spectra(n_items * n_frames, spectrum.shape[-1], *weights, int(n_fft % 2 == 0))
    value = kernels.compare(ctypes.addressof(shape), spectrum[0].data_ptr(), spectrum[1].data_ptr())
    if gradient is not None:
        back = torch.fft.irfft(spectrum[0], n=n_fft, norm="forward").contiguous()
        for item in range(n_items):
            to = gradient.data_ptr() + step * item * gradient.stride(0)
            kernels.add(back.data_ptr() + item * size, from_address, n_fft, hop, n_frames, to)
    return value
