"""The output of commands: on any terminal, with any name, and only in their own words."""

import codecs
import errno
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.text import Text

from oscine.files import printable

_REMEDIES = {
    errno.ENOSPC: "free some space there, or choose another place",
    errno.EACCES: "choose another place, or change its permissions",
    errno.EPERM: "choose another place, or change its permissions",
    errno.EROFS: "choose another place",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EISDIR: "give the name of a file",
    errno.ENOTDIR: "check the path",
    errno.ELOOP: "its links lead in a circle; give the file itself",
    errno.EMFILE: "close other programs, or raise the limit (ulimit -n)",
}
"""What to do about an error of the system."""

_PLAIN = dict(zip("▁▂▃▄▅▆▇█♯♭–×→·±−", "..::-=+##b-x>.+-", strict=True))


def terminal(*, stderr: bool = False, force: bool = False) -> Console:
    """Return a console that shows text as it is: a file's name is no style, number, emoji or command.

    Args:
        stderr: Of standard error instead of standard output.
        force: Treat it as a terminal, whatever it is.
    """
    return Terminal(stderr=stderr, force_terminal=force or None)


def sentence_of(error: Exception) -> str:
    """Return what an error of bad input, or of a disk that refuses, says to a user."""
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"{error.filename} does not exist; check the path."
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        remedy = _REMEDIES.get(error.errno or 0)
        return f"{where}{error.strerror or str(error).rstrip('.')}{f'; {remedy}' if remedy else ''}."
    return str(error)


def tell(sentence: str, remarks: Iterable[str] = ()) -> None:
    """Print a sentence, and below it what else is to say; each is one line, whatever a name in it has."""
    console = terminal()
    console.print(printable(sentence), soft_wrap=True)
    for remark in remarks:
        console.print(f"  {printable(remark)}", soft_wrap=True)


class Terminal(Console):
    """A console without markup, on which no name is a command."""

    def __init__(self, *, stderr: bool = False, force_terminal: bool | None = None) -> None:
        super().__init__(
            stderr=stderr, force_terminal=force_terminal, markup=False, highlight=False, emoji=False
        )

    def render_str(self, text: str, *args: Any, **options: Any) -> Text:
        """Return a text without what a terminal would obey; every string that is printed comes by here."""
        shown = "\n".join(printable(line) for line in text.split("\n"))
        return super().render_str(shown, *args, **options)


def to_json(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON: names in any script as they are, what a terminal would obey as escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


@contextmanager
def own_words() -> Iterator[None]:
    """Keep the remarks of C libraries off the terminal, and let standard output take every character.

    libsndfile and mpg123 write about odd files to file descriptor 2, into the middle of a report that says
    the same in one place. What Python writes to standard error still comes through. A terminal whose encoding
    has no ▁ or ♯ gets a plain character.
    """
    codecs.register_error("oscine-plain", _plain)
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="oscine-plain")
    try:
        is_ours = sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        is_ours = False
    if not is_ours:
        yield
        return
    before, kept = sys.stderr, os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    ours = open(kept, "w", encoding=before.encoding, errors="oscine-plain", buffering=1)  # noqa: SIM115
    before.flush()
    os.dup2(nothing, 2)
    os.close(nothing)
    sys.stderr = ours
    try:
        yield
    finally:
        sys.stderr = before
        os.dup2(kept, 2)
        with suppress(OSError):  # a full disk, or a reader who went away, leaves words that can't be written
            ours.close()


def _open_closed_streams() -> None:
    """Lead standard streams that the caller closed (``2>&-``) into nothing.

    Python has no such stream then, and the next file that is opened, an output, gets its number: what a C
    library writes to standard error would go into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if number == 0 else "w"))  # noqa: SIM115


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one, "?") for one in text), error.end
