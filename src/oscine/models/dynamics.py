"""How loud an instrument can be asked to play: what it learned of its own loudness."""

from oscine.data.statistics import Statistics
from oscine.notes.dynamics import Dynamics, dynamics_of_quantiles


def dynamics_of(statistics: Statistics | None) -> Dynamics:
    """Return an instrument's dynamics: velocities are spread over the loudness of its recordings.

    Args:
        statistics: Of what it has learned; without them it is −45 … −15 dB.
    """
    return dynamics_of_quantiles(None if statistics is None else statistics.loudness_db_quantiles)
