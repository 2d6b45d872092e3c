"""`oscine::filtered_noise`: noise through short symmetric filters that move, without a transform.

In frame t, at its samples i = 0 … hop − 1,

    y(i) = (1 − i/hop) · Σ_j h[t−1, |j|] x(i − j) + (i/hop) · Σ_j h[t, |j|] x(i − j)

with x the noise of `oscine.functional.uniform_noise`. The compiled form makes the noise where it is needed
and adds up the sum as it stands. For long filters, on a GPU or without a compiler, products of spectra are
better: `oscine.functional.filtered_noise` takes those.
"""

from typing import Any

import torch
from torch import Tensor

from oscine.kernels import library
from oscine.kernels.choice import chosen

_LONGEST = 192  # taps, about where the transforms are faster


def compiled(taps: Tensor) -> bool:
    """Return whether `filtered_noise` can be called for these taps, and is the faster way."""
    return (
        taps.shape[-1] <= _LONGEST
        and taps.dtype in library.DTYPES
        and chosen(taps.device) in library.INSTRUCTION_SETS
    )


@torch.library.custom_op("oscine::filtered_noise", mutates_args=())
def filtered_noise(seed: Tensor, sample: Tensor, taps: Tensor, previous: Tensor, hop_length: int) -> Tensor:
    """Return the audio, (batch, frame · hop), in the precision of the taps.

    Args:
        seed: One per item, int64.
        sample: Number of the first sample, one per item, int64.
        taps: Taps 0, 1, … of each frame's symmetric filter, (batch, frame, tap).
        previous: Taps before the first frame, (batch, tap).
        hop_length: Samples per frame.
    """
    batch, n_frames, n_taps = taps.shape
    if previous.shape != (batch, n_taps) or seed.shape != (batch,) or sample.shape != (batch,):
        given = tuple(tuple(x.shape) for x in (previous, seed, sample))
        raise ValueError(
            f"previous, seed and sample are {given}, but beside taps of {tuple(taps.shape)} they have to be "
            f"{(batch, n_taps)}, {(batch,)} and {(batch,)}"
        )
    audio = taps.new_empty(batch, n_frames * hop_length)
    inputs = {"taps": taps.contiguous(), "previous": previous.to(taps.dtype).contiguous()}
    _run(seed, sample, taps.shape, hop_length, audio.dtype, False, **inputs, audio=audio)
    return audio


@filtered_noise.register_fake
def _(seed: Tensor, sample: Tensor, taps: Tensor, previous: Tensor, hop_length: int) -> Tensor:
    return taps.new_empty(taps.shape[0], taps.shape[1] * hop_length)


@torch.library.custom_op("oscine::filtered_noise_backward", mutates_args=())
def filtered_noise_backward(
    grad: Tensor, seed: Tensor, sample: Tensor, previous: Tensor, hop_length: int
) -> tuple[Tensor, Tensor]:
    """Return the gradients of the taps and of those before."""
    grad_taps = grad.new_empty(grad.shape[0], grad.shape[1] // hop_length, previous.shape[1])
    grad_previous = grad.new_zeros(previous.shape)
    grads = {"grad_audio": grad.contiguous(), "grad_taps": grad_taps, "grad_previous": grad_previous}
    _run(seed, sample, grad_taps.shape, hop_length, grad.dtype, True, **grads)
    return grad_taps, grad_previous


@filtered_noise_backward.register_fake
def _(grad: Tensor, seed: Tensor, sample: Tensor, previous: Tensor, hop_length: int) -> tuple[Tensor, Tensor]:
    return (
        grad.new_empty(grad.shape[0], grad.shape[1] // hop_length, previous.shape[1]),
        grad.new_empty(previous.shape),
    )


def _run(
    seed: Tensor,
    sample: Tensor,
    shape: torch.Size,
    hop_length: int,
    dtype: torch.dtype,
    backward: bool,
    **tensors: Tensor,
) -> None:
    structure = library.fill(
        library.Noise,
        batch=shape[0],
        n_frames=shape[1],
        hop_length=hop_length,
        n_taps=shape[2],
        seed=seed.contiguous(),
        sample=sample.contiguous(),
        **tensors,
    )
    library.call(chosen(seed.device), "noise", dtype, structure, backward)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    seed, sample, _, previous, ctx.hop_length = inputs
    ctx.save_for_backward(seed, sample, previous)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    grads = filtered_noise_backward(grad.contiguous(), *ctx.saved_tensors, ctx.hop_length)
    return None, None, *grads, None


filtered_noise.register_autograd(_backward, setup_context=_setup_context)
filtered_noise.register_autocast("cpu", torch.float32)
