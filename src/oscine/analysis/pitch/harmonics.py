"""The transform of many windows at the multiples of one frequency each, in real arithmetic.

About its middle a window is the sum of an even and an odd half. The even one goes with cosines and the odd
one with sines, so that ``Σ x[n] e^(−jθn)`` over n = −N … N takes two products of N + 1 real numbers.
"""

from collections.abc import Iterator

import numpy as np


def fold(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the even and the odd half of windows: ``x[n] + x[−n]`` and ``x[n] − x[−n]``, n = 0 … N.

    Args:
        frames: ``(frame, 2 N + 1)``. The middle counts once: its even half is ``x[0]``.
    """
    middle = frames.shape[1] // 2
    after, before = frames[:, middle:], frames[:, middle::-1]
    even, odd = after + before, after - before
    even[:, 0] /= 2
    return even, odd


def multiples(turns: np.ndarray, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield cosine and sine of ``2π k turns`` for k = 1 … count, in float32.

    A pair lasts until the next but one.

    Args:
        turns: Of the lowest, in any shape.
        count: How many.
    """
    theta = (2 * np.pi * (turns - np.round(turns))).astype(np.float32)
    now, before = (
        np.stack([np.cos(theta), np.sin(theta)]),
        np.stack([np.ones_like(theta), np.zeros_like(theta)]),
    )
    # cos kθ = 2 cos θ cos (k − 1)θ − cos (k − 2)θ, and the same for sines.
    twice, after = 2 * now[0], np.empty_like(now)
    for _ in range(count):
        yield now[0], now[1]
        np.multiply(twice, now, out=after)
        after -= before
        before, now, after = now, after, before


def inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the inner products of the rows of both, ``(…, frame)``, for sums in double precision.

    Args:
        a: ``(…, frame, sample)``.
        b: ``(frame, sample)``.
    """
    return np.einsum("...ij,ij->...i", a, b).astype(np.float64)
