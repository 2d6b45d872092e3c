"""Frequency modulation by six operators as a part of an instrument."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.functional.fm import (
    MOST_INDEX,
    FmState,
    dx7_algorithm,
    fm_carriers,
    fm_oscillator_step,
    fm_state,
)
from oscine.processors.base import PartConfig, Processor, require_rates
from oscine.processors.control import Control
from oscine.streaming import Program, Wire

_N_OPERATORS = 6
#: Smallest and largest frequency of an operator over f0.
LEAST_RATIO, MOST_RATIO = 0.1, 32.0
# The index 0.6 before training: a few partials each, no noise. See `oscine.functional.exp_sigmoid`.
_START_INDEX = 0.6


class FmOscillator(Processor[FmState]):
    """Six sines that modulate each other's phase: `oscine.functional.fm_oscillator` with a state. Latency 0.

    The arrangement is one of the DX7's algorithms, without feedback. The ratios are fixed, because a spectral
    loss has no direction in them; amplitudes and indices are predicted. An index reaches 4π, as on the DX7.

    Args:
        algorithm: 1 … 32.
        ratios: Frequencies of operators 1 … 6 over f0.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Attributes:
        carriers: Numbers of the operators in the output; their levels are the control ``amplitudes``.
        sources: Numbers of the others; their levels are the control ``indices``, which algorithm 32 lacks.

    Raises:
        ValueError: When there is no such algorithm, there are not six ratios from 0.1 to 32, or a rate is not
            a positive whole number.

    Reference: Caspe et al., DDX7: Differentiable FM Synthesis of Musical Instrument Sounds, ISMIR 2022.

    Examples:
        >>> oscillator = FmOscillator(2, (1, 1, 1, 1, 3, 14), sample_rate=16000, hop_length=64)
        >>> amplitudes, indices = torch.full((1, 5, 2), 0.2), torch.ones(1, 5, 4)
        >>> oscillator(torch.full((1, 5), 220.0), amplitudes, indices).shape
        torch.Size([1, 320])
    """

    inputs = ("f0_hz",)

    def __init__(
        self, algorithm: int, ratios: Sequence[float | int], sample_rate: int, hop_length: int
    ) -> None:
        super().__init__()
        require_rates(sample_rate, hop_length)
        if len(ratios) != _N_OPERATORS or not all(LEAST_RATIO <= one <= MOST_RATIO for one in ratios):
            raise ValueError(
                f"ratios is {tuple(ratios)}; give {_N_OPERATORS} numbers from {LEAST_RATIO} to "
                f"{MOST_RATIO:g}."
            )
        self.algorithm = algorithm
        self.modulators = dx7_algorithm(algorithm)
        self.ratios = tuple(float(one) for one in ratios)
        self.sample_rate, self.hop_length = sample_rate, hop_length
        self.carriers = fm_carriers(self.modulators)
        self.sources = tuple(one for one in range(1, _N_OPERATORS + 1) if one not in self.carriers)
        n_sources = len(self.sources)
        start = (_raw(_START_INDEX, MOST_INDEX),) * n_sources
        indices = Control("indices", n_sources, "radians", 0.0, MOST_INDEX, "exp_sigmoid", start=start)
        self.controls = (
            Control("amplitudes", len(self.carriers), "linear", 0.0, 2.0, "exp_sigmoid"),
            *([indices] if n_sources else []),
        )

    def extra_repr(self) -> str:
        """Return the arrangement and the rates."""
        ratios = ", ".join(f"{one:g}" for one in self.ratios)
        return f"algorithm {self.algorithm}, ratios {ratios}, {self.sample_rate} Hz, hop {self.hop_length}"

    def init_state(self, batch_size: int, seed: int = 0) -> FmState:
        """Return the state before the first sample, every phase at zero."""
        return fm_state(batch_size, _N_OPERATORS, self.device)

    def levels(
        self,
        amplitudes: Float[Tensor, "batch frame carrier"],
        indices: Float[Tensor, "batch frame source"] | None = None,
    ) -> Float[Tensor, "batch frame 6"]:
        """Return the levels of operators 1 … 6.

        Raises:
            ValueError: When there are more or fewer of either than the algorithm has.
        """
        if (indices is None) != (not self.sources):
            raise ValueError(
                f"Algorithm {self.algorithm} has {len(self.sources)} modulators; "
                f"{'leave out the' if indices is not None else 'give their'} indices."
            )
        wanted = len(self.carriers), len(self.sources)
        given = amplitudes.shape[-1], 0 if indices is None else indices.shape[-1]
        if given != wanted:
            raise ValueError(
                f"There are {given[0]} amplitudes and {given[1]} indices; algorithm {self.algorithm} takes "
                f"{wanted[0]} and {wanted[1]}."
            )
        both = amplitudes if indices is None else torch.cat([amplitudes, indices], dim=-1)
        return both[..., [self._order.index(number) for number in range(1, _N_OPERATORS + 1)]]

    def step(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        amplitudes: Float[Tensor, "batch frame carrier"],
        indices: Float[Tensor, "batch frame source"] | None = None,
        *,
        state: FmState,
    ) -> tuple[Float[Tensor, "batch time"], FmState]:
        """Return the next block's audio and state.

        Raises:
            ValueError: When the indices are missing, or the algorithm has none.
        """
        return fm_oscillator_step(
            f0_hz,
            self.levels(amplitudes, indices),
            state,
            ratios=self.ratios,
            modulators=self.modulators,
            sample_rate=self.sample_rate,
            hop_length=self.hop_length,
        )

    def lower(self, program: Program, f0_hz: Wire, amplitudes: Wire, indices: Wire | None = None) -> Wire:
        """Append the oscillator to a program."""
        wires = [
            *amplitudes.split(*[1] * amplitudes.size),
            *(indices.split(*[1] * indices.size) if indices else ()),
        ]
        levels = program.concatenate(*(wires[self._order.index(i)] for i in range(1, _N_OPERATORS + 1)))
        return program.fm(f0_hz, levels, self.ratios, self.modulators)

    @property
    def _order(self) -> tuple[int, ...]:
        """Numbers of the operators in the order of the controls' channels."""
        return (*self.carriers, *self.sources)


class FmConfig(PartConfig):
    """Six sines that modulate each other's phase, in one of the DX7's algorithms."""

    kind: Literal["fm"] = "fm"
    algorithm: int = Field(default=2, ge=1, le=32)
    """Which operators modulate which, by the DX7's number; without feedback."""
    ratios: tuple[Annotated[float, Field(ge=LEAST_RATIO, le=MOST_RATIO)], ...] = Field(
        default=(1.0, 1.0, 1.0, 1.0, 3.0, 14.0), min_length=_N_OPERATORS, max_length=_N_OPERATORS
    )
    """Frequencies of operators 1 … 6 over f0. The default is a DX7's string patch."""

    def build(self, sample_rate: int, hop_length: int) -> FmOscillator:
        """Return the oscillator."""
        return FmOscillator(self.algorithm, self.ratios, sample_rate, hop_length)


def _raw(value: float, maximum: float) -> float:
    """Return what `oscine.functional.exp_sigmoid` turns into a value."""
    share = (value / maximum) ** (1 / math.log(10.0))
    return math.log(share / (1 - share))
