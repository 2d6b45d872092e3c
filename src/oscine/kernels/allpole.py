"""`oscine::allpole`: an all-pole filter as a lattice of rotations, whose angles move from frame to frame.

For m = M … 1, with f_M the input and y = f_0 = g_0 the output,

    f_{m−1}[n] = cos θ_m[n] · f_m[n] − sin θ_m[n] · g_{m−1}[n − 1]
    g_m[n]     = sin θ_m[n] · f_m[n] + cos θ_m[n] · g_{m−1}[n − 1]

In frame t, at its samples i = 0 … hop − 1, the angles go in a line from ``θ[t − 1]`` to ``θ[t]``. The
transpose of a rotation is its inverse. So the backward pass is exact and is the same lattice, run backward in
time on the gradients: ``θ̄_m = ḡ_m f_{m−1} − f̄_{m−1} g_m``.

It computes in float64. The forms are the C++ library's and `lattice`'s.
"""

from typing import Any

import torch
from torch import Tensor

from oscine.kernels import lattice, library
from oscine.kernels.checks import require_alike, require_kind, require_ranks, require_sizes
from oscine.kernels.choice import chosen

_NAME = "allpole"
_DOUBLE = (torch.float64,)


@torch.library.custom_op("oscine::allpole", mutates_args=())
def allpole(
    audio: Tensor, angles: Tensor, previous: Tensor, initial: Tensor, hop_length: int
) -> tuple[Tensor, Tensor]:
    """Return the output, (batch, frame · hop), and the states, (batch, frame + 1, M), in float64.

    The states are ``g_0 … g_{M−1}`` before every frame, and behind the last one.

    Args:
        audio: x, (batch, frame · hop), float64 like all others.
        angles: Angles at the frames' ends, radians, (batch, frame, M).
        previous: Those before the first frame, (batch, M).
        initial: The state before the first sample, (batch, M).
        hop_length: Samples per frame.

    Raises:
        ValueError: When a shape, a device or a kind of number does not belong to the angles.
    """
    _check(angles, hop_length, audio=audio, previous=previous, initial=initial)
    if chosen(audio.device) not in library.INSTRUCTION_SETS:
        return lattice.forward(audio, angles, previous, initial, hop_length)
    output, states = _empty(audio, angles)
    given = {"audio": audio, "angles": angles, "previous": previous, "initial": initial}
    _run(angles.shape, hop_length, False, **given, output=output, states=states)
    return output, states


def _empty(audio: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    batch, n_frames, order = angles.shape
    return audio.new_empty(audio.shape), audio.new_empty(batch, n_frames + 1, order)


def _check(angles: Tensor, hop_length: int, **tensors: Tensor) -> None:
    """Refuse tensors, by the names of their arguments, that do not fit the angles."""
    require_ranks(_NAME, ("angles", angles, "batch frame section"))
    batch, n_frames, order = angles.shape
    require_sizes(_NAME, hop_length=hop_length, n_frames=n_frames, n_sections=order)
    require_kind(_NAME, "angles", angles, _DOUBLE)
    samples, section, states = (batch, n_frames * hop_length), (batch, order), (batch, n_frames + 1, order)
    shapes = {"audio": samples, "previous": section, "initial": section}
    shapes |= {"grad": samples, "grad_states": states, "states": states}
    wanted: dict[str, tuple[Tensor | None, tuple[int, ...]]] = {
        name: (tensor, shapes[name]) for name, tensor in tensors.items()
    }
    require_alike(_NAME, ("angles", angles), wanted, kinds=_DOUBLE)


@allpole.register_fake
def _(
    audio: Tensor, angles: Tensor, previous: Tensor, initial: Tensor, hop_length: int
) -> tuple[Tensor, Tensor]:
    _check(angles, hop_length, audio=audio, previous=previous, initial=initial)
    return _empty(audio, angles)


@torch.library.custom_op("oscine::allpole_backward", mutates_args=())
def allpole_backward(
    grad: Tensor,
    grad_states: Tensor,
    audio: Tensor,
    angles: Tensor,
    previous: Tensor,
    states: Tensor,
    hop_length: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of audio, angles, previous and initial.

    Raises:
        ValueError: When a tensor does not belong to the others.
    """
    given = {"audio": audio, "previous": previous, "states": states}
    _check(angles, hop_length, **given, grad=grad, grad_states=grad_states)
    if chosen(grad.device) not in library.INSTRUCTION_SETS:
        return lattice.backward(grad, grad_states, audio, angles, previous, states, hop_length)
    grads = _empty_gradients(grad, angles, previous)
    names = ("grad_audio", "grad_angles", "grad_previous", "grad_initial")
    upstream = {"grad_output": grad, "grad_states": grad_states}
    named = dict(zip(names, grads, strict=True))
    _run(angles.shape, hop_length, True, **given, angles=angles, **upstream, **named)
    return grads


def _empty_gradients(grad: Tensor, angles: Tensor, previous: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    shapes = grad.shape, angles.shape, previous.shape, previous.shape
    audio, moved, before, initial = (grad.new_empty(shape) for shape in shapes)
    return audio, moved, before, initial


@allpole_backward.register_fake
def _(
    grad: Tensor,
    grad_states: Tensor,
    audio: Tensor,
    angles: Tensor,
    previous: Tensor,
    states: Tensor,
    hop_length: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    given = {"audio": audio, "previous": previous, "states": states}
    _check(angles, hop_length, **given, grad=grad, grad_states=grad_states)
    return _empty_gradients(grad, angles, previous)


def _run(shape: torch.Size, hop_length: int, backward: bool, **tensors: Tensor) -> None:
    batch, n_frames, order = shape
    structure = library.fill(
        library.Allpole,
        batch=batch,
        n_frames=n_frames,
        hop_length=hop_length,
        order=order,
        **{name: x.contiguous() for name, x in tensors.items()},
    )
    library.call(chosen(), _NAME, torch.float64, structure, backward)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    audio, angles, previous, _, ctx.hop_length = inputs
    ctx.save_for_backward(audio, angles, previous, output[1])


def _backward(ctx: Any, grad: Tensor, grad_states: Tensor) -> tuple[Tensor | None, ...]:
    return *allpole_backward(grad, grad_states, *ctx.saved_tensors, ctx.hop_length), None


allpole.register_autograd(_backward, setup_context=_setup_context)
