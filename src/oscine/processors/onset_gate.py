"""Silence before the onset, as a part of an instrument."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from oscine.functional.hit import HitState, hit_state, onset_gate_step
from oscine.processors.base import PartConfig, Processor, require_rates
from oscine.streaming import Program, Wire


class OnsetGate(Processor[HitState]):
    """The signal, exactly silent before the first onset: `oscine.functional.onset_gate`. Latency 0.

    Behind noise in a chain it lets a hit begin at its sample, and not with the frame's ramp before it.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame.

    Raises:
        ValueError: When a rate is not a positive whole number.
    """

    signals = ("audio",)
    inputs = ("onset_s",)

    def __init__(self, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        require_rates(sample_rate, hop_length)
        self.sample_rate, self.hop_length = sample_rate, hop_length

    def extra_repr(self) -> str:
        """Return the rates."""
        return f"{self.sample_rate} Hz, hop {self.hop_length}"

    def init_state(self, batch_size: int, seed: int = 0) -> HitState:
        """Return the state before the first hit."""
        return hit_state(batch_size, device=self.device)

    def step(
        self,
        audio: Float[Tensor, "batch time"],
        onset_s: Float[Tensor, "batch frame"],
        *,
        state: HitState,
    ) -> tuple[Float[Tensor, "batch time"], HitState]:
        """Return the next block's audio and state."""
        rates = {"sample_rate": self.sample_rate, "hop_length": self.hop_length}
        return onset_gate_step(audio, onset_s, state, **rates)

    def lower(self, program: Program, audio: Wire, onset_s: Wire) -> Wire:
        """Append the gate to a program."""
        return program.onset_gate(audio, onset_s)


class OnsetGateConfig(PartConfig):
    """Silence before the first onset."""

    kind: Literal["onset_gate"] = "onset_gate"

    def build(self, sample_rate: int, hop_length: int) -> OnsetGate:
        """Return the gate."""
        return OnsetGate(sample_rate, hop_length)
