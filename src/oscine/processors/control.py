"""The declaration of a control, from which heads, sliders, MIDI maps and parameter losses follow."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.activations import exp_sigmoid, log_sigmoid_range, scaled_sigmoid

Curve = Literal["exp_sigmoid", "distribution", "linear", "log", "given"]


@dataclass(frozen=True)
class Control:
    """One control of a processor.

    Attributes:
        name: The argument of the processor's `forward` that it feeds.
        size: Channels; 0 for a control without a channel axis, (batch, frame).
        unit: "Hz", "dB", "turns", "linear" or "weight".
        minimum: Smallest value.
        maximum: Largest value.
        curve: How a network's unbounded output becomes a value: "exp_sigmoid" (an amplitude), "distribution"
            (exp-sigmoid weights, which the processor normalises), "linear" and "log" (a sigmoid's range), or
            "given" (not from a network: f0).
        bias: Added to the network's output: where the control starts before training.
    """

    name: str
    size: int
    unit: str
    minimum: float
    maximum: float
    curve: Curve
    bias: float = 0.0

    @property
    def width(self) -> int:
        """Channels of a network's head."""
        return 0 if self.curve == "given" else max(1, self.size)

    def value(self, raw: Float[Tensor, "batch frame channel"]) -> Float[Tensor, "batch frame *channel"]:
        """Return the control's value from a network's unbounded output, ``width`` channels."""
        raw = raw + self.bias
        if self.curve in ("exp_sigmoid", "distribution"):
            value = exp_sigmoid(raw, maximum=self.maximum)
        elif self.curve == "linear":
            value = scaled_sigmoid(raw, self.minimum, self.maximum)
        elif self.curve == "log":
            value = log_sigmoid_range(raw, self.minimum, self.maximum)
        else:
            raise ValueError(f"the control {self.name} is given, not predicted")
        return value if self.size else value.squeeze(-1)


def split_controls(
    raw: Float[Tensor, "batch frame channel"], controls: tuple[Control, ...]
) -> dict[str, Tensor]:
    """Return the values by name from one tensor that holds all predicted controls' channels, in order."""
    predicted = [control for control in controls if control.width]
    parts = torch.split(raw, [control.width for control in predicted], dim=-1)
    return {control.name: control.value(part) for control, part in zip(predicted, parts, strict=True)}
