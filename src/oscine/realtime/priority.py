"""Real-time settings of the audio thread: its priority, and Python's interval between threads."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TURN_S = 0.0005


def raise_priority(level: int = 2) -> None:
    """Ask for real-time priority for this thread; where the system refuses, it goes on without.

    Args:
        level: 1 … 99; a thread of a higher level comes first. 2 is that of the thread that makes the sound.
    """
    if sys.platform == "linux":
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(level))
        except OSError:
            return


@contextmanager
def real_time() -> Iterator[None]:
    """Run this thread, and those that it starts, at real-time priority, where the system allows it.

    The audio thread needs Python's lock. A thread of usual priority that holds the lock may be paused for
    other programs, and the audio thread would wait for it. So all threads of a process that plays get
    real-time priority, below that of the audio thread.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    raise_priority(1)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


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
