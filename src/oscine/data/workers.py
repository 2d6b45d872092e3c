"""Jobs spread over processes, so that neither a crash of a decoder nor a kill of the parent leaves a mess."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

import torch

from oscine.audio import FileReport
from oscine.cluster import Cluster, Lost
from oscine.data.manifest import FileRecord
from oscine.data.recording import Job, record_file
from oscine.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")
_MOST_OF_WINDOWS = 61
"""Windows can't wait for more processes at once."""


class Workers:
    """Who does the work: processes on this machine, or a cluster.

    Args:
        size: Number of processes; 1 works in this process. None: one for each core.
        cluster: Where they are; None: on this machine.

    Raises:
        InputError: When there are to be none.
    """

    def __init__(self, size: int | None = None, cluster: Cluster | None = None) -> None:
        if size is not None and size < 1:
            raise InputError(f"The number of processes is {size}; give 1 or more.")
        self.size = size or os.cpu_count() or 1
        self._asked, self._cluster = size, cluster

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return what a function makes of each item, in their order; it mostly reads files."""
        if self._cluster is not None:
            numbered = partial(_numbered, function)
            found = dict(_found(self._cluster.map(numbered, enumerate(items), self._asked)))
            return [found[number] for number in range(len(items))]
        with ThreadPoolExecutor(self.size) as pool:
            return list(pool.map(function, items))

    def run(self, jobs: Sequence[Job]) -> Generator[tuple[Job, FileRecord]]:
        """Yield each job with its record as it is finished, in any order.

        With one worker, or one job, the work is done in this process. Otherwise a file whose decoding kills
        its process is found by doing the rest one at a time, and is rejected; the others go on. Closing the
        iterator ends the workers at once, and so does the death of this process.

        Raises:
            InputError: When no worker can start, as in a script that does not guard its main part.
        """
        if self._cluster is not None:
            for job, record in self._cluster.map(record_file, jobs, self._asked):
                yield job, killed(job) if isinstance(record, Lost) else record
            return
        n_workers = min(self.size, _MOST_OF_WINDOWS) if sys.platform == "win32" else self.size
        if n_workers == 1 or len(jobs) == 1:
            for job in jobs:
                yield job, record_file(job)
            return
        waiting = list(jobs)
        while waiting:
            for job, record in _run_pool(waiting, min(n_workers, len(waiting))):
                waiting.remove(job)
                yield job, record
            if not waiting:
                return
            if n_workers == 1:  # a lone worker takes the jobs in order, so it died of the first one
                job = waiting.pop(0)
                yield job, killed(job)
            n_workers = 1


def _numbered(function: Callable[[Item], Result], numbered: tuple[int, Item]) -> tuple[int, Result]:
    return numbered[0], function(numbered[1])


def _found(results: Iterable[tuple[Any, tuple[int, Result] | Lost]]) -> Iterator[tuple[int, Result]]:
    for _, result in results:
        if isinstance(result, Lost):
            raise InputError("The cluster loses the processes that read files; check its memory and disks.")
        yield result


def killed(job: Job) -> FileRecord:
    """Return the record of a file whose decoding kills its process."""
    reason = "the process that read it was killed (a crash of the decoder, or no memory left)"
    report = FileReport(path=job.name, verdict="rejected", reasons=[reason])
    return FileRecord(report=report, recording=None)


def _run_pool(jobs: list[Job], n_workers: int) -> Iterator[tuple[Job, FileRecord]]:
    """Yield what a pool finishes; it ends early, without an error, when a worker dies at work."""
    context = get_context("spawn")
    # The workers hold the reading end alone: it ends when this process closes the other one, or dies.
    reader, writer = context.Pipe(duplex=False)
    started = context.Event()
    pool = ProcessPoolExecutor(
        n_workers, mp_context=context, initializer=_start_worker, initargs=(reader, started)
    )
    finished = False
    try:
        futures = {pool.submit(record_file, job): job for job in jobs}
        for future in as_completed(futures):
            try:
                record = future.result()
            except BrokenProcessPool:
                if not started.is_set():
                    raise InputError(
                        "The worker processes can't start. A script must call this below "
                        '`if __name__ == "__main__":`, or give n_workers=1.'
                    ) from None
                continue
            yield futures[future], record
        finished = True
    finally:
        if not finished:
            writer.close()
        pool.shutdown(wait=True, cancel_futures=True)
        writer.close()
        reader.close()


def _start_worker(parent: Any, started: Event) -> None:
    # The parent's end of a pipe: a Connection, and on Windows a PipeConnection.
    started.set()
    torch.set_num_threads(1)  # the processes are the parallelism
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    # Decoders write notes about every odd file to stderr; the report says the same in one place.
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    wait([parent])
    os._exit(1)  # whatever is being written has a temporary name
