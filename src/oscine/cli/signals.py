"""Signals that end a command: it goes back through every `finally`, so that no temporary file stays."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_RETRY_S = 0.01


@contextmanager
def orderly_ends() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise SystemExit, with the code 128 + number, and Ctrl-C KeyboardInterrupt.

    A second signal of SIGTERM or SIGHUP ends the process at once. What is ignored (nohup) stays ignored.
    """
    previous = {}
    try:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) in (
                signal.SIG_DFL,
                signal.default_int_handler,
            ):
                previous[number] = signal.signal(number, _end)
    except ValueError:
        pass  # Not the main thread: Python delivers no signals here.
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


def _end(number: int, frame: FrameType | None) -> None:
    if _is_lost_in(frame):
        again = threading.Timer(_RETRY_S, _send_again, (number,))
        again.daemon = True
        again.start()
        return
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)


def _send_again(number: int) -> None:
    if sys.platform == "win32":  # os.kill ends a process there, whatever the signal
        signal.raise_signal(number)
    else:
        os.kill(os.getpid(), number)


def _is_lost_in(frame: FrameType | None) -> bool:
    """Return whether libsndfile waits for bytes: an exception would be printed, and the file end there."""
    while frame is not None:
        if frame.f_globals.get("__name__") == "soundfile" and frame.f_code.co_name.startswith("vio_"):
            return True
        frame = frame.f_back
    return False
