"""Silence: below the quietest that an instrument has learned, its sound falls as the loudness does."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.data.statistics import LOUDNESS_FLOOR_DB, Statistics
from oscine.streaming import Program, Wire

#: A sigmoid of this times decibels falls, far below its middle, by 1 dB per dB.
_SLOPE = math.log(10) / 20


class Gate:
    """A factor on the sound, ``σ(ln 10 / 20 · (loudness − threshold))``.

    At a loudness outside its training data a network's output is arbitrary, often a hiss. Far below the
    threshold this factor falls by 1 dB per dB; at the threshold it is a half. The gate is also applied in
    training, so what was learned sounds as it was learned.

    Args:
        below_db: How far the threshold is below the quietest frames with a pitch (the 1 % quantile).
        statistics: Of what was learned; without them the threshold is that far below silence.
    """

    def __init__(self, below_db: float, statistics: Statistics | None) -> None:
        quietest = LOUDNESS_FLOOR_DB if statistics is None else statistics.loudness_db_quantiles[1]
        self.threshold_db = float(quietest) - below_db

    def __call__(self, loudness_db: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch frame"]:
        """Return the factor at each frame."""
        return torch.sigmoid(_SLOPE * loudness_db - _SLOPE * self.threshold_db)

    def lower(self, program: Program, loudness_db: Wire) -> Wire:
        """Append the factor to a program."""
        return program.sigmoid(program.affine(loudness_db, _SLOPE, -_SLOPE * self.threshold_db))
