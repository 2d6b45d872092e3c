"""What was measured with the sound, breath or bow pressure: curves in a CSV file beside the recording."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from oscine.data.audio_file import FileReport
from oscine.errors import InputError

SUFFIX = ".curves.csv"
"""What follows a recording's name without its suffix: ``take.curves.csv`` belongs to ``take.flac``."""
RESERVED = ("audio", "f0_hz", "confidence", "loudness_db", "power_db", "z", "voice", "paper_loudness")
"""Names that no further curve can have: they are in every dataset, or drive an instrument already."""
HEARD = ("periodicity", "centroid")
"""Names of the curves that an instrument takes from the sound; no file can give them."""

_TIME = "time_s"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SEPARATORS = ("\t", ";", ",")
_LARGEST_BYTES = 256_000_000
_LARGEST_VALUE = float(np.finfo(np.float32).max)


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

        Example:
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
    return place if place.is_file() else None


def read_curves(path: str | Path) -> Curves:
    """Return the curves of a CSV file.

    A header, ``time_s`` and a name for each curve, then lines of numbers: the instant in seconds, on any
    rising grid, and each curve's value. Separated by commas, semicolons or tabs; with the latter two a
    decimal comma is understood. Empty lines and lines that begin with ``#`` are passed over.

    Args:
        path: The file.

    Raises:
        InputError: When it cannot be read or holds something else, with the number of the line.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError(f"{path.name} is larger than any curves; give them at fewer instants.")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}); check the path.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not text; give a header and lines of numbers.") from None
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    numbered = [(number, line) for number, line in numbered if not line.startswith("#")]
    if len(numbered) < 2:
        raise InputError(f"{path.name} holds no curve; give a header and lines of numbers.")
    separator = next((one for one in _SEPARATORS if one in numbered[0][1]), ",")
    names: list[str] = []
    rows: list[list[float]] = []
    for number, line in numbered:
        fields = [field.strip().strip('"') for field in line.split(separator)]
        try:
            if not names:
                names = _names(fields)
                continue
            if len(fields) != len(names) + 1:
                raise ValueError(f"{len(fields)} values where {len(names) + 1} should be, as in the header")
            rows.append(_numbers(fields if separator == "," else [one.replace(",", ".") for one in fields]))
            if len(rows) > 1 and rows[-1][0] <= rows[-2][0]:
                raise ValueError("the time does not rise; sort the lines, each time once")
        except ValueError as error:
            raise InputError(f"{path.name}, line {number}: {error} ({line[:60]!r}).") from None
    time_s, *columns = np.array(rows).T
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


def _names(fields: list[str]) -> list[str]:
    """Return the names of a header's curves.

    Raises:
        ValueError: With what is wrong.
    """
    if fields[0] != _TIME or len(fields) < 2:
        raise ValueError(f"the header must be {_TIME} and the names of the curves, with commas between")
    return check_names(fields[1:])


def check_names(names: list[str]) -> list[str]:
    """Return the names of curves.

    Raises:
        ValueError: When one is no name, is taken, or stands twice.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a curve, that is a letter, then letters, digits and _")
        if name in (_TIME, *RESERVED, *HEARD) or names.count(name) > 1:
            raise ValueError(f"a curve can't be called {name!r}: it is taken")
    return names


def _numbers(fields: list[str]) -> list[float]:
    """Return the numbers of a line.

    Raises:
        ValueError: With what is wrong.
    """
    numbers: list[float] = []
    for field in fields:
        try:
            numbers.append(float(field))
        except ValueError:
            raise ValueError(f"{field!r} is no number") from None
        if not abs(numbers[-1]) <= _LARGEST_VALUE:
            raise ValueError(f"{field} is no number that can be used")
    return numbers
