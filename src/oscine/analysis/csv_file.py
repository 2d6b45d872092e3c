"""Curves in CSV files, as people and programs write them: their lines, taken apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from oscine.errors import InputError
from oscine.files import file_size, read_bytes

_SEPARATORS = ("\t", ";", ",")
_LARGEST_BYTES = 256_000_000


class Row(NamedTuple):
    """One line.

    Attributes:
        number: Of the line in the file, from 1 on.
        text: The line as it stands there.
        fields: The texts between the separators, with decimal commas as points.
    """

    number: int
    text: str
    fields: list[str]


def read_rows(path: Path, what: str, wanted: str) -> list[Row]:
    """Return the lines of a CSV file, without those that are empty or begin with ``#``.

    Separators are tabs, semicolons, commas or spaces, the first of these that the second line has (or the
    first line, which may be a header written in another way). With a tab or a semicolon a decimal comma is
    understood.

    Args:
        path: The file, UTF-8.
        what: The noun for its content, for the messages: "curve".
        wanted: The advice: "give a header and lines of numbers".

    Raises:
        InputError: When it is not a regular file, cannot be read, is too large or no text, or holds no line.
    """
    try:
        if file_size(path) > _LARGEST_BYTES:
            raise InputError(f"{path.name} is larger than any {what}; {wanted}.")
        lines = read_bytes(path, _LARGEST_BYTES).decode("utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}); check the path.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not text in UTF-8; save it as UTF-8.") from None
    numbered = [(number, line.strip(" \r")) for number, line in enumerate(lines, 1)]
    numbered = [(number, line) for number, line in numbered if line.strip() and not line.startswith("#")]
    if not numbered:
        raise InputError(f"{path.name} holds no {what}; {wanted}.")
    samples = [line for _, line in numbered[1::-1]]
    separator = next((one for line in samples for one in _SEPARATORS if one in line), None)
    return [Row(number, line, _fields(line, separator)) for number, line in numbered]


def broken_row(path: Path, row: Row, problem: object) -> InputError:
    """Return the error for a line that cannot be used."""
    return InputError(f"{path.name}, line {row.number}: {problem} ({row.text[:60]!r}).")


def number(text: str, what: str = "number") -> float:
    """Return the number that a field holds.

    Args:
        text: The field.
        what: The noun for the number, for the message.

    Raises:
        ValueError: When it is none, or none that float32 can hold.
    """
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a {what}") from None
    if not abs(value) <= float(np.finfo(np.float32).max):
        raise ValueError(f"{text} is not a {what} that can be used")
    return value


def check_rising(path: Path, rows: Sequence[Row], time_s: np.ndarray) -> None:
    """Make sure that the instants rise.

    Args:
        path: The file.
        rows: Its lines of numbers.
        time_s: The instant of each.

    Raises:
        InputError: With the first line that does not.
    """
    back = np.flatnonzero(np.diff(time_s) <= 0)
    if len(back):
        row = rows[int(back[0]) + 1]
        raise broken_row(path, row, "the time does not rise; sort the lines, each time once")


def _fields(line: str, separator: str | None) -> list[str]:
    fields = [field.strip().strip('"') for field in line.split(separator)]
    return [field.replace(",", ".") for field in fields] if separator in (";", "\t") else fields
