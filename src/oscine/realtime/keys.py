"""Single keys from a terminal, without waiting for them."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_NAMES = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "OA": "up",
    "OB": "down",
    "OC": "right",
    "OD": "left",
}
#: Keys that have no meaning here, such as F9.
_SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|O.)")
_WINDOWS_NAMES = {"H": "up", "P": "down", "M": "right", "K": "left"}


@contextmanager
def pressed_keys() -> Iterator[Callable[[], list[str]]]:
    """Give a function that returns the keys since its last call.

    They are characters, and "up", "down", "left" and "right". Where standard input is not a terminal there
    are none. The terminal is put back at the end.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        yield list
    elif sys.platform == "win32":
        yield _windows_keys
    else:
        import termios
        import tty

        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
        try:
            tty.setcbreak(number)
            yield lambda: _posix_keys(number)
        finally:
            termios.tcsetattr(number, termios.TCSADRAIN, before)


def _posix_keys(number: int) -> list[str]:
    import os
    import select

    text = ""
    while select.select([number], [], [], 0)[0]:
        content = os.read(number, 64)
        if not content:
            break
        text += content.decode(errors="ignore")
    return names_of(text)


def names_of(text: str) -> list[str]:
    """Return the keys in what a terminal sends: arrows come as sequences of three characters."""
    keys = []
    while text:
        if text[0] == "\x1b" and text[1:3] in _NAMES:
            keys.append(_NAMES[text[1:3]])
            text = text[3:]
        elif sequence := _SEQUENCE.match(text):
            text = text[sequence.end() :]
        else:
            keys.append(text[0])
            text = text[1:]
    return keys


def _windows_keys() -> list[str]:
    if sys.platform != "win32":
        return []
    import msvcrt

    keys = []
    while msvcrt.kbhit():
        key = msvcrt.getwch()
        keys.append(_WINDOWS_NAMES.get(msvcrt.getwch(), "") if key in "\x00\xe0" else key)
    return [key for key in keys if key]
