"""The bank of sines as the formula says it, every sine by itself and time × sine in memory: the yardstick."""

import math

import torch
from torch import Tensor

from oscine.kernels.frames import Inputs, ramp, turns


def _phase(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """Return every partial's turns, (batch, frame, hop, partial), and their derivative by the sine's."""
    phase = turns(inputs.polynomial, inputs.hop_length)
    number = torch.ones((), dtype=phase.dtype, device=phase.device)
    if inputs.n_sines == 1:
        number = torch.arange(1, inputs.n_partials + 1, dtype=phase.dtype, device=phase.device)
    return phase * number, number


def forward(inputs: Inputs) -> Tensor:
    """Return the audio, (batch, frame, hop)."""
    return sines_sum(_phase(inputs)[0], *inputs.ends())


def backward(inputs: Inputs, grad: Tensor, with_polynomial: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what `Inputs.gradients` does.

    Args:
        inputs: The inputs of the bank.
        grad: Gradient of the audio, (batch, frame, hop).
        with_polynomial: Whether that of the polynomial is wanted.
    """
    phase, number = _phase(inputs)
    slope, grad_start, grad_end = grad_sines_sum(phase, *inputs.ends(), grad, with_polynomial)
    if slope is None:
        return inputs.gradients(None, grad_start, grad_end)
    slope = slope * number
    slope = slope.sum(dim=-1, keepdim=True) if inputs.n_sines == 1 else slope
    return inputs.gradients(inputs.grad_polynomial(slope), grad_start, grad_end)


def sines_sum(phase: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Return ``Σ_k (start_k + (i / hop) (end_k − start_k)) sin(2π φ_k(i))``, (…, hop), from φ (…, hop, k)."""
    weight = ramp(phase.shape[-2], phase).unsqueeze(-1)
    amplitudes = start.unsqueeze(-2) + weight * (end - start).unsqueeze(-2)
    return (torch.sin(2 * math.pi * phase) * amplitudes).sum(dim=-1).to(start.dtype)


def grad_sines_sum(
    phase: Tensor, start: Tensor, end: Tensor, grad: Tensor, with_phase: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Return the gradients of phase (None unless wanted), start and end from that of `sines_sum`."""
    weight = ramp(phase.shape[-2], phase).unsqueeze(-1)
    given = grad.to(phase.dtype).unsqueeze(-1)
    each = given * torch.sin(2 * math.pi * phase)
    grad_start, grad_end = ((each * w).sum(dim=-2).to(start.dtype) for w in (1 - weight, weight))
    if not with_phase:
        return None, grad_start, grad_end
    amplitudes = start.unsqueeze(-2) + weight * (end - start).unsqueeze(-2)
    return 2 * math.pi * given * torch.cos(2 * math.pi * phase) * amplitudes, grad_start, grad_end
