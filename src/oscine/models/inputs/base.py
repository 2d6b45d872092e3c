"""The base of all inputs: everything about one curve that conditions an instrument's network."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from oscine.data.statistics import Statistics
from oscine.functional.hold import hold_valid
from oscine.streaming import Program, Wire


class Input(nn.Module, ABC):
    """One curve that conditions the network: its source, its scaling, its value when a performance has none.

    A condition is (batch, frame), or (batch, frame, channel) if ``size`` is not 0. What is not finite is held
    at the last good value, per channel, and the rest is clamped to ``minimum … maximum``, so no bad frame
    reaches the network.

    Attributes:
        name: Of the condition.
        size: Channels of the condition; 0 for one without a channel axis.
        width: Channels that the network sees.
        unit: Of the condition.
        minimum: Smallest value that reaches the network.
        maximum: Largest value.
        default: The value before the first good one, and in a performance without this input.
        positive: Values at or below 0, and ∞, are no values either; they are held as well.
        is_measured: It can be measured in a sound; else it has to be given.
    """

    name: str
    size: int = 0
    width: int = 1
    unit: str = ""
    minimum: float = -1e6
    maximum: float = 1e6
    default: float = 0.0
    positive: bool = False
    is_measured: bool = True

    @abstractmethod
    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame *channel"]:
        """Return the condition of a sound.

        Args:
            audio: ``frame · hop_length`` samples.
            features: ``f0_hz``, ``confidence`` and ``loudness_db`` by a tracker, (batch, frame) each.

        Raises:
            ValueError: When it cannot be measured and has to be given.
        """

    def as_given(self, value: Tensor, n_frames: int) -> Tensor:
        """Return the condition from what a caller gives by its name."""
        del n_frames
        return value

    @abstractmethod
    def forward(self, condition: Float[Tensor, "batch frame *channel"]) -> Float[Tensor, "batch frame width"]:
        """Return the input of the network for a clean condition."""

    @abstractmethod
    def lower(self, program: Program, condition: Wire) -> Wire:
        """Append `forward` to a program."""

    def silence(
        self, first: Float[Tensor, "batch 1 *channel"], n_frames: int
    ) -> Float[Tensor, "batch frame *channel"]:
        """Return the condition of silence before a sound: its first value, unless a kind says otherwise."""
        return first.expand(-1, n_frames, *first.shape[2:])

    def init_state(self, batch_size: int, like: Tensor) -> Float[Tensor, "batch *channel"]:
        """Return the last good value before the first frame: the default."""
        shape = (batch_size, self.size) if self.size else (batch_size,)
        return torch.full(shape, self.default, dtype=like.dtype, device=like.device)

    def clean(
        self, condition: Tensor, last: Float[Tensor, "batch *channel"]
    ) -> tuple[Float[Tensor, "batch frame *channel"], Float[Tensor, "batch *channel"]]:
        """Return the condition without bad values, and the last good one.

        Args:
            condition: (batch, frame), or (batch, frame, channel) if `size` is not 0.
            last: The last good value before it.

        Raises:
            ValueError: When its shape is not the input's, or its batch not the state's.
        """
        if condition.ndim != (3 if self.size else 2) or (self.size and condition.shape[2] != self.size):
            wanted = f"(batch, frame, {self.size})" if self.size else "(batch, frame)"
            raise ValueError(f"{self.name} is {tuple(condition.shape)}; give {wanted}.")
        if len(condition) != len(last):
            raise ValueError(
                f"{self.name} is {tuple(condition.shape)} and the state of {len(last)} items; give as many."
            )
        valid = ~torch.isnan(condition)
        if self.positive:
            valid = (condition > 0) & torch.isfinite(condition)
        held, last = hold_valid(condition, valid, last)
        return held.clamp(self.minimum, self.maximum), last.clamp(self.minimum, self.maximum)

    def declare(self, program: Program) -> Wire:
        """Append the input to a program, which cleans it alike."""
        return program.input(
            self.name,
            max(1, self.size),
            default=self.default,
            minimum=self.minimum,
            maximum=self.maximum,
            positive=self.positive,
        )

    def extra_repr(self) -> str:
        """Return the name and unit."""
        return f"{self.name}, {self.unit}" if self.unit else self.name


class InputConfig(BaseModel):
    """The settings of one input in a recipe; each subclass has a ``kind``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def fit(self, curves: Sequence[str], identities: Sequence[str]) -> "InputConfig":
        """Return the config for a dataset.

        Args:
            curves: Names of the dataset's own curves.
            identities: Names of its instruments.

        Raises:
            InputError: When the dataset lacks what the input needs.
        """
        del curves, identities
        return self

    @abstractmethod
    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> Input:
        """Return the input.

        Args:
            sample_rate: Hz.
            hop_length: Samples per frame.
            statistics: Of what the instrument learned from; None for one that has learned nothing.
        """


class ScaledInput(Input):
    """An input of one channel; the network gets ``scale · x + offset``."""

    def __init__(self, name: str, scale: float, offset: float) -> None:
        super().__init__()
        self.name = name
        self.scale, self.offset = scale, offset

    def forward(self, condition: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch frame 1"]:
        """Return the scaled condition."""
        return (condition * self.scale + self.offset).unsqueeze(-1)

    def lower(self, program: Program, condition: Wire) -> Wire:
        """Append the scaling to a program."""
        return program.affine(condition, self.scale, self.offset)


def require(features: Mapping[str, Tensor], name: str) -> Tensor:
    """Return a feature.

    Raises:
        ValueError: When it is missing.
    """
    if name not in features:
        raise ValueError(f"{name} is not among the features; there are {', '.join(features) or 'none'}.")
    return features[name]
