"""Operations on the values of one frame: arithmetic, activations, norms."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from oscine.functional import exp_sigmoid, hz_to_midi, log_sigmoid_range, read_envelope, scaled_sigmoid
from oscine.streaming.plain.operation import Memory, PlainOperation

#: Operations without a memory and without tensors: their output from their wires and their numbers.
FORMULAS: dict[str, Callable[[tuple[Tensor, ...], tuple[float, ...]], Tensor]] = {
    "concatenate": lambda wires, _: torch.cat(wires, -1),
    "add": lambda wires, _: wires[0] + wires[1],
    "multiply": lambda wires, _: wires[0] * wires[1],
    "affine": lambda wires, numbers: numbers[0] * wires[0] + numbers[1],
    "hz_to_midi": lambda wires, _: hz_to_midi(wires[0]),
    "saturate": lambda wires, numbers: wires[0] / (wires[0] + numbers[0]),
    "leaky_relu": lambda wires, numbers: F.leaky_relu(wires[0], numbers[0]),
    "silu": lambda wires, _: wires[0] * torch.sigmoid(wires[0]),
    "tanh": lambda wires, _: torch.tanh(wires[0]),
    "sigmoid": lambda wires, numbers: scaled_sigmoid(wires[0], numbers[0], numbers[1]),
    "log_sigmoid": lambda wires, numbers: log_sigmoid_range(wires[0], numbers[0], numbers[1]),
    "exp_sigmoid": lambda wires, numbers: exp_sigmoid(wires[0], numbers[1], numbers[0], numbers[2]),
    "softmax": lambda wires, _: torch.softmax(wires[0], -1),
}


class Formula(PlainOperation):
    """One of `FORMULAS`."""

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the formula's values."""
        return FORMULAS[self.kind](wires, self.numbers)


class Linear(PlainOperation):
    """``weight · x + bias``."""

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the affine map of x."""
        weight, bias = self.constant(0), self.constant(1)
        return F.linear(wires[0], weight.reshape(self.size, -1), bias)


class LayerNorm(PlainOperation):
    """``(x − mean) / √(variance + ε) · weight + bias``."""

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return x, normalised."""
        return F.layer_norm(wires[0], (self.size,), self.constant(0), self.constant(1), self.numbers[0])


class Envelope(PlainOperation):
    """`oscine.functional.read_envelope`, at multiples of a frequency."""

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the values, or the amplitudes of a power density."""
        spacing = wires[1].clamp(min=1.0) if len(wires) == 2 else torch.full((1, 1), self.numbers[0])
        first, is_amplitude = self.integers
        number = torch.arange(first, first + self.size, dtype=torch.float32)
        read = read_envelope(wires[0], (spacing * number).expand(len(wires[0]), -1), self.sample_rate)
        return torch.sqrt(2 * spacing) * torch.pow(10.0, read / 20) if is_amplitude else read
