"""The common base of the bank in torch: amplitudes at both ends of a frame, phase at every sample.

Written as plain forward and backward functions: inside an operator nothing is recorded for autograd.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from oscine.kernels.checks import require_alike, require_ranks, require_sizes

LEAST_SUM = 1e-30
"""A row of weights is divided by its sum only where that is above this; else it is silent.

The subnormal numbers, which some machines flush to zero, lie far below."""


class Inputs(NamedTuple):
    """The bank's inputs; `harmonic_bank` says what they are."""

    polynomial: Tensor
    frequency_hz: Tensor
    previous_hz: Tensor
    amplitude: Tensor | None
    weights: Tensor
    previous_amplitudes: Tensor
    nyquist: float
    hop_length: int

    def check(self, grad: Tensor | None = None) -> None:
        """Refuse tensors that do not fit together: the kernels do not check memory.

        Args:
            grad: Gradient of the audio, for the backward pass.

        Raises:
            ValueError: When one does not fit.
        """
        weights, operator = self.weights, "harmonic_bank"
        require_ranks(
            operator,
            ("weights", weights, "batch frame partial"),
            ("polynomial", self.polynomial, "batch frame sine coefficient"),
        )
        require_sizes(operator, hop_length=self.hop_length)
        if not self.nyquist > 0:
            raise ValueError(f"{operator}: nyquist is {self.nyquist}; give half the sample rate in Hz.")
        batch, n_frames, n_partials = weights.shape
        n_sines = n_partials if self.polynomial.shape[2] == n_partials else 1
        like = ("weights", weights)
        require_alike(operator, like, {"weights": (weights, tuple(weights.shape))})
        polynomial = {"polynomial": (self.polynomial, (batch, n_frames, n_sines, 3))}
        require_alike(operator, like, polynomial, kinds=(torch.float64,))
        others = {
            "frequency_hz": (self.frequency_hz, (batch, n_frames, n_sines)),
            "previous_hz": (self.previous_hz, (batch, n_sines)),
            "amplitude": (self.amplitude, (batch, n_frames)),
            "previous_amplitudes": (self.previous_amplitudes, (batch, n_partials)),
            "grad": (grad, (batch, n_frames * self.hop_length)),
        }
        require_alike(operator, like, others)

    def computable(self) -> "Inputs":
        """Return the inputs in float32 where they are in less; phase is in float64 always."""
        if self.weights.dtype in (torch.float32, torch.float64):
            return self
        names = ("frequency_hz", "previous_hz", "amplitude", "weights", "previous_amplitudes")
        given = {name: getattr(self, name) for name in names}
        return self._replace(**{name: None if x is None else x.float() for name, x in given.items()})

    @property
    def n_partials(self) -> int:
        """Partials, K."""
        return self.weights.shape[-1]

    @property
    def n_sines(self) -> int:
        """Phases, S: 1 for harmonics, K for free partials."""
        return self.polynomial.shape[2]

    def _partials_hz(self) -> Tensor:
        if self.n_sines > 1 or self.n_partials == 1:
            return self.frequency_hz
        return self.frequency_hz * _numbers(self.weights)

    def _sounding(self) -> Tensor:
        """Return where a partial is below Nyquist at both ends of the frame, (batch, frame, partial)."""
        before = torch.cat([self.previous_hz.unsqueeze(1), self.frequency_hz[:, :-1]], dim=1)
        highest = torch.maximum(self.frequency_hz, before)
        if self.n_sines == 1:
            highest = highest * _numbers(self.weights)
        return highest < self.nyquist

    def rows(self) -> Tensor:
        """Return the amplitudes at the frames' ends, (batch, frame, partial)."""
        if self.amplitude is None:
            return self.weights
        rows = self.weights * (self._partials_hz() < self.nyquist)
        return self.amplitude.unsqueeze(-1) * (rows / divisor(rows.sum(dim=-1, keepdim=True)))

    def ends(self) -> tuple[Tensor, Tensor]:
        """Return the amplitudes that each frame starts and ends with, (batch, frame, partial) each."""
        rows = self.rows()
        before = torch.cat([self.previous_amplitudes.unsqueeze(1), rows[:, :-1]], dim=1)
        sounding = self._sounding()
        return before * sounding, rows * sounding

    def gradients(
        self, polynomial: Tensor | None, start: Tensor, end: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the gradients of polynomial, amplitude, weights and previous amplitudes.

        Those of a polynomial that is not wanted and of an amplitude that is not there have no elements.

        Args:
            polynomial: Gradient of the polynomial; None where it is not wanted.
            start: Gradient of the amplitudes that the frames start with.
            end: Gradient of the amplitudes that the frames end with.
        """
        amplitude, weights, previous = self._grad_ends(start, end)
        return (
            self.polynomial.new_empty(0) if polynomial is None else polynomial.contiguous(),
            self.weights.new_empty(0) if amplitude is None else amplitude.contiguous(),
            weights.contiguous(),
            previous.contiguous(),
        )

    def _grad_ends(self, start: Tensor, end: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        """Return the gradients of amplitude, weights and previous amplitudes from those of `ends`."""
        sounding = self._sounding()
        start, rows = start * sounding, end * sounding
        rows[:, :-1] += start[:, 1:]
        if self.amplitude is None:
            return None, rows, start[:, :1].sum(dim=1)
        audible = self._partials_hz() < self.nyquist
        weights = self.weights * audible
        total = weights.sum(dim=-1, keepdim=True)
        safe = divisor(total)
        # A row whose sum is infinite has amplitudes of zero, whatever its weights.
        share = ((rows * weights).sum(dim=-1, keepdim=True) / safe).masked_fill(safe.isinf(), 0.0)
        # A silent row has no share to divide by: only its own derivative counts.
        inner = rows - torch.where(total > LEAST_SUM, share, torch.zeros_like(share))
        scale = self.amplitude.unsqueeze(-1) / safe
        return share.squeeze(-1), scale * inner * audible, start[:, :1].sum(dim=1)

    def grad_polynomial(self, slope: Tensor) -> Tensor:
        """Return the gradient of the polynomial from that of every sample's turns."""
        sample = torch.arange(self.hop_length, dtype=torch.float64, device=slope.device)
        powers = torch.stack([torch.ones_like(sample), sample, sample**2])
        return torch.einsum("btis,pi->btsp", slope.to(torch.float64), powers)


def _numbers(like: Tensor) -> Tensor:
    return torch.arange(1, like.shape[-1] + 1, dtype=like.dtype, device=like.device)


def divisor(total: Tensor) -> Tensor:
    """Return what a row of weights is divided by: its sum, or 1 where that is not above `LEAST_SUM`."""
    return torch.where(total > LEAST_SUM, total, torch.ones_like(total))


def ramp(hop_length: int, like: Tensor) -> Tensor:
    """Return the weight of a frame's end at its samples, ``i / hop_length``."""
    return torch.arange(hop_length, dtype=like.dtype, device=like.device) / hop_length


def turns(polynomial: Tensor, hop_length: int) -> Tensor:
    """Return ``a + b i + c i²`` at the samples of each frame, wrapped: (batch, frame, hop, sine), float64."""
    sample = torch.arange(hop_length, dtype=torch.float64, device=polynomial.device).unsqueeze(-1)
    a, b, c = polynomial.unsqueeze(2).unbind(-1)
    phase = a + sample * (b + sample * c)
    return phase - torch.floor(phase)
