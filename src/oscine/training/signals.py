"""Signals that ask a run to end: the first one in good order."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_requests(on_request: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Let the first Ctrl-C (SIGINT) or SIGTERM ask for an orderly end, and the second do what it always does.

    Args:
        on_request: Called with the first signal of each kind.
    """
    previous = {}

    def handler(number: int, frame: FrameType | None) -> None:
        signal.signal(number, previous[number])
        on_request(signal.Signals(number))

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.getsignal(number)
            previous[number] = signal.SIG_DFL if before is None else before
            signal.signal(number, handler)
    except ValueError:
        # Not the main thread: Python delivers no signals here.
        previous.clear()
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
