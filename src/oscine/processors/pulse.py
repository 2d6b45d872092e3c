"""The pulse train as a part of an instrument."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from oscine.functional.pulse import Harmonics, PulseState, pulse_state, pulse_train_step
from oscine.processors.base import PartConfig, Processor, require_rates
from oscine.processors.control import Control
from oscine.streaming import Program, Wire


class Pulse(Processor[PulseState]):
    """Band-limited pulses: `oscine.functional.pulse_train` with a state. Latency 0.

    All its partials are equally strong. In a chain with `Filter` it is the source of the source-filter model.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame.
        harmonics: "all", or "odd" for partials 1, 3, 5, … alone.

    Raises:
        ValueError: When a rate is not a positive whole number, or ``harmonics`` is neither.
    """

    inputs = ("f0_hz",)
    controls = (Control("amplitude", 0, "linear", 0.0, 2.0, "exp_sigmoid"),)

    def __init__(self, sample_rate: int, hop_length: int, harmonics: str = "all") -> None:
        super().__init__()
        require_rates(sample_rate, hop_length)
        if harmonics not in ("all", "odd"):
            raise ValueError(f"harmonics is {harmonics!r}; give one of all, odd.")
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.harmonics: Harmonics = harmonics

    def extra_repr(self) -> str:
        """Return the rates and options."""
        return f"{self.harmonics} harmonics, {self.sample_rate} Hz, hop {self.hop_length}"

    def init_state(self, batch_size: int, seed: int = 0) -> PulseState:
        """Return the state before the first sample, the middle of a pulse."""
        return pulse_state(batch_size, self.device)

    def step(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        amplitude: Float[Tensor, "batch frame"],
        *,
        state: PulseState,
    ) -> tuple[Float[Tensor, "batch time"], PulseState]:
        """Return the next block's audio and state."""
        return pulse_train_step(
            f0_hz,
            amplitude,
            state,
            sample_rate=self.sample_rate,
            hop_length=self.hop_length,
            harmonics=self.harmonics,
        )

    def lower(self, program: Program, f0_hz: Wire, amplitude: Wire) -> Wire:
        """Append the pulses to a program."""
        return program.pulse(f0_hz, amplitude, self.harmonics == "odd")


class PulseConfig(PartConfig):
    """Band-limited pulses at f0."""

    kind: Literal["pulse"] = "pulse"
    harmonics: Harmonics = "all"
    """Which partials there are: "all", or "odd" for partials 1, 3, 5, … alone, as in a closed pipe."""

    def build(self, sample_rate: int, hop_length: int) -> Pulse:
        """Return the pulses."""
        return Pulse(sample_rate, hop_length, self.harmonics)
