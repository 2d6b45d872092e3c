"""The gain of an instrument, between its synth and its effects."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.frames import UpsampleState, upsample_step
from oscine.functional.hold import hold_valid
from oscine.models.gate import Gate
from oscine.streaming import Program, Wire

_MOST_GAIN = 1e4


def gain_step(
    audio: Float[Tensor, "batch time"],
    gain: Float[Tensor, "..."] | None,
    gate: Float[Tensor, "batch frame"] | None,
    last: Float[Tensor, " batch"],
    state: UpsampleState,
    *,
    hop_length: int,
) -> tuple[Float[Tensor, "batch time"], Float[Tensor, " batch"], UpsampleState]:
    """Return the next block's audio times its gain and its gate, the last good gain, and the state.

    Args:
        audio: Of the synth.
        gain: Factor that the player gives, 0 … 10,000; 1 if left out. Where it is NaN the last one is held.
        gate: Factor beside it, where the instrument has a gate.
        last: The last good gain before the block.
        state: From the block before, of gain times gate.
        hop_length: Samples per frame.

    Raises:
        ValueError: When the gain is of another batch or other frames.
    """
    wanted = audio.shape[0], audio.shape[1] // hop_length
    if gain is None:
        last = torch.ones_like(last)
        gain = last[:, None].expand(*wanted)
    elif not isinstance(gain, Tensor) or tuple(gain.shape) != wanted:
        what = tuple(gain.shape) if isinstance(gain, Tensor) else f"a {type(gain).__name__}"
        raise ValueError(f"gain is {what}; give a tensor, {wanted}.")
    else:
        gain, last = hold_valid(gain, ~torch.isnan(gain), last)
        gain = gain.clamp(0.0, _MOST_GAIN)
    if gate is not None:
        gain = gain * gate
    factor, after = upsample_step(gain, state, hop_length=hop_length)
    return audio * factor, last, after


def lower_gain(program: Program, audio: Wire, gate: Gate | None, wires: Mapping[str, Wire]) -> Wire:
    """Append the gain to a program, which gets the input ``gain``.

    Args:
        program: Of the instrument.
        audio: Of the synth.
        gate: The instrument's, where it has one.
        wires: The inputs by name; the gate reads the loudness.
    """
    gain = program.input("gain", default=1.0, minimum=0.0, maximum=_MOST_GAIN, optional=True)
    if gate is not None:
        gain = program.multiply(gain, gate.lower(program, wires["loudness_db"]))
    return program.gain(audio, gain)
