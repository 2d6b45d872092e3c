"""A filter given by the magnitudes of its bands, as a part of an instrument."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from oscine.functional.activations import inverse_exp_sigmoid
from oscine.functional.convolution import ConvolutionState, convolution_state, convolve_step
from oscine.functional.filter import (
    LOG_OFFSET,
    FilterState,
    filter_state,
    minimum_phase_taps,
    moving_filter_step,
    n_minimum_phase_taps,
    zero_phase_taps,
)
from oscine.functional.noise import filter_taps
from oscine.processors.base import PartConfig, Processor
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count

Phase = Literal["zero", "minimum"]
MOST_FILTER_BANDS = 1025


class Filter(Processor[FilterState | ConvolutionState]):
    """The signal through a filter that moves, `oscine.functional.moving_filter`, or through a fixed one.

    In a chain behind `Pulse` it is a source-filter vocoder. Fixed, among the effects, it is the body of the
    instrument, the same for all notes.

    Its latency is ``n_bands − 1`` samples with zero phase and 0 with minimum phase. The signal is delayed by
    it, the magnitudes are not.

    Args:
        n_bands: Frequencies, from 0 to Nyquist, at which the magnitude is given.
        hop_length: Samples per frame.
        phase: "zero" keeps the shape of what passes; "minimum" has no latency.
        fixed: Learn one filter instead of taking the magnitudes as a control.
        start_db_per_octave: Slope of the magnitudes before training, above a fortieth of Nyquist. Behind a
            source whose partials are equally strong, −12 lets training begin with the spectrum of most
            instruments; 0 lets a sound pass as it is.

    Attributes:
        log_magnitudes: The learned natural logarithms of the magnitudes, when ``fixed``.

    Raises:
        ValueError: When there are fewer than 2 bands, the hop is not a positive whole number, the phase is of
            no known kind, or the slope is not within −48 … 0 dB.

    Examples:
        >>> body = Filter(33, hop_length=64, phase="minimum", fixed=True)
        >>> body(torch.randn(1, 640)).shape
        torch.Size([1, 640])
    """

    signals = ("audio",)

    def __init__(
        self,
        n_bands: int,
        hop_length: int,
        phase: str = "zero",
        *,
        fixed: bool = False,
        start_db_per_octave: float = 0.0,
    ) -> None:
        super().__init__()
        require_count("n_bands", n_bands, at_least=2)
        require_count("hop_length", hop_length)
        if phase not in ("zero", "minimum"):
            raise ValueError(f"phase is {phase!r}; give one of zero, minimum.")
        if not -48 <= start_db_per_octave <= 0:
            raise ValueError(f"start_db_per_octave is {start_db_per_octave}; give −48 … 0.")
        self.n_bands = n_bands
        self.hop_length = hop_length
        self.phase: Phase = phase
        self.fixed = fixed
        octaves = (math.log2(1 + 40 * band / (n_bands - 1)) for band in range(n_bands))
        start = [10 ** (start_db_per_octave / 20 * octave) for octave in octaves]
        if fixed:
            self.log_magnitudes = nn.Parameter(torch.tensor(start).log())
        else:
            raw = tuple(inverse_exp_sigmoid(magnitude) for magnitude in start)
            self.controls = (
                Control("magnitudes", n_bands, "gain", 0.0, 2.0, "exp_sigmoid", start=raw, axis="frequency"),
            )

    @property
    def latency(self) -> int:
        """Samples by which the output lags the input."""
        return self.n_bands - 1 if self.phase == "zero" else 0

    @property
    def n_taps(self) -> int:
        """Length of the filter, samples."""
        return 2 * self.n_bands - 1 if self.phase == "zero" else n_minimum_phase_taps(self.n_bands)

    def extra_repr(self) -> str:
        """Return the sizes and options."""
        fixed = ", fixed" if self.fixed else ""
        return f"{self.n_bands} bands, hop {self.hop_length}, {self.phase} phase{fixed}"

    def taps(self, magnitudes: Float[Tensor, "*frame band"]) -> Float[Tensor, "*frame tap"]:
        """Return the causal filters of these magnitudes."""
        return zero_phase_taps(magnitudes) if self.phase == "zero" else minimum_phase_taps(magnitudes)

    def init_state(self, batch_size: int, seed: int = 0) -> FilterState | ConvolutionState:
        """Return the state before the first sample."""
        make = convolution_state if self.fixed else filter_state
        return make(batch_size, self.n_taps, self.device)

    def step(
        self,
        audio: Float[Tensor, "batch time"],
        magnitudes: Float[Tensor, "batch frame band"] | None = None,
        *,
        state: FilterState | ConvolutionState,
    ) -> tuple[Float[Tensor, "batch time"], FilterState | ConvolutionState]:
        """Return the next block, filtered, and the state.

        Raises:
            ValueError: When magnitudes are given to a fixed filter, or none to another one.
        """
        if (magnitudes is None) != self.fixed:
            raise ValueError(f"magnitudes is {'not a' if self.fixed else 'a'} control of this filter.")
        if isinstance(state, ConvolutionState):
            return convolve_step(audio, self.taps(self.log_magnitudes.exp()), state)
        assert magnitudes is not None
        return moving_filter_step(audio, self.taps(magnitudes), state, hop_length=self.hop_length)

    def lower(self, program: Program, audio: Wire, magnitudes: Wire | None = None) -> Wire:
        """Append the filter to a program."""
        if magnitudes is None:
            return program.convolve(audio, self.taps(self.log_magnitudes.exp()))
        if self.phase == "zero":
            taps = program.linear(magnitudes, filter_taps(self.n_bands).T, is_exact=True)
            return program.moving_filter(audio, taps, symmetric=True)
        taps = program.minimum_phase(magnitudes, filter_taps(self.n_bands).T, self.n_taps, LOG_OFFSET)
        return program.moving_filter(audio, taps)


class FilterConfig(PartConfig):
    """A filter given by the magnitudes of its bands."""

    kind: Literal["filter"] = "filter"
    n_bands: int = Field(default=65, ge=2, le=MOST_FILTER_BANDS)
    """Frequencies, from 0 to Nyquist, at which the magnitude is given."""
    phase: Phase = "zero"
    """"zero" keeps the shape of a wave, at a latency of ``n_bands − 1`` samples; "minimum" has no latency."""
    fixed: bool = False
    """Learn one filter for all notes instead of letting the network move it."""
    start_db_per_octave: float = Field(default=0.0, ge=-48.0, le=0.0)
    """Slope of the magnitudes before training; −12 suits a filter behind pulses, 0 an effect."""

    def build(self, sample_rate: int, hop_length: int) -> Filter:
        """Return the filter."""
        return Filter(
            self.n_bands,
            hop_length,
            self.phase,
            fixed=self.fixed,
            start_db_per_octave=self.start_db_per_octave,
        )
