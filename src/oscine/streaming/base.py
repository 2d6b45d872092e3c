"""`Streaming`: what every part of an instrument is, in training, offline and in real time."""

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from oscine.streaming.contents import Wire
from oscine.streaming.program import Program

State = Any
"""A NamedTuple (or a tuple of such) of tensors, batch first: all that is kept between two blocks."""
S = TypeVar("S")


class Streaming(nn.Module, ABC, Generic[S]):
    """A module that computes a signal block by block: networks, processors and instruments alike.

    `step` is the definition. It is pure: the state goes in and comes out as a value and nothing is mutated. A
    signal gives the same result however it is cut into blocks:

        ``forward(x) == concatenate(step over any split of x)``

    so `forward`, offline, is a stream of one block. Where a faster parallel form exists, `forward` is
    overridden, and the contract test holds both to the same numbers.

    The state is per batch item and contains no weights, so that one item can be reset alone and polyphony is
    a batch that is summed.

    Attributes:
        seed_offset: Added to the seed of a state, so that two sources of noise in one instrument differ.
    """

    seed_offset: int = 0

    _anchor: Tensor

    def __init__(self) -> None:
        super().__init__()
        # A module may have no parameter that tells where it lives.
        self.register_buffer("_anchor", torch.empty(0), persistent=False)

    @property
    def device(self) -> torch.device:
        """The device of the module, and of the states that it makes."""
        return self._anchor.device

    @property
    def latency(self) -> int:
        """Samples by which the output lags the input."""
        return 0

    @abstractmethod
    def init_state(self, batch_size: int, seed: int = 0) -> S:
        """Return the state before the first sample; the noise of item ``i`` has the seed ``seed + i``."""

    @abstractmethod
    def step(self, *signals: Any, **named: Any) -> tuple[Tensor, S]:
        """Return the output of the next block and the state after it: ``step(*signals, state=state)``."""

    def forward(self, *signals: Any, seed: int = 0, **named: Any) -> Tensor:
        """Return the output of the whole signal, from the start; the arguments are those of `step`."""
        return self.step(*signals, **named, state=self.init_state(batch_size_of(signals, named), seed))[0]

    def latency_with(self, *args: Any, **options: Any) -> int:
        """Return the latency of `step` with these options, samples."""
        del args, options
        return self.latency

    def program(self, *args: Any, **options: Any) -> Program:
        """Return the module, with its weights of now, as a program for the runtime.

        Args:
            args: None.
            options: Further arguments of `step`.

        Raises:
            NotCompilable: When the module or a part of it has no compiled form.
        """
        raise NotCompilable(f"{type(self).__name__} has no program of its own; an instrument has one.")

    def lower(self, program: Program, *signals: Any, **named: Any) -> Wire:
        """Append the same computation to a program and return the wire of its output.

        The arguments are those of `step`, wires in place of tensors. Call it through `lower_into`, which
        refuses a class that has no compiled form, or whose `step` is newer than its `lower`.
        """
        raise NotImplementedError


class NotCompilable(ValueError):  # noqa: N818 - it says what it is
    """A module has no compiled form; its stream runs `step` in torch."""


@runtime_checkable
class Lowers(Protocol):
    """An object with a compiled form: a module, or a part of one."""

    def lower(self, program: Program, *args: Any, **named: Any) -> Wire:
        """Append the same computation to a program and return the wire of its output."""
        ...


#: The methods of a part that say what it computes; its `lower` says the same.
_METHODS = ("step", "forward", "clean", "value")


def lower_into(program: Program, part: Lowers, *args: Any, **named: Any) -> Wire:
    """Return ``part.lower(program, …)``.

    Raises:
        NotCompilable: When the part has no compiled form, or its class overrides what it computes and not
            `lower`.
    """
    require_current_lower(part)
    return part.lower(program, *args, **named)


def require_current_lower(part: Lowers, *methods: str) -> None:
    """Refuse a part whose class overrides what it computes below the class that defines its `lower`.

    Args:
        part: The part to lower.
        methods: Names of methods that compute, beside `step`, `forward`, `clean` and `value`.

    Raises:
        NotCompilable: The compiled form would play another sound than the part does.
    """
    mro = type(part).__mro__
    lower_at = next(i for i, cls in enumerate(mro) if "lower" in vars(cls))
    if mro[lower_at] is Streaming:
        raise NotCompilable(f"{type(part).__name__} has no compiled form: it does not define `lower`.")
    for method in (*_METHODS, *methods):
        newer = next((cls for cls in mro[:lower_at] if method in vars(cls)), None)
        if newer is not None:
            raise NotCompilable(
                f"{newer.__name__} overrides `{method}` and not `lower`, so the compiled form would play "
                "another sound; define `lower` as well."
            )


def require_no_hooks(module: nn.Module) -> None:
    """Refuse a module in which something was put around a `forward`.

    Raises:
        NotCompilable: The compiled form would leave it out.
    """
    for name, one in module.named_modules():
        if one._forward_hooks or one._forward_pre_hooks or any(method in vars(one) for method in _METHODS):
            raise NotCompilable(
                f"{name or type(one).__name__} has a hook or a method of its own, which the compiled form "
                "would leave out."
            )


def batch_size_of(signals: tuple[Any, ...], named: dict[str, Any]) -> int:
    """Return the batch size of a call's first tensor.

    Raises:
        ValueError: When there is none.
    """
    for value in (*signals, *named.values()):
        if isinstance(value, Tensor):
            return value.shape[0]
        if isinstance(value, dict) and value:
            return batch_size_of((), value)
    raise ValueError("No signal was given; give at least one tensor, (batch, frame, …) or (batch, time).")
