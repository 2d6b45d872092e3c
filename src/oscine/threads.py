"""The number of threads of a command."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: the operations of one melody are too short to be divided.

    OpenMP's threads wait for each other in every operation, and for long if another program keeps a core
    busy. Training divides a batch among threads that do not (`oscine.training.data_parallel`).
    """
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
