"""Maps from the loudness of an input to that of an instrument: smooth, rising, silent at silence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from oscine.data.statistics import LOUDNESS_FLOOR_DB

_PERCENTS = (1, *range(5, 100, 5), 99)
_STEEPEST = 3.0  # small fluctuations of a steady input are not to become large ones
_HEADROOM_DB = 40.0
_FADE_DB = 10.0


@dataclass(frozen=True)
class LoudnessMap:
    """A smooth rising curve through given points: the monotone cubic of Fritsch and Butland.

    Outside the points the ends hold.

    Attributes:
        input_db: Where the points are, strictly rising.
        output_db: The values of the curve there, never falling.

    Reference: F. N. Fritsch and J. Butland, A Method for Constructing Local Monotone Piecewise Cubic
        Interpolants, 1984.
    """

    input_db: Float[Tensor, " point"]
    output_db: Float[Tensor, " point"]

    @classmethod
    def between(
        cls, heard_db: Float[Tensor, " frame"], learned_db_quantiles: Sequence[float]
    ) -> "LoudnessMap":
        """Return the map that gives the loudness of an input's notes the distribution of the instrument's.

        ``y = F_instrument⁻¹(F_input(x))`` at 21 quantiles. Below the quietest quantile the map runs to the
        floor at −80 dB, which maps to itself; above the loudest its slope is 1. From the median outwards the
        slope is at most 3 dB per dB.

        Args:
            heard_db: The input's loudness on notes; empty gives the identity.
            learned_db_quantiles: The instrument's 101 loudness quantiles (``Statistics``).
        """
        if len(heard_db) == 0:
            ends = torch.tensor([LOUDNESS_FLOOR_DB, _HEADROOM_DB], dtype=torch.float64)
            return cls(ends, ends)
        x = np.quantile(heard_db.numpy().astype(np.float64), [percent / 100 for percent in _PERCENTS])
        y = np.array([learned_db_quantiles[percent] for percent in _PERCENTS], dtype=np.float64)

        middle = len(x) // 2
        rise = np.minimum(np.diff(y), _STEEPEST * np.diff(x))
        y = y[middle] + np.concatenate([[0.0], np.cumsum(rise)]) - np.sum(rise[:middle])
        distinct = np.concatenate([[True], np.diff(x) > 1e-3])
        x, y = x[distinct], np.maximum(y[distinct], LOUDNESS_FLOOR_DB)
        above = x > LOUDNESS_FLOOR_DB + 1e-3
        x, y = x[above], y[above]
        points_x = np.concatenate([[LOUDNESS_FLOOR_DB], x, x[-1:] + _HEADROOM_DB])
        points_y = np.concatenate([[LOUDNESS_FLOOR_DB], y, y[-1:] + _HEADROOM_DB])
        return cls(torch.from_numpy(points_x), torch.from_numpy(points_y))

    def __call__(self, loudness_db: Float[Tensor, " frame"]) -> Float[Tensor, " frame"]:
        """Return the curve at these levels, dB."""
        x, y = self.input_db, self.output_db
        width = torch.diff(x)
        secant = torch.diff(y) / width
        slope = torch.cat([secant[:1], _harmonic_mean(secant, width), secant[-1:]])

        at = loudness_db.to(torch.float64).clamp(float(x[0]), float(x[-1]))
        piece = torch.bucketize(at, x[1:-1])
        h, t = width[piece], (at - x[piece]) / width[piece]
        # Hermite form of the cubic with values y and slopes at both ends of the piece.
        left = (1 + 2 * t) * (1 - t) ** 2 * y[piece] + t * (1 - t) ** 2 * h * slope[piece]
        right = t**2 * (3 - 2 * t) * y[piece + 1] + t**2 * (t - 1) * h * slope[piece + 1]
        return (left + right).to(loudness_db.dtype)


def _harmonic_mean(
    secant: Float[Tensor, " piece"], width: Float[Tensor, " piece"]
) -> Float[Tensor, " inner"]:
    """Return the slopes at the inner points: 0 beside a flat piece, else a weighted harmonic mean."""
    before, after = secant[:-1], secant[1:]
    weight_before, weight_after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    flat = (before <= 0) | (after <= 0)
    mean = (weight_before + weight_after) / (
        weight_before / before.clamp(min=1e-12) + weight_after / after.clamp(min=1e-12)
    )
    return torch.where(flat, 0.0, mean)


def shift_loudness(loudness_db: Float[Tensor, " frame"], shift_db: float) -> Float[Tensor, " frame"]:
    """Return the loudness raised by ``shift_db``; in the last 10 dB above the floor it falls to silence."""
    shifted = (loudness_db + shift_db).clamp(min=LOUDNESS_FLOOR_DB)
    edge = max(LOUDNESS_FLOOR_DB + _FADE_DB + shift_db, LOUDNESS_FLOOR_DB)
    share = (loudness_db - LOUDNESS_FLOOR_DB) / _FADE_DB
    bent = LOUDNESS_FLOOR_DB + share * (edge - LOUDNESS_FLOOR_DB)
    return torch.where(share < 1, bent, shifted)
