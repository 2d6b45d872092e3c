"""The declaration of a control, from which heads, sliders, MIDI maps and parameter losses follow."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.activations import exp_sigmoid, log_sigmoid_range, scaled_sigmoid
from oscine.streaming import Program, Wire

Activation = Literal["exp_sigmoid", "distribution", "softmax", "linear", "log"]
Axis = Literal["harmonic", "frequency"]


@dataclass(frozen=True)
class Control:
    """One control of a processor: what a network predicts for each frame.

    Attributes:
        name: The argument of the processor's `step` that it feeds.
        size: Channels; 0 for a control without a channel axis, (batch, frame).
        unit: "Hz", "s", "turns", "dB", "radians" (a modulation index), "linear" (an amplitude), "gain" (a
            factor on a signal) or "weight".
        minimum: Smallest value.
        maximum: Largest value.
        activation: How a network's unbounded output becomes a value: "exp_sigmoid" (an amplitude),
            "distribution" (exp-sigmoid weights, which the processor normalises), "softmax" (weights that add
            up to 1), "linear" and "log" (a sigmoid over the range).
        bias: Added to the network's output: where the control starts before training.
        start: The first bias of the network's head, one number per channel; 0 if left out. Unlike
            `bias` it is a part of the weights.
        axis: The meaning of the channels: "harmonic" (the multiples 1, 2, … of f0) or "frequency" (evenly
            spaced from 0 to Nyquist). Controls of one axis are comparable, also if their sizes differ. None:
            neither.
    """

    name: str
    size: int
    unit: Literal["Hz", "s", "turns", "dB", "radians", "linear", "gain", "weight"]
    minimum: float
    maximum: float
    activation: Activation
    bias: float = 0.0
    start: tuple[float, ...] = field(default=(), repr=False)
    axis: Axis | None = None

    def __post_init__(self) -> None:
        if self.start and len(self.start) != self.width:
            raise ValueError(
                f"The control {self.name} starts with {len(self.start)} numbers; give {self.width}, one per "
                "channel."
            )

    @property
    def width(self) -> int:
        """Channels of a network's head."""
        return max(1, self.size)

    def value(self, raw: Float[Tensor, "batch frame channel"]) -> Float[Tensor, "batch frame *channel"]:
        """Return the control's value from a network's unbounded output, ``width`` channels."""
        raw = raw + self.bias
        if self.activation in ("exp_sigmoid", "distribution"):
            value = exp_sigmoid(raw, maximum=self.maximum)
        elif self.activation == "softmax":
            value = torch.softmax(raw, dim=-1)
        elif self.activation == "linear":
            value = scaled_sigmoid(raw, self.minimum, self.maximum)
        else:
            value = log_sigmoid_range(raw, self.minimum, self.maximum)
        return value if self.size else value.squeeze(-1)

    def lower(self, program: Program, raw: Wire) -> Wire:
        """Append `value` to a program and return its wire."""
        if self.bias:
            raw = program.affine(raw, 1.0, self.bias)
        if self.activation in ("exp_sigmoid", "distribution"):
            return program.exp_sigmoid(raw, self.maximum)
        if self.activation == "softmax":
            return program.softmax(raw)
        if self.activation == "linear":
            return program.sigmoid(raw, self.minimum, self.maximum)
        return program.log_sigmoid(raw, self.minimum, self.maximum)

    def within(self, part: str) -> "Control":
        """Return the control as a composition names it, ``part.name``."""
        return replace(self, name=f"{part}.{self.name}")


@torch.no_grad()
def start_controls(bias: Float[Tensor, " channel"], controls: Iterable[Control]) -> None:
    """Add the controls' `start` to the bias of a network's head, in place."""
    controls = list(controls)
    parts = bias.split([one.width for one in controls])
    for control, part in zip(controls, parts, strict=True):
        if control.start:
            part.add_(part.new_tensor(control.start))


def split_controls(
    raw: Float[Tensor, "batch frame channel"], controls: Iterable[Control]
) -> dict[str, Tensor]:
    """Return the values by name from one tensor that holds all controls' channels, in order."""
    controls = list(controls)
    parts = torch.split(raw, [control.width for control in controls], dim=-1)
    return {control.name: control.value(part) for control, part in zip(controls, parts, strict=True)}
