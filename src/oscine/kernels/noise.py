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
from oscine.kernels.checks import INTEGERS, require_alike, require_kind, require_ranks, require_sizes
from oscine.kernels.choice import chosen

_NAME = "filtered_noise"
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
        seed: One per item, integers.
        sample: Number of the first sample, one per item, integers.
        taps: Taps 0, 1, … of each frame's symmetric filter, (batch, frame, tap).
        previous: Taps before the first frame, (batch, tap).
        hop_length: Samples per frame.

    Raises:
        ValueError: When a shape, a device or a kind of number does not belong to the taps.
    """
    _check(seed, sample, taps, previous, hop_length)
    audio = taps.new_empty(taps.shape[0], taps.shape[1] * hop_length)
    inputs = {"taps": taps.contiguous(), "previous": previous.to(taps.dtype).contiguous()}
    _run(seed, sample, taps.shape, hop_length, audio.dtype, False, **inputs, audio=audio)
    return audio


def _check(seed: Tensor, sample: Tensor, taps: Tensor, previous: Tensor, hop_length: int) -> None:
    require_ranks(_NAME, ("taps", taps, "batch frame tap"))
    require_sizes(_NAME, hop_length=hop_length, n_taps=taps.shape[2])
    require_kind(_NAME, "taps", taps, tuple(library.DTYPES))
    batch, _, n_taps = taps.shape
    like = ("taps", taps)
    require_alike(_NAME, like, {"previous": (previous, (batch, n_taps))})
    numbers = {"seed": (seed, (batch,)), "sample": (sample, (batch,))}
    require_alike(_NAME, like, numbers, kinds=INTEGERS)


@filtered_noise.register_fake
def _(seed: Tensor, sample: Tensor, taps: Tensor, previous: Tensor, hop_length: int) -> Tensor:
    _check(seed, sample, taps, previous, hop_length)
    return taps.new_empty(taps.shape[0], taps.shape[1] * hop_length)


@torch.library.custom_op("oscine::filtered_noise_backward", mutates_args=())
def filtered_noise_backward(
    grad: Tensor, seed: Tensor, sample: Tensor, previous: Tensor, hop_length: int
) -> tuple[Tensor, Tensor]:
    """Return the gradients of the taps and of those before.

    Raises:
        ValueError: When a tensor does not belong to the others.
    """
    _check_backward(grad, seed, sample, previous, hop_length)
    previous = previous.to(grad.dtype)
    grad_taps = grad.new_empty(grad.shape[0], grad.shape[1] // hop_length, previous.shape[1])
    grad_previous = grad.new_zeros(previous.shape)
    grads = {"grad_audio": grad.contiguous(), "grad_taps": grad_taps, "grad_previous": grad_previous}
    _run(seed, sample, grad_taps.shape, hop_length, grad.dtype, True, **grads)
    return grad_taps, grad_previous


def _check_backward(grad: Tensor, seed: Tensor, sample: Tensor, previous: Tensor, hop_length: int) -> None:
    require_ranks(_NAME, ("grad", grad, "batch time"), ("previous", previous, "batch tap"))
    batch, n_taps = previous.shape
    require_sizes(_NAME, hop_length=hop_length, n_taps=n_taps)
    require_kind(_NAME, "grad", grad, tuple(library.DTYPES))
    n_frames = grad.shape[1] // hop_length
    like = ("previous", previous)
    require_alike(_NAME, like, {"previous": (previous, (batch, n_taps))})
    require_alike(_NAME, like, {"grad": (grad, (batch, n_frames * hop_length))})
    numbers = {"seed": (seed, (batch,)), "sample": (sample, (batch,))}
    require_alike(_NAME, like, numbers, kinds=INTEGERS)


@filtered_noise_backward.register_fake
def _(grad: Tensor, seed: Tensor, sample: Tensor, previous: Tensor, hop_length: int) -> tuple[Tensor, Tensor]:
    _check_backward(grad, seed, sample, previous, hop_length)
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
        seed=seed.to(torch.int64).contiguous(),
        sample=sample.to(torch.int64).contiguous(),
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
