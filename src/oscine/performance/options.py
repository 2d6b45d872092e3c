"""How a score is played."""

from dataclasses import dataclass, field
from typing import Literal

from oscine.errors import InputError
from oscine.notes.expression import Expression

_MOST_VOICES = 32
_LARGEST_SEED = (1 << 62) - 1


@dataclass(frozen=True)
class RenderOptions:
    """How a score is played.

    Args:
        expression: How notes become curves.
        voices: How many notes an instrument can play together, 1 … 32; "auto" for as many as the score has
            at once, 16 at most. With 1, notes that overlap are tied.
        octave: Octaves to add, −8 … 8.
        dry: Leave out the effects.
        seed: Of the noise.
        identity: Which of the instruments in an instrument; the first if left out.

    Raises:
        InputError: When one is out of its range.
    """

    expression: Expression = field(default_factory=Expression)
    voices: Literal["auto"] | int = "auto"
    octave: int = 0
    dry: bool = False
    seed: int = 0
    identity: str | None = None

    def __post_init__(self) -> None:
        if self.voices != "auto" and not _is_whole(self.voices, 1, _MOST_VOICES):
            raise InputError(f"voices is {self.voices}; give 1 to {_MOST_VOICES}, or 'auto'.")
        if not _is_whole(self.octave, -8, 8):
            raise InputError(f"octave is {self.octave}; give a whole number from -8 to 8.")
        if not _is_whole(self.seed, 0, _LARGEST_SEED):
            raise InputError(f"seed is {self.seed}; give a whole number from 0 to {_LARGEST_SEED}.")


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
