"""How loud an instrument can be asked to play: what it learned of its own loudness."""

from dataclasses import dataclass

from oscine.data.statistics import Statistics

_SOFTEST, _LOUDEST = 10, 98
_DEFAULT = (-45.0, -15.0)


@dataclass(frozen=True)
class Dynamics:
    """The range of loudness for notes.

    Attributes:
        softest_db: Of a note of velocity 1.
        loudest_db: Of a note of velocity 127, and the most that the network is asked for.
        least_db: The least that the network is asked for; below it the sound itself is made softer.
        curve_db: Loudness of each velocity, 0 … 127.
    """

    softest_db: float
    loudest_db: float
    least_db: float
    curve_db: tuple[float, ...]


def dynamics_of(statistics: Statistics | None) -> Dynamics:
    """Return an instrument's dynamics: velocities are spread over the loudness of its recordings.

    Velocity v gets the quantile of the recordings' loudness that lies at the same place, from 10 % for 1 to
    98 % for 127. So a middle velocity is a middle loudness of this instrument, whatever its range is.

    Args:
        statistics: Of what it has learned; without them it is −45 … −15 dB.
    """
    if statistics is None:
        low, high = _DEFAULT
        curve = [low + (high - low) * velocity / 127 for velocity in range(128)]
        return Dynamics(low, high, low - 15.0, tuple(curve))
    quantiles = statistics.loudness_db_quantiles
    curve = []
    for velocity in range(128):
        place = _SOFTEST + (_LOUDEST - _SOFTEST) * max(velocity - 1, 0) / 126
        below = int(place)
        part = place - below
        curve.append((1 - part) * quantiles[below] + part * quantiles[min(below + 1, 100)])
    return Dynamics(curve[0], curve[-1], quantiles[1], tuple(curve))
