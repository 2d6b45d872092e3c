"""The contents of a program: wires, inputs, operations, metadata."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Wire:
    """A span of the workspace: what an operation reads or writes in a frame."""

    offset: int
    size: int

    def split(self, *sizes: int) -> tuple["Wire", ...]:
        """Return consecutive parts of these sizes; nothing is copied.

        Raises:
            ValueError: When the sizes do not add up to the wire's.
        """
        if sum(sizes) != self.size:
            raise ValueError(f"A wire of {self.size} values cannot be split into {sizes}.")
        offsets = [self.offset + sum(sizes[:i]) for i in range(len(sizes))]
        return tuple(Wire(offset, size) for offset, size in zip(offsets, sizes, strict=True))


@dataclass(frozen=True)
class ProgramInput:
    """A curve that the player of a program gives, one value (or ``wire.size`` of them) per frame.

    What is not finite, or with ``positive`` not above 0, is replaced by the last good value (``default``
    before there is one); then it is clamped to ``minimum … maximum``. −∞ and +∞ are clamped, unless
    ``positive``, where they are held as well. One that is not given at all stands at its default.

    Attributes:
        optional: It may be left out where the module's `step` has a default for it.
    """

    name: str
    wire: Wire
    default: float
    minimum: float
    maximum: float
    positive: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Operation:
    """One operation: its kind, its inputs, its output and its constants.

    Attributes:
        is_exact: Its tensors are arithmetic and no weights, so they are not stored as int8.
    """

    kind: str
    inputs: tuple[Wire, ...]
    output: Wire
    integers: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    is_exact: bool = field(default=False, compare=False)

    def __repr__(self) -> str:
        """Return a line without the tensors' numbers."""
        given = [f"{wire.offset}:{wire.offset + wire.size}" for wire in self.inputs]
        given += [f"{number:g}" for number in (*self.integers, *self.numbers)]
        given += [" × ".join(map(str, tensor.shape)) for tensor in self.tensors]
        output = self.output
        return f"{output.offset}:{output.offset + output.size} = {self.kind}({', '.join(given)})"


@dataclass(repr=False)
class Contents:
    """All that a program is, and all that its file has.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame.
        latency: Samples by which the output lags the inputs.
        metadata: Whatever is told about the instrument: names, licence, credit, ranges; JSON values.
        inputs: In the order of their wires.
        operations: In the order in which they run.
        output: The audio, ``hop_length`` values.
        n_values: Size of the workspace.
    """

    sample_rate: int
    hop_length: int
    latency: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    inputs: list[ProgramInput] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    output: Wire | None = None
    n_values: int = 0

    def __repr__(self) -> str:
        """Return a line for each input and operation; ``a:b`` are the values of a wire in the workspace."""
        inputs = [f"{one.wire.offset}:{one.wire.offset + one.wire.size} = {one.name}" for one in self.inputs]
        head = f"{type(self).__name__}({self.sample_rate} Hz, hop {self.hop_length}, latency {self.latency})"
        return "\n  ".join([head, *inputs, *map(repr, self.operations)])

    def new_wire(self, size: int) -> Wire:
        """Return the next values of the workspace."""
        wire = Wire(self.n_values, size)
        self.n_values += size
        return wire

    def append(
        self,
        kind: str,
        inputs: Sequence[Wire],
        size: int,
        *,
        integers: Sequence[int] = (),
        numbers: Sequence[float] = (),
        tensors: Sequence[Tensor] = (),
        is_exact: bool = False,
    ) -> Wire:
        """Append an operation and return the wire of its result; the tensors are copied as they are now."""
        copies = tuple(t.detach().to("cpu", torch.float32, copy=True).contiguous() for t in tensors)
        output = self.new_wire(size)
        constants = tuple(int(i) for i in integers), tuple(float(x) for x in numbers), copies
        self.operations.append(Operation(kind, tuple(inputs), output, *constants, is_exact))
        return output
