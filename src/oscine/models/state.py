"""What an instrument remembers between two blocks."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from oscine.functional.frames import UpsampleState
from oscine.streaming import State


class PlayState(NamedTuple):
    """The state of synth and effects between two blocks."""

    synth: State
    gain: Float[Tensor, " batch"]
    """The last good one."""
    factor: UpsampleState
    """Gain times gate at the last frame."""
    effects: State


class ControlState(NamedTuple):
    """The state of inputs and controller between two blocks."""

    inputs: tuple[Tensor, ...]
    """The last good value of each input."""
    controller: State


class InstrumentState(NamedTuple):
    """The state of an instrument between two blocks."""

    control: ControlState
    play: PlayState
