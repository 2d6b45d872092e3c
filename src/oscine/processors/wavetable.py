"""The wavetable oscillator as a part of an instrument."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from oscine.functional.wavetable import WavetableState, wavetable_oscillator_step, wavetable_state
from oscine.processors.base import MOST_PARTIALS, PartConfig, Processor, require_rates
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count

MOST_TABLES = 256


class Wavetable(Processor[WavetableState]):
    """A mixture of learned cycles: `oscine.functional.wavetable_oscillator` with a state. Latency 0.

    The tables are learned and shared by all frames; for each frame the network predicts how they are mixed.
    Each table has the energy of one sine of amplitude 1, so loudness is the amplitude's alone.

    Args:
        n_tables: Number of tables.
        n_harmonics: Harmonics of each table.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Attributes:
        coefficients: The learned numbers behind the tables, (table, 2, harmonic): the Fourier coefficients of
            harmonic k times k, cosines and then sines.

    Raises:
        ValueError: When a size is not a positive whole number.

    Examples:
        >>> oscillator = Wavetable(4, 8, sample_rate=16000, hop_length=64)
        >>> weights = torch.full((1, 5, 4), 0.25)
        >>> oscillator(torch.full((1, 5), 440.0), torch.ones(1, 5), weights).shape
        torch.Size([1, 320])
    """

    inputs = ("f0_hz",)

    def __init__(self, n_tables: int, n_harmonics: int, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        require_count("n_tables", n_tables)
        require_count("n_harmonics", n_harmonics)
        require_rates(sample_rate, hop_length)
        self.n_tables = n_tables
        self.n_harmonics = n_harmonics
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        # Nearly in phase with each other, so that mixtures do not cancel, each of another colour, and falling
        # by 12 dB per octave (processors/harmonic.py says why).
        sines = 0.5 + torch.rand(n_tables, n_harmonics)
        cosines = 0.1 * torch.randn(n_tables, n_harmonics)
        number = torch.arange(1, n_harmonics + 1)
        self.coefficients = nn.Parameter(torch.stack([cosines, sines], dim=1) / number)
        self.controls = (
            Control("amplitude", 0, "linear", 0.0, 2.0, "exp_sigmoid"),
            Control("table_weights", n_tables, "weight", 0.0, 1.0, "softmax"),
        )

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"{self.n_tables} tables of {self.n_harmonics} harmonics, {self.sample_rate} Hz, "
            f"hop {self.hop_length}"
        )

    def tables(self) -> Float[Tensor, "table 2 harmonic"]:
        """Return the Fourier coefficients of the tables: cosines, then sines.

        `oscine.functional.sampled_cycles` turns them into samples.
        """
        number = torch.arange(1, self.n_harmonics + 1, device=self.device)
        tables = self.coefficients / number
        return tables / torch.linalg.vector_norm(tables, dim=(1, 2), keepdim=True).clamp(min=1e-6)

    def init_state(self, batch_size: int, seed: int = 0) -> WavetableState:
        """Return the state before the first sample, with the phase at zero."""
        return wavetable_state(batch_size, self.n_harmonics, self.device)

    def step(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        amplitude: Float[Tensor, "batch frame"],
        table_weights: Float[Tensor, "batch frame table"],
        *,
        state: WavetableState,
    ) -> tuple[Float[Tensor, "batch time"], WavetableState]:
        """Return the next block's audio and state."""
        return wavetable_oscillator_step(
            f0_hz,
            amplitude,
            table_weights,
            self.tables(),
            state,
            sample_rate=self.sample_rate,
            hop_length=self.hop_length,
        )

    def lower(self, program: Program, f0_hz: Wire, amplitude: Wire, table_weights: Wire) -> Wire:
        """Append the oscillator to a program."""
        cycle = program.linear(table_weights, self.tables().flatten(1).T)
        return program.cycle(f0_hz, amplitude, cycle)


class WavetableConfig(PartConfig):
    """A mixture of learned single-cycle tables."""

    kind: Literal["wavetable"] = "wavetable"
    n_tables: int = Field(default=16, ge=1, le=MOST_TABLES)
    """Number of tables."""
    n_harmonics: int = Field(default=100, ge=1, le=MOST_PARTIALS)
    """Harmonics of each table."""

    def build(self, sample_rate: int, hop_length: int) -> Wavetable:
        """Return the oscillator."""
        return Wavetable(self.n_tables, self.n_harmonics, sample_rate, hop_length)
