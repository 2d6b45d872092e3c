"""Free sinusoids as a part of an instrument."""

from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.functional.harmonic import OscillatorState, oscillator_state, sinusoidal_oscillator_step
from oscine.processors.base import MOST_PARTIALS, PartConfig, Processor, require_rates
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count


class SinusoidalOscillator(Processor[OscillatorState]):
    """Free sinusoids: `oscine.functional.sinusoidal_oscillator` with a state. Latency 0.

    Args:
        n_sines: Number of sinusoids.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Raises:
        ValueError: When a size is not a positive whole number.
    """

    def __init__(self, n_sines: int, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        require_count("n_sines", n_sines)
        require_rates(sample_rate, hop_length)
        self.n_sines = n_sines
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.controls = (
            Control("frequencies_hz", n_sines, "Hz", 20.0, sample_rate / 2, "log"),
            Control("amplitudes", n_sines, "linear", 0.0, 2.0, "exp_sigmoid"),
        )

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.n_sines} sines, {self.sample_rate} Hz, hop {self.hop_length}"

    def init_state(self, batch_size: int, seed: int = 0) -> OscillatorState:
        """Return the state before the first sample, every phase at zero."""
        return oscillator_state(batch_size, self.n_sines, self.n_sines, self.device)

    def step(
        self,
        frequencies_hz: Float[Tensor, "batch frame sine"],
        amplitudes: Float[Tensor, "batch frame sine"],
        *,
        state: OscillatorState,
    ) -> tuple[Float[Tensor, "batch time"], OscillatorState]:
        """Return the next block's audio and state."""
        return sinusoidal_oscillator_step(
            frequencies_hz, amplitudes, state, sample_rate=self.sample_rate, hop_length=self.hop_length
        )

    def lower(self, program: Program, frequencies_hz: Wire, amplitudes: Wire) -> Wire:
        """Append the sinusoids to a program."""
        return program.sinusoidal(frequencies_hz, amplitudes)


class SinusoidalConfig(PartConfig):
    """Free sinusoids, whose frequencies the network predicts."""

    kind: Literal["sinusoidal"] = "sinusoidal"
    n_sines: int = Field(default=16, ge=1, le=MOST_PARTIALS)
    """Number of sinusoids."""

    def build(self, sample_rate: int, hop_length: int) -> SinusoidalOscillator:
        """Return the sinusoids."""
        return SinusoidalOscillator(self.n_sines, sample_rate, hop_length)
