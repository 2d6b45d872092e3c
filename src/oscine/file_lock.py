"""Locks between processes: one at a time, or several that share."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from oscine.errors import InputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def locked(path: Path, sentence: str, *, shared: bool = False, wait_s: float = 0.0) -> Iterator[None]:
    """Keep every other process out that locks the same file; the system frees it when its holder dies.

    Args:
        path: The file, made when missing and left there; its folder exists.
        sentence: The error if another process has it.
        shared: Let others in that share it, too. Windows has no such lock and keeps them out.
        wait_s: Seconds to wait for the other process.

    Raises:
        InputError: With that sentence.
        OSError: When the file can't be made.
    """
    end = time.monotonic() + wait_s
    with open(path, "a+b") as file:
        while not _lock(file, shared=shared):
            if time.monotonic() >= end:
                raise InputError(sentence)
            time.sleep(0.1)
        yield


def _lock(file: BinaryIO, *, shared: bool) -> bool:
    """Return whether a file could be locked."""
    try:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
