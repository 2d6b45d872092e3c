"""What lets the audio thread run in time: its priority, and Python's turns between threads."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TURN_S = 0.0005


def raise_priority() -> None:
    """Ask for real-time priority for this thread; where the system refuses, it goes on without."""
    if sys.platform == "linux":
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        except OSError:
            return


@contextmanager
def without_pauses() -> Iterator[None]:
    """Let Python's threads take turns every half millisecond, and collect no garbage.

    Beside torch a full collection takes a tenth of a second. What playing makes is freed at once; it has no
    cycles.
    """
    before, was_enabled = sys.getswitchinterval(), gc.isenabled()
    gc.disable()
    sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        if was_enabled:
            gc.enable()
