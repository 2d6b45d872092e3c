"""Noise in many bands as a part of an instrument."""

from typing import Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.functional.noise import NoiseState, band_taps, noise_state
from oscine.functional.noise_bands import noise_bands_step
from oscine.processors.base import MOST_BANDS, PartConfig, Processor, require_rates
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count, require_finite

_MOST_TAPS = 4096


class NoiseBands(Processor[NoiseState]):
    """Noise in bands of equal width in mel: `oscine.functional.noise_bands` with a state. Latency 0.

    Beside `FilteredNoise`, whose bands are evenly spaced in Hz, it resolves low frequencies as the ear does,
    and its filter may be longer than it has bands.

    Args:
        n_bands: Bands, from 0 Hz to Nyquist.
        sample_rate: Hz.
        hop_length: Samples per frame.
        n_taps: Taps of half the filter.
        bias: Start of the gains before their activation; −2 is a gain of −37 dB.

    Raises:
        ValueError: When there are fewer than 2 bands or taps, or a rate is not a positive whole number.

    Examples:
        >>> import torch
        >>> wind = NoiseBands(256, sample_rate=44100, hop_length=128)
        >>> wind(torch.full((1, 10, 256), 0.1)).shape
        torch.Size([1, 1280])
    """

    is_random = True

    def __init__(
        self, n_bands: int, sample_rate: int, hop_length: int, n_taps: int = 1024, bias: float = -2.0
    ) -> None:
        super().__init__()
        require_count("n_bands", n_bands, at_least=2)
        require_count("n_taps", n_taps, at_least=2)
        require_rates(sample_rate, hop_length)
        require_finite("bias", bias)
        self.n_bands, self.n_taps = n_bands, n_taps
        self.sample_rate, self.hop_length = sample_rate, hop_length
        self.controls = (Control("gains", n_bands, "linear", 0.0, 2.0, "exp_sigmoid", bias),)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.n_bands} bands, {self.n_taps} taps, {self.sample_rate} Hz, hop {self.hop_length}"

    def init_state(self, batch_size: int, seed: int = 0) -> NoiseState:
        """Return the state before the first sample; item ``i`` has the seed ``seed + i``."""
        return noise_state(batch_size, self.n_bands, seed + self.seed_offset, self.device)

    def step(
        self, gains: Float[Tensor, "batch frame band"], *, state: NoiseState
    ) -> tuple[Float[Tensor, "batch time"], NoiseState]:
        """Return the next block's audio and state."""
        rates = {"sample_rate": self.sample_rate, "hop_length": self.hop_length}
        return noise_bands_step(gains, state, **rates, n_taps=self.n_taps)

    def lower(self, program: Program, gains: Wire) -> Wire:
        """Append the noise to a program."""
        taps = program.linear(gains, band_taps(self.n_bands, self.n_taps, self.sample_rate).T, is_exact=True)
        return program.noise(taps, self.seed_offset)


class NoiseBandsConfig(PartConfig):
    """Noise in bands of equal width in mel, each with a gain of its own."""

    kind: Literal["noise_bands"] = "noise_bands"
    n_bands: int = Field(default=256, ge=2, le=MOST_BANDS)
    """Bands, from 0 Hz to Nyquist."""
    n_taps: int = Field(default=1024, ge=2, le=_MOST_TAPS)
    """Taps of half the filter: bands closer than the sample rate over this cannot be separated."""

    def build(self, sample_rate: int, hop_length: int) -> NoiseBands:
        """Return the noise."""
        return NoiseBands(self.n_bands, sample_rate, hop_length, self.n_taps)
