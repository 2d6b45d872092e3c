"""What a processor is: one definition for training, offline and real time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from oscine.processors.control import Control

State = Any
"""A NamedTuple (or a tuple of such) of tensors: all that a processor remembers between two blocks."""


class Processor(nn.Module, ABC):
    """A differentiable piece of a synthesiser or an effect.

    `step` is the definition. It is pure: the state goes in and comes out as a value and nothing is mutated. A
    signal gives the same result however it is cut into blocks:

        ``forward(x) == concatenate(step over any split of x)``

    so `forward`, offline, is a stream of one block. Where a faster parallel form exists, `forward` is
    overridden, and the contract test holds both to the same numbers.
    """

    controls: tuple[Control, ...] = ()
    """What a network may drive, in the order of `forward`'s arguments."""

    _anchor: Tensor

    def __init__(self) -> None:
        super().__init__()
        # A processor may have no parameter that tells where it lives.
        self.register_buffer("_anchor", torch.empty(0), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the processor is, and so the states that it makes."""
        return self._anchor.device

    @property
    def latency(self) -> int:
        """Samples by which the output lags the input."""
        return 0

    @abstractmethod
    def init_state(self, batch_size: int) -> State:
        """Return the state before the first sample."""

    @abstractmethod
    def step(self, *inputs: Any, **state: Any) -> tuple[Tensor, State]:
        """Return the output of the next block and the state after it: ``step(*inputs, state=state)``."""

    def player(self) -> Callable[..., Tensor] | None:
        """Return a faster `step` for a batch of one that keeps its own state, from the start; or None."""
        return None

    def forward(self, *inputs: Any, **options: Any) -> Tensor:
        """Return the output of the whole signal, from the start."""
        return self.step(*inputs, state=self.init_state(inputs[0].shape[0]))[0]


class Chain(Processor):
    """Processors one after the other; the first takes the inputs, each further one the output before it."""

    def __init__(self, *processors: Processor) -> None:
        super().__init__()
        self.processors = nn.ModuleList(processors)
        self.controls = processors[0].controls

    def __iter__(self) -> Iterator[Processor]:
        return (cast(Processor, processor) for processor in self.processors)

    @property
    def latency(self) -> int:
        """The sum of the parts' latencies, samples."""
        return sum(processor.latency for processor in self)

    def init_state(self, batch_size: int) -> tuple[State, ...]:
        """Return the parts' states, in order."""
        return tuple(processor.init_state(batch_size) for processor in self)

    def step(self, *inputs: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """Return the last part's output and the parts' states."""
        after = []
        for processor, before in zip(self, state, strict=True):
            output, changed = processor.step(*inputs, state=before)
            inputs = (output,)
            after.append(changed)
        return inputs[0], tuple(after)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the whole signal's output, each part in its fastest form."""
        for processor in self:
            inputs = (processor(*inputs),)
        return inputs[0]


class Stream:
    """A processor that runs: it keeps the state, and computes without gradients.

    It plays by the processor's `player` where there is one, which has the weights of the last `reset`.

    Example:
        >>> from oscine.processors import FilteredNoise
        >>> stream = Stream(FilteredNoise(n_bands=65, hop_length=64))
        >>> stream.push(torch.ones(1, 1, 65)).shape
        torch.Size([1, 64])
    """

    def __init__(self, processor: Processor, batch_size: int = 1) -> None:
        self.processor = processor
        self.batch_size = batch_size
        self.reset()

    @property
    def latency(self) -> int:
        """Samples by which the output lags the input."""
        return self.processor.latency

    @torch.no_grad()
    def reset(self) -> None:
        """Go back to before the first sample."""
        self._player = self.processor.player() if self.batch_size == 1 else None
        self._state = None if self._player else self.processor.init_state(self.batch_size)

    def push(self, *inputs: Any) -> Tensor:
        """Return the output of the next block, whatever its length."""
        if self._player is not None:
            return self._player(*inputs)
        with torch.no_grad():
            output, self._state = self.processor.step(*inputs, state=self._state)
        return output
