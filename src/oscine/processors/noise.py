"""Noise with a spectrum that moves."""

from jaxtyping import Float
from torch import Tensor

from oscine.functional.noise import NoiseState, filtered_noise_step, noise_state
from oscine.processors.base import Processor
from oscine.processors.control import Control


class FilteredNoise(Processor):
    """White noise through a time-varying filter: `oscine.functional.filtered_noise` with a state. Latency 0.

    Args:
        n_bands: Frequencies, from 0 to Nyquist, at which the filter's magnitude is given.
        hop_length: Samples per frame.
        bias: Start of the magnitudes' curve: −5 makes the noise start some 70 dB below the harmonics, lest it
            explain everything before they have learned to.
    """

    def __init__(self, n_bands: int, hop_length: int, bias: float = -5.0) -> None:
        super().__init__()
        self.n_bands = n_bands
        self.hop_length = hop_length
        self.controls = (Control("noise_magnitudes", n_bands, "linear", 0.0, 2.0, "exp_sigmoid", bias),)

    def init_state(self, batch_size: int, seed: int = 0) -> NoiseState:
        """Return the state before the first sample; item ``i`` has the seed ``seed + i``."""
        return noise_state(batch_size, self.n_bands, seed, self.device)

    def step(
        self, noise_magnitudes: Float[Tensor, "batch frame band"], *, state: NoiseState
    ) -> tuple[Float[Tensor, "batch time"], NoiseState]:
        """Return the next block's audio and state."""
        return filtered_noise_step(noise_magnitudes, state, hop_length=self.hop_length)
