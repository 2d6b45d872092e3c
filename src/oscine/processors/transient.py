"""A click as a part of an instrument."""

from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.functional.hit import HitState, hit_state
from oscine.functional.transient import transient_step
from oscine.processors.base import PartConfig, Processor, require_rates
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count

_MOST_TAPS = 4096


class Transient(Processor[HitState]):
    """A short waveform at each onset: `oscine.functional.transient` with a state. Latency 0.

    A hit keeps the taps of the frame in which it begins.

    Args:
        n_taps: Length of the waveform, samples.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Raises:
        ValueError: When a size is not a positive whole number.
    """

    inputs = ("onset_s",)

    def __init__(self, n_taps: int, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        require_count("n_taps", n_taps)
        require_rates(sample_rate, hop_length)
        self.n_taps, self.sample_rate, self.hop_length = n_taps, sample_rate, hop_length
        self.controls = (Control("taps", n_taps, "linear", -2.0, 2.0, "linear"),)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.n_taps} taps, {self.sample_rate} Hz, hop {self.hop_length}"

    def init_state(self, batch_size: int, seed: int = 0) -> HitState:
        """Return the state before the first hit."""
        return hit_state(batch_size, self.n_taps, self.device)

    def step(
        self,
        onset_s: Float[Tensor, "batch frame"],
        taps: Float[Tensor, "batch frame tap"],
        *,
        state: HitState,
    ) -> tuple[Float[Tensor, "batch time"], HitState]:
        """Return the next block's audio and state."""
        rates = {"sample_rate": self.sample_rate, "hop_length": self.hop_length}
        return transient_step(onset_s, taps, state, **rates)

    def lower(self, program: Program, onset_s: Wire, taps: Wire) -> Wire:
        """Append the click to a program."""
        return program.transient(onset_s, taps)


class TransientConfig(PartConfig):
    """A click: a short waveform that begins with a hit."""

    kind: Literal["transient"] = "transient"
    n_taps: int = Field(default=128, ge=1, le=_MOST_TAPS)
    """Length of the waveform, samples."""

    def build(self, sample_rate: int, hop_length: int) -> Transient:
        """Return the click."""
        return Transient(self.n_taps, sample_rate, hop_length)
