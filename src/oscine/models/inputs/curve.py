"""A dataset's own curve: breath, bow pressure, whatever was measured with the sound."""

from collections.abc import Mapping, Sequence
from typing import Literal

from jaxtyping import Float
from pydantic import Field, field_validator
from torch import Tensor

from oscine.data.curves import is_taken
from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.models.inputs.base import InputConfig, ScaledInput


class Curve(ScaledInput):
    """A curve in its own unit; the network gets deviations from the mean of the training set.

    Args:
        name: Of the curve.
        mean: Over the training set; the default.
        deviation: Over the training set.
    """

    is_measured = False

    def __init__(self, name: str, mean: float, deviation: float) -> None:
        super().__init__(name, 1 / deviation, -mean / deviation)
        self.default = mean
        # Far outside what was learned, a network guesses.
        self.minimum, self.maximum = mean - 1e3 * deviation, mean + 1e3 * deviation

    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame"]:
        """Raise: it cannot be measured in audio.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"The curve {self.name} is an input of this instrument and is missing; give it.")


class CurveConfig(InputConfig):
    """A curve of the dataset, from `NAME.curves.csv` beside each recording."""

    kind: Literal["curve"] = "curve"
    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")
    """Name of the curve in the dataset."""

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if is_taken(name):
            raise ValueError(f"A curve can't be called {name!r}: the name is taken; choose another.")
        return name

    def fit(self, curves: Sequence[str], identities: Sequence[str]) -> "CurveConfig":
        """Return the config.

        Raises:
            InputError: When the dataset has no such curve.
        """
        if self.name not in curves:
            there = f"it has {', '.join(curves)}" if curves else "it has none"
            raise InputError(
                f"The recipe takes the curve {self.name}, which the dataset lacks ({there}); remove the "
                "input, or prepare recordings with that curve."
            )
        return self

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> Curve:
        """Return the input."""
        known = {} if statistics is None else statistics.curves
        return Curve(self.name, *known.get(self.name, (0.0, 1.0)))
