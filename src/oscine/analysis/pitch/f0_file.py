"""Pitch as a CSV file: written for people to correct, and read as people have it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from oscine.analysis.csv_file import broken_row, check_rising, number, read_rows
from oscine.analysis.features import VOICED, Features
from oscine.errors import InputError
from oscine.files import is_file, write_atomically
from oscine.plural import counted

SUFFIXES = (".f0.csv", "_f0.csv")
"""The endings after a recording's name without its suffix: ``take.f0.csv`` is the pitch of ``take.flac``."""

_LOWEST_HZ, _HIGHEST_HZ = 10.0, 8000.0
_PAUSE_STEPS = 2.5
_LENGTH_TOLERANCE_S = 0.1
_UNVOICED = {"", "nan", "-nan"}
_JUST_UNVOICED = float(np.nextafter(np.float32(VOICED), np.float32(0.0)))


@dataclass(frozen=True)
class F0Curve:
    """A pitch curve on a grid of its own, as a file holds it.

    Attributes:
        time_s: The instants in seconds, rising.
        f0_hz: The pitch in Hz; 0 where unvoiced.
        confidence: In 0 … 1, from ``VOICED`` on where there is a pitch, below it elsewhere.
        names_pauses: Whether a row says where there is no pitch. A curve without such a row is a list of
            voiced instants: where it has none for 2.5 of its median steps, there is no pitch.
    """

    time_s: Float[np.ndarray, " row"]
    f0_hz: Float[np.ndarray, " row"]
    confidence: Float[np.ndarray, " row"]
    names_pauses: bool

    def at(
        self, time_s: Float[np.ndarray, " frame"]
    ) -> tuple[Float[np.ndarray, " frame"], Float[np.ndarray, " frame"]]:
        """Return pitch (Hz) and confidence at any instants.

        Between two voiced rows both go in straight lines, pitch in octaves; between a voiced and an unvoiced
        row, and beyond the ends, the nearest row's stand.

        Args:
            time_s: In seconds.

        Examples:
            >>> times, nothing = np.array([0.0, 1.0, 2.0]), np.zeros(3)
            >>> curve = F0Curve(times, np.array([220.0, 440.0, 0.0]), np.array([1.0, 1.0, 0.0]), True)
            >>> curve.at(np.array([0.5, 1.4, 1.6]))[0].round(1).tolist()
            [311.1, 440.0, 0.0]
        """
        times, f0_hz, confidence = self._with_pauses()
        voiced = f0_hz > 0
        octave = np.log2(np.where(voiced, f0_hz, 1.0))
        after = np.clip(np.searchsorted(times, time_s, side="right"), 1, max(len(times) - 1, 1))
        after = np.minimum(after, len(times) - 1)
        before = np.maximum(after - 1, 0)
        span = np.maximum(times[after] - times[before], 1e-9)
        part = np.clip((time_s - times[before]) / span, 0.0, 1.0)
        part = np.where(voiced[before] == voiced[after], part, np.rint(part))
        nearest = np.where(part >= 0.5, after, before)
        value = 2.0 ** (octave[before] * (1 - part) + octave[after] * part)
        between = confidence[before] * (1 - part) + confidence[after] * part
        return np.where(voiced[nearest], value, 0.0), between

    def check_length(self, duration_s: float) -> None:
        """Make sure that the curve can be that of a recording.

        A curve may go on for 0.1 s behind the recording's end. One that names its pauses begins and ends as
        near to the recording's ends; a list of voiced instants may begin later and end earlier.

        Args:
            duration_s: Of the recording.

        Raises:
            InputError: When it is not.
        """
        first_s, last_s = float(self.time_s[0]), float(self.time_s[-1])
        is_short = last_s < duration_s - _LENGTH_TOLERANCE_S or first_s > _LENGTH_TOLERANCE_S
        if last_s > duration_s + _LENGTH_TOLERANCE_S or (self.names_pauses and is_short):
            raise InputError(
                f"the pitch goes from {first_s:.2f} to {last_s:.2f} s and the recording lasts "
                f"{duration_s:.2f} s; give the pitch of this recording, or remove the file"
            )

    def _with_pauses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the rows, with unvoiced ones put into the pauses that are not named."""
        if self.names_pauses:
            return self.time_s, self.f0_hz, self.confidence
        steps = np.diff(self.time_s)
        step = float(np.median(steps)) if len(steps) else 2 * _LENGTH_TOLERANCE_S
        gaps = np.flatnonzero(steps > _PAUSE_STEPS * step)
        added = np.concatenate(
            [
                [self.time_s[0] - step],
                self.time_s[gaps] + step,
                self.time_s[gaps + 1] - step,
                [self.time_s[-1] + step],
            ]
        )
        order = np.argsort(np.concatenate([self.time_s, added]), kind="stable")
        columns = (self.time_s, added), (self.f0_hz, 0 * added), (self.confidence, 0 * added)
        times, f0_hz, confidence = (np.concatenate(column)[order] for column in columns)
        return times, f0_hz, confidence


def f0_file_beside(recording: str | Path) -> Path | None:
    """Return the pitch file beside a recording: ``NAME.f0.csv`` or, failing that, ``NAME_f0.csv``."""
    recording = Path(recording)
    if not recording.name:  # a folder: "." or "/"
        return None
    places = (recording.with_name(recording.stem + suffix) for suffix in SUFFIXES)
    return next((place for place in places if is_file(place)), None)


def check_new(path: str | Path) -> None:
    """Make sure that a pitch file to be written is not there yet.

    Raises:
        InputError: When it is.
    """
    if Path(path).exists():
        raise InputError(f"{path} is there already and may hold corrections; name a new file or remove it.")


def write_f0(features: Features, path: str | Path) -> None:
    """Write the pitch of every frame as ``time_s,f0_hz,confidence``, with 0 Hz where unvoiced.

    Args:
        features: From ``analyze``.
        path: A new file: one that is there may hold hours of correction.

    Raises:
        InputError: When there is a file already.
        OSError: When the disk refuses.
    """
    check_new(path)
    f0_hz, confidence = features.f0_hz.numpy(), features.confidence.numpy()
    f0_hz = np.where(confidence >= VOICED, f0_hz, 0.0)
    write_atomically(path, f0_text(features.time_s.numpy(), f0_hz, confidence))


def f0_text(
    time_s: Float[np.ndarray, " row"], f0_hz: Float[np.ndarray, " row"], confidence: Float[np.ndarray, " row"]
) -> str:
    """Return the content of a pitch file.

    Args:
        time_s: The instants, in seconds.
        f0_hz: The pitch in Hz, 0 where unvoiced.
        confidence: In 0 … 1.
    """
    rows = zip(time_s, f0_hz, confidence, strict=True)
    lines = [f"{time:.6f},{pitch:.3f},{sure:.4f}" for time, pitch, sure in rows]
    return "\n".join(["time_s,f0_hz,confidence", *lines, ""])


def read_f0(path: str | Path) -> F0Curve:
    """Return the pitch curve of a CSV file.

    Two or three columns: seconds, Hz and, if there are three, confidence. Separated by commas, semicolons,
    tabs or spaces; with a semicolon or tab a decimal comma is understood. A header, empty lines and lines
    that begin with ``#`` are passed over. Any rising grid will do.

    Where the pitch is 0, negative or empty the row is unvoiced. A file without any such row (CREPE's) says by
    its confidence what is unvoiced: below 0.5 (``VOICED``). In one with such rows each pitch counts, and one
    of low confidence is taken for a correction, of confidence 1. Without a third column confidence is 1 where
    voiced and 0 elsewhere.

    Args:
        path: As Sonic Visualiser, Tony, CREPE, vocadito, ``oscine analyze --f0`` or people write it.

    Raises:
        InputError: When it cannot be read or holds something else, with the number of the line.
    """
    path = Path(path)
    rows = read_rows(path, "pitch curve", "give lines of seconds and Hz")
    if _is_header(rows[0].fields):
        rows = rows[1:]
    if not rows:
        raise InputError(f"{path.name} holds no pitch curve; give lines of seconds and Hz.")
    n_columns = len(rows[0].fields)
    values = np.empty((len(rows), 3))
    for value, row in zip(values, rows, strict=True):
        try:
            value[:] = _values(row.fields, n_columns)
        except ValueError as error:
            raise broken_row(path, row, error) from None
    time_s, f0_hz, confidence = values.T
    check_rising(path, rows, time_s)
    voiced = f0_hz > 0
    if voiced.all():
        voiced = confidence >= VOICED
    # Who sets a pitch where a tracker had none means it, and need not change the third column as well.
    confidence = np.where(voiced & (confidence < VOICED), 1.0, confidence)
    unvoiced = 0.0 if n_columns == 2 else np.minimum(confidence, _JUST_UNVOICED)
    confidence = np.where(voiced, confidence, unvoiced)
    return F0Curve(time_s.copy(), np.where(voiced, f0_hz, 0.0), confidence, not voiced.all())


def _is_header(fields: list[str]) -> bool:
    try:
        float(fields[0])
    except ValueError:
        return True
    return False


def _values(fields: list[str], n_columns: int) -> tuple[float, float, float]:
    """Return seconds, Hz (0: unvoiced) and confidence of a line's fields.

    Raises:
        ValueError: With what is wrong.
    """
    if len(fields) != n_columns or not 2 <= n_columns <= 3:
        wanted = f"{n_columns} values as in the first line" if 2 <= n_columns <= 3 else "2 or 3 values"
        raise ValueError(f"{counted(len(fields), 'value')} where {wanted} should be")
    time_s = number(fields[0], "number of seconds")
    f0_hz = 0.0 if fields[1].lower() in _UNVOICED else number(fields[1], "number of Hz")
    if f0_hz > 0 and not _LOWEST_HZ <= f0_hz <= _HIGHEST_HZ:
        raise ValueError(f"{f0_hz:g} is not a pitch in Hz, those are {_LOWEST_HZ:g} to {_HIGHEST_HZ:g}")
    confidence = 1.0 if n_columns == 2 else number(fields[2] or "1", "number of confidence")
    if not 0.0 <= confidence <= 1.0:
        raise ValueError(f"{confidence:g} is not a confidence, which is 0 to 1")
    return time_s, max(f0_hz, 0.0), confidence
