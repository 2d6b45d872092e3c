"""A moving all-pole filter as a part of an instrument."""

from typing import Literal, NamedTuple

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.functional.activations import inverse_exp_sigmoid
from oscine.functional.allpole import AllpoleState, allpole_state, allpole_step
from oscine.functional.checks import require_batch
from oscine.functional.frames import UpsampleState, upsample_state, upsample_step
from oscine.processors.base import PartConfig, Processor
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count

MOST_POLES = 50
_MOST_REFLECTION = 0.99


class GainedAllpoleState(NamedTuple):
    """The state of `Allpole` between two blocks."""

    gain: UpsampleState
    """The gain at the last frame."""
    filter: AllpoleState
    """Of the filter."""


class Allpole(Processor[GainedAllpoleState]):
    """The signal times a gain, and then through `oscine.functional.allpole`. Latency 0.

    In a chain behind `Glottal` it is the vocal tract. The reflection coefficients are predicted, in −0.99 …
    0.99, so the filter is stable whatever the network says. The gain is in front: its jumps are smoothed.
    The power of white noise behind the filter follows from the gain alone.

    Args:
        order: Number of poles. A voice has a formant per kHz, and each takes two: 22 suit 16 … 24 kHz.
        hop_length: Samples per frame.

    Raises:
        ValueError: When a size is not a positive whole number.

    Examples:
        >>> import torch
        >>> tract = Allpole(22, hop_length=64)
        >>> tract(torch.randn(1, 640), torch.ones(1, 10), torch.zeros(1, 10, 22)).shape
        torch.Size([1, 640])
    """

    signals = ("audio",)

    def __init__(self, order: int, hop_length: int) -> None:
        super().__init__()
        require_count("order", order)
        require_count("hop_length", hop_length)
        self.order = order
        self.hop_length = hop_length
        self.controls = (
            Control("gain", 0, "gain", 0.0, 2.0, "exp_sigmoid", start=(inverse_exp_sigmoid(1.0),)),
            Control("reflection", order, "weight", -_MOST_REFLECTION, _MOST_REFLECTION, "linear"),
        )

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.order} poles, hop {self.hop_length}"

    def init_state(self, batch_size: int, seed: int = 0) -> GainedAllpoleState:
        """Return the state before the first sample."""
        return GainedAllpoleState(
            upsample_state(batch_size, device=self.device),
            allpole_state(batch_size, self.order, self.device),
        )

    def step(
        self,
        audio: Float[Tensor, "batch time"],
        gain: Float[Tensor, "batch frame"],
        reflection: Float[Tensor, "batch frame section"],
        *,
        state: GainedAllpoleState,
    ) -> tuple[Float[Tensor, "batch time"], GainedAllpoleState]:
        """Return the next block, filtered, and the state.

        Raises:
            ValueError: When the shapes do not fit.
        """
        require_batch("reflection", reflection, "batch frame section")
        require_batch("gain", gain, "batch frame", ("reflection", reflection))
        curve, gains = upsample_step(gain, state.gain, hop_length=self.hop_length)
        output, after = allpole_step(audio * curve, reflection, state.filter, hop_length=self.hop_length)
        return output, GainedAllpoleState(gains, after)

    def lower(self, program: Program, audio: Wire, gain: Wire, reflection: Wire) -> Wire:
        """Append gain and filter to a program."""
        return program.allpole(program.gain(audio, gain), reflection)


class AllpoleConfig(PartConfig):
    """A moving all-pole filter, by its reflection coefficients."""

    kind: Literal["allpole"] = "allpole"
    order: int = Field(default=22, ge=1, le=MOST_POLES)
    """Number of poles; two for each kHz below Nyquist, and some for the slope of the spectrum."""

    def build(self, sample_rate: int, hop_length: int) -> Allpole:
        """Return the filter."""
        return Allpole(self.order, hop_length)
