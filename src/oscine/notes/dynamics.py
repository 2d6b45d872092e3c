"""How loud the notes of an instrument are: the loudness of each velocity."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

#: Percentiles of an instrument's loudness that velocities 1 and 127 stand for.
SOFTEST, LOUDEST = 10.0, 98.0
_UNKNOWN_DB = -45.0, -15.0
_UNKNOWN_LEAST_DB = -60.0


class Dynamics(NamedTuple):
    """The range of loudness for notes."""

    curve_db: tuple[float, ...]
    """Loudness of each velocity, 0 … 127."""
    least_db: float
    """The least that the network is asked for; below it the sound itself is made softer."""

    @property
    def loudest_db(self) -> float:
        """The most that the network is asked for."""
        return self.curve_db[127]


def dynamics_of_quantiles(quantiles: Sequence[float] | None) -> Dynamics:
    """Return an instrument's dynamics: velocities are spread over the loudness of its recordings.

    Velocity v gets the quantile of the recordings' loudness that lies at the same place, from 10 % for 1 to
    98 % for 127. So a middle velocity is a middle loudness of this instrument, whatever its range is.

    Args:
        quantiles: Of its loudness, 0 … 100 %, dB; without them it is −45 … −15 dB.
    """
    places = SOFTEST + (LOUDEST - SOFTEST) * np.clip(np.arange(128) - 1, 0, None) / 126
    if quantiles is None:
        curve, least_db = np.interp(places, (SOFTEST, LOUDEST), _UNKNOWN_DB), _UNKNOWN_LEAST_DB
    else:
        curve, least_db = np.interp(places, np.arange(len(quantiles)), quantiles), quantiles[1]
    return Dynamics(tuple(round(level, 3) for level in curve.tolist()), least_db)


def note_quantiles() -> list[float]:
    """Return the loudness of notes whose velocities are known, as quantiles of 0 … 100 %: a line.

    By these, velocities 1 and 127 are 30 dB apart, and a unit of velocity is 0.24 dB. An instrument that is
    learned from notes has no loudness of its own for each of them, so this one stands for the velocity.
    """
    low, high = _UNKNOWN_DB
    places = (np.arange(101) - SOFTEST) / (LOUDEST - SOFTEST)
    return [round(float(level), 4) for level in low + (high - low) * places]
