"""Intervals and tests for listening tests, in numpy alone: exact where that is possible, seeded where not."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

Interval = tuple[float, float]
LEVEL = 0.95
_MOST_EXACT = 16
_N_DRAWS = 100_000
_N_MEANS = 10_000
_N_MEDIANS = 2_000
_MOST_AT_ONCE = 1 << 21


def student_t(t: float, degrees: int) -> float:
    """Return the probability that a Student t variable lies within ±t.

    Args:
        t: Not negative.
        degrees: Degrees of freedom, at least 1.

    Reference:
        Abramowitz and Stegun, Handbook of mathematical functions, 1964, 26.7.3 and 26.7.4: finite sums for
        whole degrees.
    """
    angle = math.atan(t / math.sqrt(degrees))
    sine, squared = math.sin(angle), math.cos(angle) ** 2
    if degrees == 1:
        return 2 * angle / math.pi
    term = total = math.cos(angle) if degrees % 2 else 1.0
    for k in range(3 if degrees % 2 else 2, degrees - 1, 2):
        term *= squared * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if degrees % 2 else sine * total


def t_interval(values: Float[np.ndarray, " unit"]) -> Interval | None:
    """Return the 95 % interval of the mean of independent values by Student's t; None for fewer than two."""
    if len(values) < 2:
        return None
    quantile = _root(lambda t: student_t(t, len(values) - 1) - LEVEL, 0.0, 1000.0)
    half = quantile * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    mean = float(np.mean(values))
    return mean - half, mean + half


def bootstrap_interval(
    ratings: Float[np.ndarray, "listener item"], statistic: str = "mean", seed: int = 0
) -> Interval | None:
    """Return the 95 % percentile interval of the mean or the median over listeners and items.

    Listeners and items are drawn anew, each with replacement, so the interval covers other listeners and
    other items. 10,000 draws for the mean, 2,000 for the median; None for a single rating.

    Reference:
        Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1, 2007.
    """
    if ratings.size < 2:
        return None
    drawn = (_drawn_means if statistic == "mean" else _drawn_medians)(ratings, np.random.default_rng(seed))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _drawn_means(
    ratings: Float[np.ndarray, "listener item"], rng: np.random.Generator
) -> Float[np.ndarray, " draw"]:
    counts = [rng.multinomial(n, np.full(n, 1 / n), size=_N_MEANS).astype(float) for n in ratings.shape]
    return ((counts[0] @ ratings) * counts[1]).sum(1) / ratings.size


def _drawn_medians(
    ratings: Float[np.ndarray, "listener item"], rng: np.random.Generator
) -> Float[np.ndarray, " draw"]:
    n_listeners, n_items = ratings.shape
    n_at_once = max(1, _MOST_AT_ONCE // ratings.size)
    drawn = []
    for begin in range(0, _N_MEDIANS, n_at_once):
        n = min(n_at_once, _N_MEDIANS - begin)
        listeners = rng.integers(n_listeners, size=(n, n_listeners, 1))
        items = rng.integers(n_items, size=(n, 1, n_items))
        drawn.append(np.median(ratings[listeners, items].reshape(n, -1), axis=1))
    return np.concatenate(drawn)


def sign_flip_p(differences: Float[np.ndarray, " unit"], seed: int = 0) -> float:
    """Return the two-sided p of a mean difference of 0, by flipping the signs of paired differences.

    Exact, over all 2ⁿ signs, for up to 16 units; by 100,000 random signs beyond. With n units it can't be
    below 2^(1 − n).

    Reference:
        Fisher, The design of experiments, 1935, section 21.
    """
    n = len(differences)
    if n <= _MOST_EXACT:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = 1 - 2 * np.random.default_rng(seed).integers(2, size=(_N_DRAWS, n))
    observed = abs(float(differences.sum()))
    n_as_far = int((np.abs(signs @ differences) >= observed - 1e-9 * max(1.0, observed)).sum())
    return n_as_far / len(signs) if n <= _MOST_EXACT else (n_as_far + 1) / (len(signs) + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number.

    Reference:
        Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6,
        1979.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = largest
    return corrected


def binomial_p(n_right: int, n: int) -> float:
    """Return the probability of at least so many right answers by chance, each with 1/2."""
    ways, total = math.comb(n, n_right), 0
    for k in range(n_right, n + 1):
        total += ways
        ways = ways * (n - k) // (k + 1)
    return total / 2**n


def binomial_interval(n_right: int, n: int) -> Interval:
    """Return the exact 95 % interval of a share.

    Reference:
        Clopper and Pearson, The use of confidence or fiducial limits, Biometrika 26, 1934.
    """
    tail = (1 - LEVEL) / 2
    low = 0.0 if n_right == 0 else _root(lambda p: 1 - _at_most(n_right - 1, n, p) - tail, 0.0, 1.0)
    high = 1.0 if n_right == n else _root(lambda p: tail - _at_most(n_right, n, p), 0.0, 1.0)
    return low, high


def _at_most(k: int, n: int, p: float) -> float:
    """Return the probability of at most k of n, each with p."""
    if p in (0.0, 1.0):
        return 1.0 if p == 0.0 or k >= n else 0.0
    i = np.arange(k + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    terms = logs[n] - logs[i] - logs[n - i] + i * math.log(p) + (n - i) * math.log1p(-p)
    return min(1.0, float(np.exp(terms).sum()))


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function is 0, by halving."""
    for _ in range(64):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2
