"""How the upper partials of held notes move: by how much at 8 to 25 Hz, and how much of it together."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import CONFIDENT, Features
from oscine.evaluation.baselines import heterodyne
from oscine.functional.mfcc import dct_matrix
from oscine.functional.units import amplitude_to_db

SLOWEST_HZ, FASTEST_HZ = 8.0, 25.0
"""The movements that count; slower ones are dynamics and vibrato, faster ones the window can't follow."""

FIRST_UPPER, LAST_UPPER = 5, 30
"""Numbers of the partials that count as upper ones."""

_LEAST_S, _MOST_S = 0.15, 1.0
_STEADY_S, _STEADY_SEMITONES = 0.05, 1.0
_WITHIN_DB = 40.0
_FLOOR_DB = -100.0


def held_stretches(features: Features) -> list[tuple[int, int]]:
    """Return the stretches of held notes as frames (start, stop): 0.15 s or longer, 1 s at most.

    In each frame the pitch is confident and stays within a semitone for 50 ms on both sides.

    Args:
        features: Of the recording.
    """
    rate = features.frame_rate
    apart = max(1, round(_STEADY_S * rate))
    midi = torch.nn.functional.pad(features.midi[None], (apart, apart), mode="replicate")[0]
    around = midi.unfold(0, 2 * apart + 1, 1)
    steady = around.amax(-1) - around.amin(-1) < _STEADY_SEMITONES
    held = steady & (features.confidence >= CONFIDENT)
    edges = torch.nn.functional.pad(held.int(), (1, 1)).diff()
    starts, stops = (edges == 1).nonzero().flatten().tolist(), (edges == -1).nonzero().flatten().tolist()
    most = round(_MOST_S * rate)
    parts = [
        (part, min(part + most, stop))
        for start, stop in zip(starts, stops, strict=True)
        for part in range(start, stop, most)
    ]
    return [(start, stop) for start, stop in parts if stop - start >= _LEAST_S * rate]


class Movement(NamedTuple):
    """How the upper partials of a sound move at 8 to 25 Hz: sums, which add up over stretches."""

    products: Float[Tensor, "partial partial"]
    """Σ x_a x_b over the frames in which partials a and b count, dB²."""
    squares: Float[Tensor, "partial partial"]
    """Σ x_a² over the same frames."""
    n_frames: Float[Tensor, " partial"]
    """Frames in which a partial counts."""

    def plus(self, other: "Movement") -> "Movement":
        """Return the sums of two sounds."""
        return Movement(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def deviation_db(self) -> float | None:
        """The standard deviation of the partials' levels, dB, over all of them; None when none counts."""
        n = float(self.n_frames.sum())
        return math.sqrt(float(self.products.diagonal().sum()) / n) if n else None

    @property
    def correlation(self) -> float | None:
        """The mean correlation of two partials' movements, over all pairs; None when no pair moves.

        1: all move together, as a change of the level alone moves them; 0: each moves by itself.
        """
        correlation = self.products / (self.squares * self.squares.T).sqrt()
        pairs = torch.triu(torch.ones_like(correlation, dtype=torch.bool), 1) & correlation.isfinite()
        return float(correlation[pairs].mean()) if pairs.any() else None


def partial_levels_db(audio: Float[Tensor, " time"], recording: Features) -> Float[Tensor, "frame partial"]:
    """Return the levels of a sound's partials 1 to 30 along the recording's pitch, dB, −100 at least.

    Args:
        audio: The recording or an output, ``n_frames · hop_length`` samples.
        recording: The recording's features.
    """
    amplitudes = heterodyne(audio, recording, LAST_UPPER)
    missing = LAST_UPPER - amplitudes.shape[1]
    return amplitude_to_db(torch.nn.functional.pad(amplitudes, (0, missing)), _FLOOR_DB)


def upper_movements(
    output_db: Float[Tensor, "frame partial"],
    target_db: Float[Tensor, "..."],
    recording: Features,
    highest_hz: float,
) -> tuple[Movement, Movement]:
    """Return how the levels of the upper partials move at 8 to 25 Hz, in an output and in its target.

    Partials 5 to 30 count, in held notes of the recording. A discrete cosine transform of each stretch keeps
    the components from 8 to 25 Hz, so a steady crescendo counts for nothing. The window of the levels
    (`heterodyne`: 20 ms, or three periods of the lowest pitch) takes 3 % of a movement at 10 Hz and 15 % of
    one at 25 Hz, in both sounds. A partial that reaches above the cut-off, or that the target has more than
    40 dB below its strongest one, does not count in that stretch.

    Args:
        output_db: The output's, from `partial_levels_db`.
        target_db: The target's.
        recording: The recording's features, as for `partial_levels_db`.
        highest_hz: The recording's cut-off.

    Returns:
        Of the output and of the target, over the same frames and partials.
    """
    numbers = torch.arange(FIRST_UPPER, LAST_UPPER + 1)
    nothing = torch.zeros(len(numbers), len(numbers), dtype=torch.float64)
    moved = [Movement(nothing, nothing, nothing[0])] * 2
    for start, stop in held_stretches(recording):
        mean_db = target_db[start:stop].mean(0)
        loud = (mean_db >= mean_db.amax() - _WITHIN_DB)[FIRST_UPPER - 1 :]
        counts = (loud & (numbers * recording.f0_hz[start:stop].amax() < highest_hz)).double()
        cosines = _band(stop - start, recording.frame_rate)
        for i, level_db in enumerate((output_db, target_db)):
            # The transform is orthonormal: sums over its components are sums over the frames of that band.
            component = cosines @ level_db[start:stop, FIRST_UPPER - 1 :].double() * counts
            products = component.T @ component
            squares = products.diagonal()[:, None] * counts
            moved[i] = moved[i].plus(Movement(products, squares, counts * (stop - start)))
    return moved[0], moved[1]


def _band(length: int, frame_rate: float) -> Float[Tensor, "component frame"]:
    """Return the rows of the discrete cosine transform of a stretch that lie from 8 to 25 Hz."""
    component_hz = torch.arange(length) * (frame_rate / (2 * length))
    kept = (component_hz >= SLOWEST_HZ) & (component_hz <= FASTEST_HZ)
    return dct_matrix(length, length)[kept]
