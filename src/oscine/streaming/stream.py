"""`Stream`: a module that runs block by block, compiled where it can be."""

import copy
from typing import Any, Literal

import torch
from torch import Tensor

from oscine.kernels import chosen
from oscine.runtime import Engine, TooLarge, engines
from oscine.streaming.base import NotCompilable, Streaming
from oscine.streaming.checks import require_count, require_seed
from oscine.streaming.names import by_name


class Stream:
    """A module that runs: it keeps the state, and computes without gradients.

    A batch of one, in float32 on the CPU, is played by the compiled runtime where the module has a program
    (`Streaming.program`); everything else by the `step` of a copy. So a stream plays the weights that it was
    made with, in either form.

    Args:
        streaming: The module to run.
        batch_size: How many signals side by side.
        seed: Of the noise.
        weights: The type of large weights in the runtime. "float16" rounds them to 11 bits and is about twice
            as fast for networks that are larger than the processor's cache. In torch they stay float32.
        options: Further arguments of the module's `step` and `program`, such as ``dry`` of an instrument.

    Attributes:
        compiled: The runtime plays.
        why: Why not, in a sentence; empty where it does.

    Raises:
        ValueError: When the batch size or the seed is not a whole number, or out of its range.

    Examples:
        >>> from oscine.processors import FilteredNoise
        >>> stream = Stream(FilteredNoise(n_bands=65, hop_length=64))
        >>> stream.push(torch.ones(1, 1, 65)).shape
        torch.Size([1, 64])
    """

    def __init__(
        self,
        streaming: Streaming[Any],
        batch_size: int = 1,
        seed: int = 0,
        *,
        weights: Literal["float32", "float16"] = "float32",
        **options: Any,
    ) -> None:
        require_count("batch_size", batch_size)
        require_seed(seed)
        self.batch_size = batch_size
        self.seed = seed
        self.why = _why_not(streaming, batch_size)
        self._options = options
        self._engine: Engine | None = None
        if not self.why:
            try:
                program = streaming.program(**options)
                self._engine = Engine(program.to_bytes(weights), chosen())
                self._names = [one.name for one in program.inputs if not one.optional]
                self._optional = [one.name for one in program.inputs if one.optional]
                self.latency = program.latency
            except (NotCompilable, TooLarge) as error:
                self.why = str(error)
        if self._engine is None:
            self._copy = copy.deepcopy(streaming).eval()
            self.latency = streaming.latency_with(**options)
        self._description = f"{type(streaming).__name__}, {self._engine or self.why}"
        self.reset()

    @property
    def compiled(self) -> bool:
        """Whether the runtime plays."""
        return self._engine is not None

    def __repr__(self) -> str:
        return f"Stream({self._description})"

    @torch.no_grad()
    def reset(self, seed: int | None = None) -> None:
        """Go back to before the first sample, with another seed where one is given."""
        if seed is not None:
            require_seed(seed)
            self.seed = seed
        if self._engine is not None:
            self._engine.reset(self.seed)
        else:
            self._state = self._copy.init_state(self.batch_size, self.seed)

    def push(self, *signals: Any, **named: Any) -> Tensor:
        """Return the output of the next block, whatever its length; the arguments are those of `step`."""
        if self._engine is not None:
            return self._engine.play(by_name(self._names, signals, named, self._optional))
        with torch.no_grad():
            output, self._state = self._copy.step(*signals, **named, **self._options, state=self._state)
        return output


def _why_not(streaming: Streaming[Any], batch_size: int) -> str:
    """Return why the runtime can't play a module here, in a sentence; empty where it may."""
    if batch_size != 1:
        return f"A batch of {batch_size} is computed in torch; the runtime plays one signal."
    if streaming.device.type != "cpu":
        return f"It is on {streaming.device}; the runtime plays on the CPU."
    if any(one.dtype != torch.float32 for one in streaming.parameters()):
        return "Its weights are not float32."
    if not engines():
        return "There is no compiled runtime; there was no C++ compiler when Oscine was installed."
    if chosen() not in engines():
        return f"OSCINE_KERNEL asks for {chosen()}."
    return ""
