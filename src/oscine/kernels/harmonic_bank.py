"""`oscine::harmonic_bank`, the operator behind every oscillator made of sines; choice.py picks its form.

In frame t, at its samples i = 0 … hop − 1,

    y(i) = Σ_k ((1 − i/hop) · A[t−1, k] + (i/hop) · A[t, k]) · sin(2π φ_k(i))

with the phase a quadratic, φ(i) = a + b i + c i² turns, which is what a linear frequency gives: one quadratic
for all partials, φ_k = k φ, or one for each. The amplitudes are normalised inside, A[t, k] = amplitude[t] ·
w[t, k] / Σ w[t, ·] over what is below Nyquist at the frame's end; and a partial sounds in a frame only if it
is below Nyquist at both its ends. What is above is exactly silent.
"""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from oscine.kernels import compiled_bank, oracle, tiled, triton_bank
from oscine.kernels.choice import chosen
from oscine.kernels.frames import Inputs


@torch.library.custom_op("oscine::harmonic_bank", mutates_args=())
def harmonic_bank(
    polynomial: Tensor,
    frequency_hz: Tensor,
    previous_hz: Tensor,
    amplitude: Tensor | None,
    weights: Tensor,
    previous_amplitudes: Tensor,
    nyquist: float,
    hop_length: int,
) -> Tensor:
    """Return the audio, (batch, frame · hop), in the precision of the weights; half is computed in single.

    Differentiable in polynomial, amplitude, weights and previous amplitudes. Under autocast it computes in
    float32 (and phase in float64).

    Args:
        polynomial: a, b, c of each frame's phase in turns, (batch, frame, sine, 3), float64; one sine
            (and its harmonics) or as many as partials.
        frequency_hz: Frequency at the frames' ends, (batch, frame, sine); it only decides what is audible.
        previous_hz: Frequency before the first frame, (batch, sine).
        amplitude: Sum of the partials' amplitudes, (batch, frame); None when the weights are the amplitudes.
        weights: Non-negative weights, (batch, frame, partial).
        previous_amplitudes: Amplitudes before the first frame, (batch, partial).
        nyquist: Hz; from here up there is silence.
        hop_length: Samples per frame.

    Raises:
        ValueError: When a shape, a device or a kind of number does not belong to the weights.
    """
    inputs = Inputs(
        polynomial, frequency_hz, previous_hz, amplitude, weights, previous_amplitudes, nyquist, hop_length
    )
    inputs.check()
    return _form(weights).forward(inputs.computable()).flatten(1).to(weights.dtype)


def _form(like: Tensor) -> ModuleType:
    """Return the module whose `forward` and `backward` run for tensors like this one."""
    modules = {"triton": triton_bank, "torch": tiled, "oracle": oracle}
    return modules.get(chosen(like.device), compiled_bank)


@harmonic_bank.register_fake
def _(
    polynomial: Tensor,
    frequency_hz: Tensor,
    previous_hz: Tensor,
    amplitude: Tensor | None,
    weights: Tensor,
    previous_amplitudes: Tensor,
    nyquist: float,
    hop_length: int,
) -> Tensor:
    inputs = Inputs(
        polynomial, frequency_hz, previous_hz, amplitude, weights, previous_amplitudes, nyquist, hop_length
    )
    inputs.check()
    return weights.new_empty(weights.shape[0], weights.shape[1] * hop_length)


@torch.library.custom_op("oscine::harmonic_bank_backward", mutates_args=())
def harmonic_bank_backward(
    grad: Tensor,
    polynomial: Tensor,
    frequency_hz: Tensor,
    previous_hz: Tensor,
    amplitude: Tensor | None,
    weights: Tensor,
    previous_amplitudes: Tensor,
    nyquist: float,
    hop_length: int,
    with_polynomial: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of polynomial, amplitude, weights and previous amplitudes.

    Those of a polynomial that is not wanted and of an amplitude that is not there have no elements.
    """
    inputs = Inputs(
        polynomial, frequency_hz, previous_hz, amplitude, weights, previous_amplitudes, nyquist, hop_length
    )
    inputs.check(grad)
    inputs = inputs.computable()
    frames = grad.to(inputs.weights.dtype).unflatten(1, (weights.shape[1], hop_length))
    of_polynomial, *others = _form(weights).backward(inputs, frames, with_polynomial)
    return of_polynomial, *(x.to(weights.dtype) for x in others)


@harmonic_bank_backward.register_fake
def _(
    grad: Tensor,
    polynomial: Tensor,
    frequency_hz: Tensor,
    previous_hz: Tensor,
    amplitude: Tensor | None,
    weights: Tensor,
    previous_amplitudes: Tensor,
    nyquist: float,
    hop_length: int,
    with_polynomial: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    inputs = Inputs(
        polynomial, frequency_hz, previous_hz, amplitude, weights, previous_amplitudes, nyquist, hop_length
    )
    inputs.check(grad)
    return (
        polynomial.new_empty(polynomial.shape if with_polynomial else (0,)),
        weights.new_empty((0,) if amplitude is None else amplitude.shape),
        weights.new_empty(weights.shape),
        weights.new_empty(previous_amplitudes.shape),
    )


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.nyquist, ctx.hop_length = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    tensors = ctx.saved_tensors
    with_polynomial = ctx.needs_input_grad[0]
    of_polynomial, of_amplitude, of_weights, of_previous = harmonic_bank_backward(
        grad.contiguous(), *tensors, ctx.nyquist, ctx.hop_length, with_polynomial
    )
    return (
        of_polynomial if with_polynomial else None,
        None,
        None,
        None if tensors[3] is None else of_amplitude,
        of_weights,
        of_previous,
        None,
        None,
    )


harmonic_bank.register_autograd(_backward, setup_context=_setup_context)
harmonic_bank.register_autocast("cpu", torch.float32)
harmonic_bank.register_autocast("cuda", torch.float32)
