"""`oscine::gru`, the recurrent half of a GRU over all frames in one call; cuDNN's equations.

    r = σ(x_r + W_r h + b_r)
    z = σ(x_z + W_z h + b_z)
    n = tanh(x_n + r · (W_n h + b_n))
    h' = n + z (h − n)

The inputs' half x (one product over all frames) is made by the caller. What is left is a chain of small
products, one per frame, which a library called once a frame spends on calls; the compiled form runs the whole
chain, forward and backward. Where there is none, on a GPU or without a compiler, `nn.GRU` is used (`compiled`
says so).
"""

from typing import Any

import torch
from torch import Tensor

from oscine.kernels import library
from oscine.kernels.checks import require_alike, require_kind, require_ranks, require_sizes
from oscine.kernels.choice import chosen

_NAME = "gru"


def compiled(like: Tensor) -> bool:
    """Return whether `gru` can be called for tensors like this one."""
    return like.device.type == "meta" or (
        like.dtype in library.DTYPES and chosen(like.device) in library.INSTRUCTION_SETS
    )


@torch.library.custom_op("oscine::gru", mutates_args=())
def gru(gates: Tensor, initial: Tensor, weight: Tensor, bias: Tensor, keep: bool) -> tuple[Tensor, Tensor]:
    """Return the hidden state after every frame, (batch, frame, hidden), and what the backward pass needs.

    Args:
        gates: The inputs' half, biases included, (batch, frame, 3 · hidden): reset, update, new.
        initial: Hidden state before the first frame, (batch, hidden).
        weight: Recurrent weight, (3 · hidden, hidden).
        bias: Recurrent bias, (3 · hidden).
        keep: Whether there will be a backward pass; without it the second result has no elements.

    Raises:
        ValueError: When a shape, a device or a kind of number does not belong to the gates.
    """
    _check(gates, initial, weight, bias)
    output = gates.new_empty(*gates.shape[:2], initial.shape[1])
    kept = gates.new_empty((*gates.shape[:2], 4 * initial.shape[1]) if keep else 0)
    tensors = {"gates": gates, "weight": weight, "bias": bias, "initial": initial}
    _run(tensors, output=output, kept=kept if keep else None)
    return output, kept


def _check(gates: Tensor, initial: Tensor, weight: Tensor, bias: Tensor) -> None:
    require_ranks(_NAME, ("gates", gates, "batch frame gate"), ("initial", initial, "batch hidden"))
    (batch, n_frames), size = gates.shape[:2], initial.shape[1]
    require_sizes(_NAME, hidden=size)
    wanted = {
        "gates": (gates, (batch, n_frames, 3 * size)),
        "initial": (initial, (batch, size)),
        "weight": (weight, (3 * size, size)),
        "bias": (bias, (3 * size,)),
    }
    require_kind(_NAME, "gates", gates, tuple(library.DTYPES))
    require_alike(_NAME, ("gates", gates), wanted, kinds=(gates.dtype,))


@gru.register_fake
def _(gates: Tensor, initial: Tensor, weight: Tensor, bias: Tensor, keep: bool) -> tuple[Tensor, Tensor]:
    _check(gates, initial, weight, bias)
    output = gates.new_empty(*gates.shape[:2], initial.shape[1])
    return output, gates.new_empty((*gates.shape[:2], 4 * initial.shape[1]) if keep else 0)


@torch.library.custom_op("oscine::gru_backward", mutates_args=())
def gru_backward(
    grad: Tensor, initial: Tensor, weight: Tensor, output: Tensor, kept: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the gates, of ``W h + b`` (both alike in shape), and of the initial state.

    Raises:
        ValueError: When the forward pass kept nothing, or a tensor does not belong to the others.
    """
    _check_backward(grad, initial, weight, output, kept)
    grad_gates = grad.new_empty(*grad.shape[:2], 3 * grad.shape[2])
    grad_recurrent, grad_initial = torch.empty_like(grad_gates), initial.new_empty(initial.shape)
    tensors = {"weight": weight, "initial": initial, "output": output, "kept": kept, "grad_output": grad}
    _run(
        tensors,
        backward=True,
        grad_gates=grad_gates,
        grad_recurrent=grad_recurrent,
        grad_initial=grad_initial,
    )
    return grad_gates, grad_recurrent, grad_initial


def _check_backward(grad: Tensor, initial: Tensor, weight: Tensor, output: Tensor, kept: Tensor) -> None:
    require_ranks(_NAME, ("grad", grad, "batch frame hidden"))
    batch, n_frames, size = grad.shape
    require_sizes(_NAME, hidden=size)
    require_kind(_NAME, "grad", grad, tuple(library.DTYPES))
    if kept.numel() == 0 and grad.numel() > 0:
        raise ValueError(f"{_NAME}: nothing was kept for a backward pass; call it with keep=True.")
    wanted = {
        "initial": (initial, (batch, size)),
        "weight": (weight, (3 * size, size)),
        "output": (output, (batch, n_frames, size)),
        "kept": (kept, (batch, n_frames, 4 * size)),
    }
    require_alike(_NAME, ("grad", grad), wanted, kinds=(grad.dtype,))


@gru_backward.register_fake
def _(
    grad: Tensor, initial: Tensor, weight: Tensor, output: Tensor, kept: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    _check_backward(grad, initial, weight, output, kept)
    gates = grad.new_empty(*grad.shape[:2], 3 * grad.shape[2])
    return gates, torch.empty_like(gates), initial.new_empty(initial.shape)


def _run(tensors: dict[str, Tensor], backward: bool = False, **results: Tensor | None) -> None:
    first = next(iter(tensors.values()))
    initial = tensors["initial"]
    contiguous = {name: x.contiguous() for name, x in tensors.items()}
    n_frames = (tensors["output"] if backward else tensors["gates"]).shape[1]
    structure = library.fill(
        library.Gru,
        batch=initial.shape[0],
        n_frames=n_frames,
        hidden_size=initial.shape[1],
        **contiguous,
        **results,
    )
    library.call(chosen(initial.device), "gru", first.dtype, structure, backward)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    _, initial, weight, _, _ = inputs
    hidden, kept = output
    ctx.mark_non_differentiable(kept)
    ctx.save_for_backward(initial, weight, hidden, kept)


def _backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    initial, weight, hidden, kept = ctx.saved_tensors
    grad_gates, grad_recurrent, grad_initial = gru_backward(grad.contiguous(), initial, weight, hidden, kept)
    before = torch.cat([initial.unsqueeze(1), hidden], dim=1)[:, :-1]
    flat = grad_recurrent.flatten(0, 1)
    grad_weight = flat.T @ before.flatten(0, 1)
    return grad_gates, grad_initial, grad_weight, flat.sum(dim=0), None


gru.register_autograd(_backward, setup_context=_setup_context)
gru.register_autocast("cpu", torch.float32)
