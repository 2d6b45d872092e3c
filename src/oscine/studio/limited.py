"""Reading what others made, in a process of its own with limits of memory, time and disk."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from oscine.errors import InputError
from oscine.studio.limits import Limits

_PRELOADED = ("oscine.studio.warm",)


class LimitedProcesses:
    """Makes processes with limits.

    They are forked from one that has loaded Oscine and nothing of the studio's, where the system can do so.

    Args:
        limits: Of each.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(list(_PRELOADED))

    def run(self, function: Callable[..., Any], *arguments: Any, what: str = "the file") -> Any:
        """Return what a function returns, called in a new process.

        Args:
            function: Of a module.
            arguments: Its arguments; they and the result are sent from process to process.
            what: What it reads, for the sentence.

        Raises:
            InputError: As the function; or when it took more than it may, or ended without a word.
        """
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_child, args=(theirs, self._limits, function, arguments), daemon=True
        )
        process.start()
        theirs.close()
        try:
            kind, value = ours.recv() if ours.poll(2 * self._limits.cpu_s) else ("time", "")
        except (EOFError, OSError):
            kind, value = "death", ""
        finally:
            ours.close()
            _end(process)
        if kind == "result":
            return value
        if kind == "input":
            raise InputError(value)
        raise InputError(
            f"Reading {what} took more memory, time or disk than is allowed, so it is refused; save it in "
            "another format, or in parts."
        )


def _end(process: Any) -> None:
    """End a process and those that it started."""
    process.join(0.2)
    if process.is_alive():
        with suppress(OSError, AttributeError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()


def _child(
    pipe: Connection, limits: Limits, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    if hasattr(os, "setsid"):
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _limit(limits)
    try:
        import torch

        torch.set_num_threads(1)
        pipe.send(("result", function(*arguments)))
    except InputError as error:
        pipe.send(("input", str(error)))
    except (MemoryError, OSError, RuntimeError, RecursionError):
        pipe.send(("death", ""))


def _limit(limits: Limits) -> None:
    if sys.platform == "win32":
        return
    import resource

    wanted = {
        "RLIMIT_AS": _memory_now() + limits.memory_bytes,
        "RLIMIT_CPU": int(limits.cpu_s),
        "RLIMIT_FSIZE": limits.decoded_bytes,
        "RLIMIT_CORE": 0,
    }
    for name, most in wanted.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            with suppress(ValueError, OSError):  # macOS has no limit of memory
                resource.setrlimit(kind, (most, most))


def _memory_now() -> int:
    """Return the bytes of address space that this process has; a lot where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 64 << 30
