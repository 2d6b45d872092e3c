"""Data-parallel threads: a batch is shared, and each thread computes its crops on one core."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

Part = TypeVar("Part")
Result = TypeVar("Result")


class DataParallelThreads:
    """Threads that share a batch, each with one core's arithmetic.

    A training step here is a thousand short operations, most of them one recurrent step. Two threads inside
    each operation wait for each other a thousand times; two threads with half of the batch each wait once.
    That is many times faster on a machine that does something else as well, where a thread that waits for a
    core stalls the others. Results are added in the order of the crops, so they do not depend on timing.

    `close` ends them.

    Args:
        size: Number of threads; 1 works in the caller's own.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool = ThreadPoolExecutor(size, initializer=_one_core) if size > 1 else None

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def map(self, function: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
        """Return the function's results, in the order of the parts."""
        return (
            [function(part) for part in parts]
            if self._pool is None
            else list(self._pool.map(function, parts))
        )

    def bounds(self, n: int) -> list[tuple[int, int]]:
        """Return each thread's share of ``n`` items, ``first`` and the one behind its last; none is empty."""
        size = min(self.size, n)
        return [(n * i // size, n * (i + 1) // size) for i in range(size)]

    def gradients(
        self, loss: Callable[[int, int], Tensor], n: int, parameters: list[torch.nn.Parameter]
    ) -> float:
        """Set the parameters' gradients to those of a loss over ``n`` items, and return the loss.

        Args:
            loss: The mean loss of the items from ``first`` to before ``last``.
            n: Number of items.
            parameters: The parameters of the gradients.
        """

        def share(bounds: tuple[int, int]) -> tuple[float, list[Tensor | None]]:
            first, last = bounds
            weighted = loss(first, last) * ((last - first) / n)
            # What a loss does not depend on, as a reverb in pre-training, has no gradient and is kept.
            return weighted.item(), list(torch.autograd.grad(weighted, parameters, allow_unused=True))

        results = self.map(share, self.bounds(n))
        for parameter, *gradients in zip(parameters, *(gradients for _, gradients in results), strict=True):
            reached = [gradient for gradient in gradients if gradient is not None]
            parameter.grad = sum(reached[1:], start=reached[0]) if reached else None
        return sum(value for value, _ in results)


def _one_core() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
