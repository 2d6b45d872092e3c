"""How loud an instrument can be asked to play: what it learned of its own loudness."""

from typing import NamedTuple

import numpy as np

from oscine.data.statistics import Statistics

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


def dynamics_of(statistics: Statistics | None) -> Dynamics:
    """Return an instrument's dynamics: velocities are spread over the loudness of its recordings.

    Velocity v gets the quantile of the recordings' loudness that lies at the same place, from 10 % for 1 to
    98 % for 127. So a middle velocity is a middle loudness of this instrument, whatever its range is.

    Args:
        statistics: Of what it has learned; without them it is −45 … −15 dB.
    """
    places = SOFTEST + (LOUDEST - SOFTEST) * np.clip(np.arange(128) - 1, 0, None) / 126
    if statistics is None:
        curve, least_db = np.interp(places, (SOFTEST, LOUDEST), _UNKNOWN_DB), _UNKNOWN_LEAST_DB
    else:
        quantiles = statistics.loudness_db_quantiles
        curve, least_db = np.interp(places, np.arange(len(quantiles)), quantiles), quantiles[1]
    return Dynamics(tuple(round(level, 3) for level in curve.tolist()), least_db)
