"""The base of all processors, and of their settings in a recipe."""

from abc import abstractmethod
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from oscine.processors.control import Control
from oscine.streaming import Streaming, is_part_name, require_count

S = TypeVar("S")

#: Limits of what a recipe or a stranger's file may ask for; no instrument that plays needs more.
MOST_PARTIALS, MOST_BANDS = 1024, 4096


class Processor(Streaming[S]):
    """A differentiable part of a synthesiser or an effect.

    The arguments of `step` and `forward` are, in this order, by position or by name: its signals, its inputs,
    its controls.

    Attributes:
        signals: Names of the audio that it takes, (batch, time).
        inputs: Names of the frame-rate curves that are given to it, (batch, frame).
        controls: The values that a network predicts for it.
        is_random: It makes noise of its own, from a seed.
    """

    signals: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    controls: tuple[Control, ...] = ()
    is_random: bool = False


class PartConfig(BaseModel):
    """The settings of one part of an instrument in a recipe; each subclass has a ``kind``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,31}$")
    """Name of the part in the instrument; its kind if left out."""

    @field_validator("name")
    @classmethod
    def _can_be_held(cls, name: str | None) -> str | None:
        if name is not None and not is_part_name(name):
            raise ValueError(
                f"A part can't be called {name!r}: PyTorch's modules have an attribute of that name; choose "
                "another."
            )
        return name

    @property
    def part_name(self) -> str:
        """The name of the part in the instrument."""
        return self.name or str(self.model_dump(include={"kind"})["kind"])

    @abstractmethod
    def build(self, sample_rate: int, hop_length: int) -> Processor[Any]:
        """Return the processor.

        Args:
            sample_rate: Hz.
            hop_length: Samples per frame.
        """


def require_rates(sample_rate: int, hop_length: int) -> None:
    """Refuse rates that no signal has.

    Raises:
        ValueError: When one is not a positive whole number.
    """
    for name, value in (("sample_rate", sample_rate), ("hop_length", hop_length)):
        require_count(name, value)
