"""The bank of sines in plain torch, without ever holding (time × sine): the form that needs no compiler.

With the harmonic's number written as k = B·a + b, the addition theorem splits every sine into a *giant* step
(a) and a *baby* step (b):

    sin(kφ) = sin(aBφ) cos(bφ) + cos(aBφ) sin(bφ)

so that a frame's sum over k becomes one small matrix product over b (the amplitudes, as a G × B matrix, times
the baby sines and cosines) followed by a sum over the few a. Per sample that takes two complex exponentials,
whose powers give all the others, in place of one sine for every harmonic. The frames are worked through in
chunks that stay in the cache, and the backward pass computes a chunk again instead of keeping it.

Frame t's amplitudes go in a straight line from `start` to `end`; both envelopes share the sines. Partials
with a phase of their own have no such structure: there the chunks alone spare the memory.
"""

import math

import torch
from torch import Tensor

from oscine.kernels import oracle
from oscine.kernels.frames import Inputs, ramp, turns

_SAMPLES_PER_CHUNK = 8192


def forward(inputs: Inputs) -> Tensor:
    """Return the audio, (batch, frame, hop)."""
    start, end = (x.flatten(0, 1) for x in inputs.ends())
    polynomial = inputs.polynomial.flatten(0, 1)
    output = start.new_empty(len(start), inputs.hop_length)
    layout = _Layout(inputs.n_partials, inputs.hop_length, like=start)
    for rows in layout.chunks(len(start), inputs.n_sines):
        phase = turns(polynomial[None, rows], inputs.hop_length)[0]
        if inputs.n_sines > 1:
            output[rows] = oracle.sines_sum(phase, start[rows], end[rows])
        else:
            baby, giant = layout.exponentials(phase.squeeze(-1))
            output[rows] = layout.blend(layout.matrix(start[rows], end[rows]) @ baby, giant)
    return output.unflatten(0, inputs.weights.shape[:2])


def backward(inputs: Inputs, grad: Tensor, with_polynomial: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what `Inputs.gradients` does.

    Args:
        inputs: The inputs of the bank.
        grad: Gradient of the audio, (batch, frame, hop).
        with_polynomial: Whether that of the polynomial is wanted.
    """
    start, end = (x.flatten(0, 1) for x in inputs.ends())
    grad = grad.flatten(0, 1)
    polynomial = inputs.polynomial.flatten(0, 1)
    grad_polynomial = torch.empty_like(polynomial) if with_polynomial else None
    grad_start, grad_end = torch.empty_like(start), torch.empty_like(end)
    layout = _Layout(inputs.n_partials, inputs.hop_length, like=start)
    number = torch.arange(1, start.shape[-1] + 1, dtype=start.dtype, device=start.device)
    for rows in layout.chunks(len(start), inputs.n_sines):
        phase = turns(polynomial[None, rows], inputs.hop_length)[0]
        if inputs.n_sines > 1:
            slope, grad_start[rows], grad_end[rows] = oracle.grad_sines_sum(
                phase, start[rows], end[rows], grad[rows], with_polynomial
            )
        else:
            baby, giant = layout.exponentials(phase.squeeze(-1))
            grad_start[rows], grad_end[rows] = layout.grad_matrix(grad[rows], baby, giant)
            slope = None
            if with_polynomial:
                # d/dφ sin(2πkφ) = 2πk cos(2πkφ): the same sum, with k·A for A and the giant step a quarter
                # turn on.
                ahead = torch.cat([giant[..., layout.hop :], -giant[..., : layout.hop]], dim=-1)
                sums = layout.matrix(number * start[rows], number * end[rows]) @ baby
                slope = (2 * math.pi * grad[rows] * layout.blend(sums, ahead)).unsqueeze(-1)
        if grad_polynomial is not None and slope is not None:
            grad_polynomial[rows] = inputs.grad_polynomial(slope[None])[0]
    shape = inputs.weights.shape[:2]
    return inputs.gradients(
        None if grad_polynomial is None else grad_polynomial.unflatten(0, shape),
        grad_start.unflatten(0, shape),
        grad_end.unflatten(0, shape),
    )


class _Layout:
    """The sizes of one call: B baby steps, G giant steps, k = B·a + b from 1 to the number of harmonics.

    A chunk's exponentials are (frame, step, [sin | cos] · hop) for the giant steps and (frame, step, [cos |
    sin] · hop) for the baby steps, so that their element-wise products line up with the addition theorem.
    """

    def __init__(self, n_harmonics: int, hop_length: int, like: Tensor) -> None:
        self.n_harmonics = n_harmonics
        self.hop = hop_length
        # More baby than giant steps: the product over b is a matrix product, the sum over a is element-wise.
        self.n_giant = max(1, math.isqrt(n_harmonics) // 2)
        self.n_baby = -(-(n_harmonics + 1) // self.n_giant)
        self.dtype = like.dtype
        self.weight = ramp(hop_length, like)

    def chunks(self, n_frames: int, n_sines: int) -> list[slice]:
        size = max(1, _SAMPLES_PER_CHUNK // (self.hop * n_sines))
        return [slice(first, min(first + size, n_frames)) for first in range(0, n_frames, size)]

    def exponentials(self, phase: Tensor) -> tuple[Tensor, Tensor]:
        # The giant step's phase is wrapped in the phase's own precision (float64): its error is not
        # multiplied by B.
        leap = phase * self.n_baby
        leap = leap - torch.floor(leap)
        baby = self._powers(phase.to(self.dtype), self.n_baby)
        giant = self._powers(leap.to(self.dtype), self.n_giant)
        return torch.cat([baby.real, baby.imag], dim=-1), torch.cat([giant.imag, giant.real], dim=-1)

    def _powers(self, phase: Tensor, n: int) -> Tensor:
        """Return exp(2πi m φ) for m = 0 … n − 1, by doubling: rounding errors grow only with log m."""
        angle = 2 * math.pi * phase
        base = torch.complex(torch.cos(angle), torch.sin(angle))
        powers = torch.empty(phase.shape[0], n, phase.shape[1], dtype=base.dtype, device=phase.device)
        powers[:, 0] = 1
        if n > 1:
            powers[:, 1] = base
        known = 2
        while known < n:
            more = min(known - 1, n - known)
            torch.mul(
                powers[:, 1 : more + 1], powers[:, known - 1 : known], out=powers[:, known : known + more]
            )
            known += more
        return powers

    def matrix(self, start: Tensor, end: Tensor) -> Tensor:
        """Return both envelopes' amplitudes, (frame, 2 · G, B), zero at k = 0 and beyond the last."""
        both = torch.stack([start, end], dim=1)
        padded = torch.nn.functional.pad(both, (1, self.n_giant * self.n_baby - 1 - self.n_harmonics))
        return padded.reshape(start.shape[0], 2 * self.n_giant, self.n_baby)

    def blend(self, sums: Tensor, giant: Tensor) -> Tensor:
        """Return the audio (frame, hop) from the sums over b (frame, 2 · G, 2 · hop)."""
        sums = sums.reshape(-1, 2, self.n_giant, 2 * self.hop)
        both = torch.einsum("feas,fas->fes", sums, giant)
        both = both[..., : self.hop] + both[..., self.hop :]
        return torch.lerp(both[:, 0], both[:, 1], self.weight)

    def grad_matrix(self, grad: Tensor, baby: Tensor, giant: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of the start and end amplitudes (frame, harmonic)."""
        ending = grad * self.weight
        both = torch.stack([grad - ending, ending], dim=1).repeat(1, 1, 2)
        product = (both.unsqueeze(2) * giant.unsqueeze(1)).flatten(1, 2) @ baby.transpose(1, 2)
        rows = product.reshape(-1, 2, self.n_giant * self.n_baby)[..., 1 : self.n_harmonics + 1]
        return rows[:, 0], rows[:, 1]
