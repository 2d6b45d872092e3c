"""Noise through a time-varying filter, as a part of an instrument."""

from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.functional.noise import NoiseState, filter_taps, filtered_noise_step, noise_state
from oscine.processors.base import MOST_BANDS, PartConfig, Processor
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count, require_finite


class FilteredNoise(Processor[NoiseState]):
    """White noise through a time-varying filter: `oscine.functional.filtered_noise` with a state. Latency 0.

    Args:
        n_bands: Frequencies, from 0 to Nyquist, at which the filter's magnitude is given.
        hop_length: Samples per frame.
        bias: Start of the magnitudes before their activation: −5 makes the noise start some 70 dB below the
            harmonics, so that it does not explain everything before they have learned to.

    Raises:
        ValueError: When there are fewer than 2 bands, or the hop is not a positive whole number.
    """

    is_random = True

    def __init__(self, n_bands: int, hop_length: int, bias: float = -5.0) -> None:
        super().__init__()
        require_count("n_bands", n_bands, at_least=2)
        require_count("hop_length", hop_length)
        require_finite("bias", bias)
        self.n_bands = n_bands
        self.hop_length = hop_length
        self.controls = (
            Control("magnitudes", n_bands, "linear", 0.0, 2.0, "exp_sigmoid", bias, axis="frequency"),
        )

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.n_bands} bands, hop {self.hop_length}"

    def init_state(self, batch_size: int, seed: int = 0) -> NoiseState:
        """Return the state before the first sample; item ``i`` has the seed ``seed + i``."""
        return noise_state(batch_size, self.n_bands, seed + self.seed_offset, self.device)

    def step(
        self, magnitudes: Float[Tensor, "batch frame band"], *, state: NoiseState
    ) -> tuple[Float[Tensor, "batch time"], NoiseState]:
        """Return the next block's audio and state."""
        return filtered_noise_step(magnitudes, state, hop_length=self.hop_length)

    def lower(self, program: Program, magnitudes: Wire) -> Wire:
        """Append the noise to a program."""
        taps = program.linear(magnitudes, filter_taps(self.n_bands).T, is_exact=True)
        return program.noise(taps, self.seed_offset)


class NoiseConfig(PartConfig):
    """White noise through a time-varying filter."""

    kind: Literal["noise"] = "noise"
    n_bands: int = Field(default=65, ge=2, le=MOST_BANDS)
    """Frequencies, from 0 to Nyquist, at which the filter's magnitude is given."""

    def build(self, sample_rate: int, hop_length: int) -> FilteredNoise:
        """Return the noise."""
        return FilteredNoise(self.n_bands, hop_length)
