"""Data-parallel processes: a torch.distributed group shares each batch, with torch's DDP."""

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from oscine.errors import InputError

Part = TypeVar("Part")
Result = TypeVar("Result")


def is_first_process() -> bool:
    """Return whether this process is the one of its group that writes; one without a group is."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


class DataParallelProcesses:
    """The processes of a group that train one model: each computes its crops of every batch.

    It has the place of `DataParallelThreads`. Gradients are added by DDP, so all processes take the same
    steps; what a process decides by its clock or by a signal, the first one decides for all (`agree`). All
    processes make one together: the weights of the first become those of the others.

    Args:
        trained: All whose weights change; it is on its device.

    Raises:
        InputError: When this process belongs to no group.
    """

    def __init__(self, trained: nn.Module) -> None:
        if not distributed.is_initialized():
            raise InputError("There is no group of processes; start with torchrun, or use --cluster.")
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self._device = next(trained.parameters()).device
        # What a loss does not depend on, as a reverb in pre-training, has no gradient.
        self._parallel = DistributedDataParallel(_Called(trained), find_unused_parameters=True)

    def close(self) -> None:
        """Do nothing: the group is its maker's."""

    def bounds(self, n: int) -> tuple[int, int]:
        """Return the share of this process of ``n`` items, ``first`` and the one behind its last.

        Raises:
            InputError: When there are fewer items than processes.
        """
        if n < self.size:
            raise InputError(
                f"training.batch_size is {n}, too few for {self.size} processes; use at most {n} "
                "processes, or choose a larger batch."
            )
        return n * self.rank // self.size, n * (self.rank + 1) // self.size

    def gradients(
        self, loss: Callable[[int, int], Tensor], n: int, parameters: Sequence[nn.Parameter]
    ) -> float:
        """Set the parameters' gradients to those of a loss over all ``n`` items, and return the loss.

        Args:
            loss: The mean loss of the items from ``first`` to before ``last``, counted over all processes.
            n: Number of items.
            parameters: The parameters of the gradients.
        """
        for parameter in parameters:
            parameter.grad = None
        first, last = self.bounds(n)
        # DDP takes the mean over the processes.
        value = self._parallel(lambda: loss(first, last) * (self.size * (last - first) / n))
        value.backward()
        total = value.detach().to(torch.float64) / self.size
        distributed.all_reduce(total)
        return total.item()

    def map(self, function: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
        """Return the function's results, in the order of the parts, in all processes; each computes some."""
        own = [function(part) for part in list(parts)[self.rank :: self.size]]
        gathered: list[list[Result]] = [[] for _ in range(self.size)]
        distributed.all_gather_object(gathered, own)
        missing = object()
        rows = zip_longest(*gathered, fillvalue=missing)
        return [result for row in rows for result in row if result is not missing]  # type: ignore[misc]

    def agree(self, numbers: Sequence[float]) -> list[float]:
        """Return the first process's numbers, in all of them."""
        told = torch.tensor(numbers, dtype=torch.float64, device=self._device)
        distributed.broadcast(told, 0)
        return told.tolist()


class _Called(nn.Module):
    """A module for DDP: it has the weights, and its forward calls any function of them."""

    def __init__(self, trained: nn.Module) -> None:
        super().__init__()
        self.trained = trained

    def forward(self, function: Callable[[], Tensor]) -> Tensor:
        return function()
