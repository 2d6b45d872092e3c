"""The glottal source as a part of an instrument."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.functional.glottal import (
    LEAST_RD,
    MOST_RD,
    glottal_mixing,
    glottal_tables,
    glottal_weights,
)
from oscine.functional.wavetable import WavetableState, wavetable_oscillator_step, wavetable_state
from oscine.processors.base import MOST_PARTIALS, PartConfig, Processor, require_rates
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count


class Glottal(Processor[WavetableState]):
    """Cycles of the vocal folds, by the LF model: `oscine.functional.glottal_tables` at f0. Latency 0.

    Its control ``rd`` is the quality of the voice: 0.3 is pressed, 2.7 is breathy. The level follows from the
    amplitude alone. In a chain with `Allpole` it is the source of the source-filter model.

    Args:
        n_harmonics: Harmonics of a cycle; those from Nyquist up are silent.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Attributes:
        tables: Fourier coefficients of the cycles, (table, 2, harmonic). They are computed, not learned, and
            are no part of a saved instrument.

    Raises:
        ValueError: When a size is not a positive whole number.

    Examples:
        >>> folds = Glottal(80, sample_rate=16000, hop_length=64)
        >>> folds(torch.full((1, 5), 100.0), torch.ones(1, 5), torch.ones(1, 5)).shape
        torch.Size([1, 320])
    """

    inputs = ("f0_hz",)
    controls = (
        Control("amplitude", 0, "linear", 0.0, 2.0, "exp_sigmoid"),
        Control("rd", 0, "weight", LEAST_RD, MOST_RD, "linear"),
    )
    tables: Tensor

    def __init__(self, n_harmonics: int, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        require_count("n_harmonics", n_harmonics)
        require_rates(sample_rate, hop_length)
        self.n_harmonics = n_harmonics
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.register_buffer("tables", glottal_tables(n_harmonics).to(torch.float32), persistent=False)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.n_harmonics} harmonics, {self.sample_rate} Hz, hop {self.hop_length}"

    def init_state(self, batch_size: int, seed: int = 0) -> WavetableState:
        """Return the state before the first sample, at the closure of the folds."""
        return wavetable_state(batch_size, self.n_harmonics, self.device)

    def step(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        amplitude: Float[Tensor, "batch frame"],
        rd: Float[Tensor, "batch frame"],
        *,
        state: WavetableState,
    ) -> tuple[Float[Tensor, "batch time"], WavetableState]:
        """Return the next block's audio and state."""
        return wavetable_oscillator_step(
            f0_hz,
            amplitude,
            glottal_weights(rd),
            self.tables,
            state,
            sample_rate=self.sample_rate,
            hop_length=self.hop_length,
        )

    def lower(self, program: Program, f0_hz: Wire, amplitude: Wire, rd: Wire) -> Wire:
        """Append the source to a program."""
        scale, bias = glottal_mixing()
        weights = program.softmax(program.linear(rd, scale.unsqueeze(-1), bias, is_exact=True))
        cycle = program.linear(weights, self.tables.flatten(1).T, is_exact=True)
        return program.cycle(f0_hz, amplitude, cycle)


class GlottalConfig(PartConfig):
    """Cycles of the vocal folds, by the LF model."""

    kind: Literal["glottal"] = "glottal"
    n_harmonics: int = Field(default=100, ge=1, le=MOST_PARTIALS)
    """Harmonics of a cycle: Nyquist over the lowest f0, for the full band."""

    def build(self, sample_rate: int, hop_length: int) -> Glottal:
        """Return the source."""
        return Glottal(self.n_harmonics, sample_rate, hop_length)
