"""Convolution with one long impulse response: whole by one FFT, or as it arrives, in partitions."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.checks import require_batch
from oscine.functional.fft import fast_fft_length, fft_convolve

_LEAST_FFT = 1024


class ConvolutionState(NamedTuple):
    """The state of a convolution between two blocks."""

    recent: Float[Tensor, "batch recent"]
    """The last input samples, one less than the response has taps."""


def convolution_state(
    batch_size: int, n_taps: int, device: torch.device | str | None = None
) -> ConvolutionState:
    """Return the state before the first sample.

    Args:
        batch_size: Signals that are convolved side by side.
        n_taps: Length of the response.
        device: Where.
    """
    return ConvolutionState(torch.zeros(batch_size, n_taps - 1, device=device))


def convolve(
    audio: Float[Tensor, "batch time"], impulse_response: Float[Tensor, " tap"]
) -> Float[Tensor, "batch time"]:
    """Return the causal convolution ``y[n] = Σ_j h[j] · x[n − j]``, as long as the input.

    Raises:
        ValueError: When there is no sample or no tap, or an axis too many or too few.
    """
    _check(audio, impulse_response)
    # Taps beyond the signal's length never sound.
    return fft_convolve(audio, impulse_response[: audio.shape[-1]])[..., : audio.shape[-1]]


def convolve_step(
    audio: Float[Tensor, "batch time"],
    impulse_response: Float[Tensor, " tap"],
    state: ConvolutionState,
) -> tuple[Float[Tensor, "batch time"], ConvolutionState]:
    """Return the next block's convolution and state, without delay, whatever the block's length.

    The response is cut into partitions of P taps, and P chosen so that a partition and the block of N samples
    fill a transform of P + N − 1. Partition k needs the samples from k P + P − 1 before the block on. The
    products of its spectrum and theirs are added up, and one inverse transform gives the block
    (overlap-save). The partitions are counted back from the block, so nothing but the last samples is
    remembered, and the items of a batch may have started at different times.

    Args:
        audio: Next samples.
        impulse_response: All taps; the same number in every block.
        state: From the block before, or from `convolution_state`.

    Raises:
        ValueError: When there is no sample or no tap, an axis too many or too few, or the state is of another
            batch or response.

    Reference: Gardner, Efficient convolution without input-output delay, JAES 43, 1995. There the partitions
        are aligned to the start of the signal.
    """
    _check(audio, impulse_response)
    n_new, n_taps = audio.shape[-1], impulse_response.shape[0]
    wanted = (audio.shape[0], n_taps - 1)
    if tuple(state.recent.shape) != wanted:
        raise ValueError(
            f"The state's recent samples are {tuple(state.recent.shape)}; for {wanted[0]} signals and a "
            f"response of {n_taps} taps give {wanted}, from convolution_state."
        )
    known = torch.cat([state.recent.to(audio.dtype), audio], dim=-1)
    n_fft = fast_fft_length(max(_LEAST_FFT, 4 * n_new))
    partition = n_fft - n_new + 1
    if partition >= n_taps:
        partition, n_fft = n_taps, fast_fft_length(n_taps + n_new - 1)
    n_partitions = -(-n_taps // partition)
    missing = n_partitions * partition - n_taps
    padded = torch.nn.functional.pad(impulse_response, (0, missing)).reshape(n_partitions, partition)
    # The windows from the oldest to the newest, and so the partitions from the last to the first.
    windows = torch.nn.functional.pad(known, (missing, 0)).unfold(-1, partition + n_new - 1, partition)
    product = torch.fft.rfft(windows, n_fft) * torch.fft.rfft(padded.flip(0), n_fft)
    output = torch.fft.irfft(product.sum(dim=1), n_fft)[:, partition - 1 : partition - 1 + n_new]
    return output, ConvolutionState(known[:, n_new:])


def _check(audio: Tensor, impulse_response: Tensor) -> None:
    require_batch("audio", audio, "batch time")
    if impulse_response.ndim != 1 or impulse_response.shape[0] == 0:
        raise ValueError(
            f"The impulse response is {tuple(impulse_response.shape)}; give its taps along one axis, at "
            "least one."
        )
