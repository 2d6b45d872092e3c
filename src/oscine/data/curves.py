"""Curves that were measured with the sound, such as breath pressure: a CSV file beside the recording."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from oscine.analysis.csv_file import broken_row, check_rising, number, read_rows
from oscine.audio import FileReport
from oscine.errors import InputError
from oscine.files import is_file
from oscine.plural import counted
from oscine.streaming import is_part_name

SUFFIX = ".curves.csv"
"""The ending after a recording's name without its suffix: ``take.curves.csv`` belongs to ``take.flac``."""
RESERVED = (
    *("audio", "time_s", "f0_hz", "confidence", "loudness_db", "power_db"),
    *("paper_loudness_db", "level_db", "z", "periodicity", "centroid_midi", "onset_s", "identity"),
    "envelope_db",
    *("gain", "gate", "state", "dry", "seed"),
)
"""Names that no curve can have: of what every dataset holds, of other inputs, of an instrument's options."""

_TIME = "time_s"
_MOST_CURVES = 1024
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Curves:
    """Curves on a grid of their own, as a file holds them.

    Attributes:
        time_s: The instants in seconds, rising.
        values: Of each curve by name, in whatever unit it was measured.
    """

    time_s: Float[np.ndarray, " row"]
    values: Mapping[str, Float[np.ndarray, " row"]]

    def frames(
        self, start: int, stop: int, sample_rate: int, hop_length: int
    ) -> dict[str, Float32[np.ndarray, " frame"]]:
        """Return the curves at the instants of frames ``start`` … ``stop − 1``.

        Frame ``t`` describes the instant ``(t + 1) · hop_length / sample_rate``, as in ``Features``. Between
        two rows the curves go in straight lines; beyond the ends the first and the last value stand.

        Args:
            start: First frame.
            stop: The frame behind the last.
            sample_rate: Hz.
            hop_length: Samples per frame.

        Examples:
            >>> curves = Curves(np.array([0.0, 1.0]), {"breath": np.array([2.0, 4.0])})
            >>> curves.frames(0, 6, sample_rate=8000, hop_length=2000)["breath"].tolist()
            [2.5, 3.0, 3.5, 4.0, 4.0, 4.0]
        """
        time_s = np.arange(start + 1, stop + 1) * hop_length / sample_rate
        return {
            name: np.interp(time_s, self.time_s, values).astype(np.float32)
            for name, values in self.values.items()
        }


def curves_file_beside(recording: str | Path) -> Path | None:
    """Return the file of curves beside a recording, ``NAME.curves.csv``, if there is one."""
    recording = Path(recording)
    place = recording.with_name(recording.stem + SUFFIX)
    return place if is_file(place) else None


def read_curves(path: str | Path, allowed: Sequence[str] = ()) -> Curves:
    """Return the curves of a CSV file.

    A header, ``time_s`` and a name for each curve, then lines of numbers: the instant in seconds, on any
    rising grid, and each curve's value. Separated by commas, semicolons or tabs; with the latter two a
    decimal comma is understood. Empty lines and lines that begin with ``#`` are passed over.

    Args:
        path: The file.
        allowed: Names that are taken elsewhere and have a meaning here, such as ``f0_hz``.

    Raises:
        InputError: When it cannot be read or holds something else, with the number of the line.
    """
    path = Path(path)
    header, *rows = read_rows(path, "curve", "give a header and lines of numbers")
    try:
        names = _names(header.fields, allowed)
    except ValueError as error:
        raise broken_row(path, header, error) from None
    if not rows:
        raise InputError(f"{path.name} holds no curve; give a header and lines of numbers.")
    values = np.empty((len(rows), len(names) + 1))
    for value, row in zip(values, rows, strict=True):
        try:
            if len(row.fields) != len(value):
                raise ValueError(
                    f"{counted(len(row.fields), 'value')} where {len(value)} should be, as in the header"
                )
            value[:] = [number(field) for field in row.fields]
        except ValueError as error:
            raise broken_row(path, row, error) from None
    time_s, *columns = values.T.copy()
    check_rising(path, rows, time_s)
    return Curves(time_s, dict(zip(names, columns, strict=True)))


def with_curves(report: FileReport, curves_file: Path | None) -> tuple[FileReport, Curves | None]:
    """Return the verdict on a recording and its file of curves together, and the curves.

    A broken file rejects its recording: without the curves it could not be used, and who put them there means
    them to be.

    Args:
        report: The verdict on the recording so far.
        curves_file: The file beside it, from ``curves_file_beside``; None where there is none.
    """
    if curves_file is None or report.verdict == "rejected":
        return report, None
    try:
        curves = read_curves(curves_file)
    except InputError as error:
        # Every sentence begins with the file's name.
        reason = str(error).removeprefix(curves_file.name).lstrip(", ").rstrip(".")
        reasons = [f"the curves in {curves_file.name} cannot be used: {reason}"]
        return report.model_copy(update={"verdict": "rejected", "reasons": reasons}), None
    reasons = [*report.reasons, f"curves taken from {curves_file.name}"]
    return report.model_copy(update={"reasons": reasons}), curves


def common_curves(curves_by_recording: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names of the curves that every recording has, sorted.

    Args:
        curves_by_recording: The names of each recording's curves.

    Raises:
        InputError: When a recording lacks a curve that another has.
    """
    first_with = {name: recording for recording, names in curves_by_recording.items() for name in names}
    for recording, names in curves_by_recording.items():
        for name in sorted(set(first_with) - set(names)):
            raise InputError(
                f"{recording} has no curve {name}, and {first_with[name]} has; give every recording the same "
                f"curves, in a file NAME{SUFFIX} beside it."
            )
    return sorted(first_with)


def is_taken(name: str) -> bool:
    """Return whether a name is `RESERVED`, or one that PyTorch's modules have an attribute of."""
    return name in RESERVED or not is_part_name(name)


def _names(fields: list[str], allowed: Sequence[str]) -> list[str]:
    """Return the names of a header's curves.

    Raises:
        ValueError: With what is wrong.
    """
    if fields[0] != _TIME or len(fields) < 2:
        raise ValueError(f"the header must be {_TIME} and the names of the curves, with commas between")
    return check_names(fields[1:], allowed)


def check_names(names: list[str], allowed: Sequence[str] = ()) -> list[str]:
    """Return the names of curves.

    Args:
        names: Of curves.
        allowed: Names that are no curve's and may stand among them.

    Raises:
        ValueError: When one is not a name, is taken, or stands twice, or there are more than 1024.
    """
    if len(names) > _MOST_CURVES:
        raise ValueError(f"there are {len(names)} curves; give {_MOST_CURVES} at most")
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name for a curve; use a letter, then letters, digits and _")
        if (is_taken(name) and name not in allowed) or names.count(name) > 1:
            raise ValueError(f"a curve can't be called {name!r}: it is taken; choose another name")
    return names
