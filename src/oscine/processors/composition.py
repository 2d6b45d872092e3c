"""Instruments from parts: the sum of named parts, and a chain of them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.errors import InputError
from oscine.processors.base import Processor
from oscine.processors.control import Control
from oscine.streaming import NotCompilable, Program, State, Wire, by_name, is_part_name, lower_into

#: Two parts' noise has seeds this far apart.
_SEED_STRIDE = 1 << 40


def number_seeds(module: nn.Module) -> None:
    """Give every source of noise in a module another seed; the first one keeps the seed that it is given."""
    sources = (one for one in module.modules() if isinstance(one, Processor) and one.is_random)
    for number, source in enumerate(sources):
        source.seed_offset = number * _SEED_STRIDE


class _Composition(Processor[Any]):
    """Named parts, whose controls are called ``part.control``."""

    def __init__(self, parts: Mapping[str, Processor[Any]]) -> None:
        super().__init__()
        for name in parts:
            if not is_part_name(name):
                raise InputError(
                    f"A part can't be called {name!r}; give it a name without a dot that is no attribute of "
                    "PyTorch's modules."
                )
        self.parts = nn.ModuleDict(dict(parts))
        inputs = [name for part in parts.values() for name in part.inputs]
        self.inputs = tuple(dict.fromkeys(inputs))
        self.controls: tuple[Control, ...] = tuple(
            control.within(name) for name, part in parts.items() for control in part.controls
        )
        number_seeds(self)

    def __iter__(self) -> Iterator[tuple[str, Processor[Any]]]:
        return ((name, cast("Processor[Any]", part)) for name, part in self.parts.items())

    def named(self, signals: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """Return all arguments by name.

        Raises:
            ValueError: When one is missing, given twice or unknown.
        """
        names = (*self.signals, *self.inputs, *(control.name for control in self.controls))
        return by_name(names, signals, named)

    def own(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the composition's inputs and controls from among the values of an instrument, by name."""
        return {name: values[name] for name in (*self.inputs, *(control.name for control in self.controls))}

    def of_part(self, name: str, part: Processor[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Return a part's inputs and controls from those of the composition, by the part's names."""
        controls = {control.name: named[f"{name}.{control.name}"] for control in part.controls}
        return {given: named[given] for given in part.inputs} | controls

    def lower_part(
        self, program: Program, name: str, part: Processor[Any], named: Mapping[str, Wire], *signals: Wire
    ) -> Wire:
        """Append a part to a program.

        Raises:
            NotCompilable: When the part has no compiled form, or one of its controls has another size than
                the composition was made for.
        """
        wires = self.of_part(name, part, named)
        for control in part.controls:
            if wires[control.name].size != control.width:
                raise NotCompilable(
                    f"{name} takes {control.width} numbers as {control.name} and gets "
                    f"{wires[control.name].size}; put a part of the same size in its place."
                )
        return lower_into(program, part, *signals, **wires)


class SumState(NamedTuple):
    """The state of a `Sum` between two blocks."""

    parts: tuple[State, ...]
    """Of each part."""
    late: tuple[Float[Tensor, "batch _"], ...]
    """Of each part, its last samples, which wait for the part with the largest latency."""


class Sum(_Composition):
    """Parts that sound together: ``y = Σ_i part_i(…)``, each delayed to the largest latency among them.

    Args:
        parts: By name; at least one, and each makes audio without taking any.

    Raises:
        InputError: When there is no part, or one takes a signal.

    Examples:
        >>> from oscine.processors import FilteredNoise, HarmonicOscillator
        >>> reed = Sum({"harmonic": HarmonicOscillator(8, 16000, 64), "noise": FilteredNoise(17, 64)})
        >>> print(*(control.name for control in reed.controls))
        harmonic.amplitude harmonic.harmonic_distribution noise.magnitudes
    """

    def __init__(self, parts: Mapping[str, Processor[Any]]) -> None:
        super().__init__(parts)
        if not parts:
            raise InputError("A sum has no part; give at least one.")
        for name, part in parts.items():
            if part.signals:
                raise InputError(
                    f"{name} takes a signal, so it can't be a part of a sum; put it in a chain, after a "
                    "source of sound."
                )

    @property
    def latency(self) -> int:
        """The largest latency of the parts, samples."""
        return max(part.latency for _, part in self)

    def init_state(self, batch_size: int, seed: int = 0) -> SumState:
        """Return the parts' states before the first sample."""
        parts = tuple(part.init_state(batch_size, seed) for _, part in self)
        late = tuple(
            torch.zeros(batch_size, self.latency - part.latency, device=self.device) for _, part in self
        )
        return SumState(parts, late)

    def step(self, *signals: Tensor, state: SumState, **named: Tensor) -> tuple[Tensor, SumState]:
        """Return the sum of the parts' next blocks and their states."""
        given = self.named(signals, named)
        states, waiting = [], []
        total: Tensor | None = None
        for (name, part), before, late in zip(self, state.parts, state.late, strict=True):
            audio, after = part.step(**self.of_part(name, part, given), state=before)
            both = torch.cat([late.to(audio.dtype), audio], dim=1)
            audio = both[:, : audio.shape[1]]
            total = audio if total is None else total + audio
            states.append(after)
            waiting.append(both[:, audio.shape[1] :])
        assert total is not None
        return total, SumState(tuple(states), tuple(waiting))

    def forward(self, *signals: Tensor, seed: int = 0, **named: Tensor) -> Tensor:
        """Return the whole sum, each part in its fastest form."""
        given = self.named(signals, named)
        total: Tensor | None = None
        for name, part in self:
            audio = part(**self.of_part(name, part, given), seed=seed)
            n_late = self.latency - part.latency
            if n_late:
                audio = nn.functional.pad(audio, (n_late, 0))[:, : audio.shape[1]]
            total = audio if total is None else total + audio
        assert total is not None
        return total

    def lower(self, program: Program, *signals: Wire, **named: Wire) -> Wire:
        """Append the parts and their sum to a program."""
        given = self.named(signals, named)
        total: Wire | None = None
        for name, part in self:
            audio = self.lower_part(program, name, part, given)
            audio = program.delay(audio, self.latency - part.latency)
            total = audio if total is None else program.add(total, audio)
        assert total is not None
        return total


class Chain(_Composition):
    """Parts one after the other: the audio of one is the signal of the next. Every part's controls count.

    A chain without a part is a wire: its output is its signal.

    The latencies add up. The controls of a later part are not delayed by the latency of those before it.

    Args:
        parts: By name; each part but the first takes a signal.

    Raises:
        InputError: When a part behind the first takes no signal.
    """

    def __init__(self, parts: Mapping[str, Processor[Any]]) -> None:
        super().__init__(parts)
        self.signals = next(iter(parts.values())).signals if parts else ("audio",)
        for name, part in list(parts.items())[1:]:
            if len(part.signals) != 1:
                raise InputError(f"{name} takes no signal, so it can only be the first part of a chain.")

    @property
    def latency(self) -> int:
        """The sum of the parts' latencies, samples."""
        return sum(part.latency for _, part in self)

    def init_state(self, batch_size: int, seed: int = 0) -> tuple[State, ...]:
        """Return the parts' states, in order."""
        return tuple(part.init_state(batch_size, seed) for _, part in self)

    def step(
        self, *signals: Tensor, state: tuple[State, ...], **named: Tensor
    ) -> tuple[Tensor, tuple[State, ...]]:
        """Return the last part's output and the parts' states."""
        given = self.named(signals, named)
        audio = [given[name] for name in self.signals]
        after = []
        for (name, part), before in zip(self, state, strict=True):
            output, changed = part.step(*audio, **self.of_part(name, part, given), state=before)
            audio = [output]
            after.append(changed)
        return audio[0], tuple(after)

    def forward(self, *signals: Tensor, seed: int = 0, **named: Tensor) -> Tensor:
        """Return the whole signal's output, each part in its fastest form."""
        given = self.named(signals, named)
        audio = [given[name] for name in self.signals]
        for name, part in self:
            audio = [part(*audio, **self.of_part(name, part, given), seed=seed)]
        return audio[0]

    def lower(self, program: Program, *signals: Wire, **named: Wire) -> Wire:
        """Append the parts to a program."""
        given = self.named(signals, named)
        audio = [given[name] for name in self.signals]
        for name, part in self:
            audio = [self.lower_part(program, name, part, given, *audio)]
        return audio[0]
