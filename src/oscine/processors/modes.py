"""Damped sinusoids as a part of an instrument."""

import math
from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.functional.hit import HitState, hit_state
from oscine.functional.modes import modes_step
from oscine.processors.base import MOST_PARTIALS, PartConfig, Processor, require_rates
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count

_LOWEST_HZ = 20.0
_SHORTEST_S, _LONGEST_S = 1e-3, 8.0
#: Before training: a mode is as quiet as the noise, some 70 dB below a full-scale sine.
_START = -5.0


class Modes(Processor[HitState]):
    """Damped sinusoids from each onset: `oscine.functional.modes` with a state. Latency 0.

    A hit keeps the controls of the frame in which it begins.

    Args:
        n_modes: Number of sinusoids.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Raises:
        ValueError: When a size is not a positive whole number.
    """

    inputs = ("onset_s",)

    def __init__(self, n_modes: int, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        require_count("n_modes", n_modes)
        require_rates(sample_rate, hop_length)
        self.n_modes, self.sample_rate, self.hop_length = n_modes, sample_rate, hop_length
        # Evenly spaced over the logarithms, so that no two begin alike.
        start = tuple(math.log((mode + 0.5) / (n_modes - mode - 0.5)) for mode in range(n_modes))
        self.controls = (
            Control("frequencies_hz", n_modes, "Hz", _LOWEST_HZ, sample_rate / 2, "log", start=start),
            Control("decays_s", n_modes, "s", _SHORTEST_S, _LONGEST_S, "log"),
            Control("amplitudes", n_modes, "linear", 0.0, 2.0, "exp_sigmoid", _START),
            Control("phases", n_modes, "turns", -1.0, 1.0, "linear"),
        )

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.n_modes} modes, {self.sample_rate} Hz, hop {self.hop_length}"

    def init_state(self, batch_size: int, seed: int = 0) -> HitState:
        """Return the state before the first hit."""
        return hit_state(batch_size, 4 * self.n_modes, self.device)

    def step(
        self,
        onset_s: Float[Tensor, "batch frame"],
        frequencies_hz: Float[Tensor, "batch frame mode"],
        decays_s: Float[Tensor, "batch frame mode"],
        amplitudes: Float[Tensor, "batch frame mode"],
        phases: Float[Tensor, "batch frame mode"],
        *,
        state: HitState,
    ) -> tuple[Float[Tensor, "batch time"], HitState]:
        """Return the next block's audio and state."""
        rates = {"sample_rate": self.sample_rate, "hop_length": self.hop_length}
        return modes_step(onset_s, frequencies_hz, decays_s, amplitudes, phases, state, **rates)

    def lower(
        self,
        program: Program,
        onset_s: Wire,
        frequencies_hz: Wire,
        decays_s: Wire,
        amplitudes: Wire,
        phases: Wire,
    ) -> Wire:
        """Append the sinusoids to a program."""
        return program.modes(onset_s, frequencies_hz, decays_s, amplitudes, phases)


class ModesConfig(PartConfig):
    """Damped sinusoids that begin with a hit."""

    kind: Literal["modes"] = "modes"
    n_modes: int = Field(default=32, ge=1, le=MOST_PARTIALS)
    """Number of sinusoids."""

    def build(self, sample_rate: int, hop_length: int) -> Modes:
        """Return the sinusoids."""
        return Modes(self.n_modes, sample_rate, hop_length)
