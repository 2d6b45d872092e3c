"""Probabilistic YIN: every threshold that YIN might use has its say, and the path through all is decoded."""

import numpy as np
from jaxtyping import Float, Int, Shaped

from oscine.analysis.pitch.yin import HIGHEST_HZ, LOWEST_HZ, difference_functions, dips, lag_hz
from oscine.analysis.signal import ANALYSIS_RATE

HOP = 64
"""Samples at 16 kHz from one step of the decoded path to the next, 4 ms."""

_BINS_PER_OCTAVE = 120  # 10 cents
_N_BINS = int(np.ceil(_BINS_PER_OCTAVE * np.log2(HIGHEST_HZ / LOWEST_HZ))) + 1
_OCTAVES_PER_S = 35.92  # the paper's 25 bins of 10 cents in 256 samples at 44.1 kHz
_REACH_BINS = round(_OCTAVES_PER_S * HOP / ANALYSIS_RATE * _BINS_PER_OCTAVE)
_SWITCH = 0.01
_NO_DIP = 0.01  # what is left of a threshold that no dip goes below
_NEAR_BINS = 5.0
_TINY = 1e-12


def pyin_pitch(audio: Float[np.ndarray, " time"]) -> tuple[Float[np.ndarray, " step"], ...]:
    """Return pYIN's pitch and confidence at the samples 0, 64, 128 … of a stretch.

    YIN takes the first dip of d' that lies below a threshold s. With s drawn from a beta distribution
    (α = 2, β = 18, mean 0.1; F its cumulative distribution) the dips of depth ``v_1, v_2, …``, in order of
    their lag, are taken with the probabilities

        P_k = max(0, F(min(1, v_1, …, v_{k−1})) − F(v_k)),

    and 0.01 of what is left goes to the deepest. A hidden Markov model over 658 pitches, 10 cents apart, each
    voiced and unvoiced, finds the most likely path (Viterbi) over the whole stretch: pitch moves by at most
    17 bins (170 cents) a step, the less likely the further, and voicing changes with the probability 0.01.

    Args:
        audio: Mono at 16 kHz, in −1 … 1, not empty: one stretch, since the path is as long.

    Returns:
        ``f0_hz`` (47 … 2094): that of the dip nearest to the path, to a fraction of a cent, or the middle of
        the path's bin where no dip is within half a semitone. And ``confidence`` (0 … 1): the mean of
        the voiced probability Σ P_k and of the path's verdict, 1 or 0; so it is 0.5 or more where the path is
        voiced, and nowhere else.

    Reference:
        Mauch and Dixon, pYIN: a fundamental frequency estimator using probabilistic threshold distributions,
        2014. There thresholds are a hundred steps, those of the path are 5.8 ms, and no voicing is likelier
        (``most_likely_path``).

    Examples:
        >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
        >>> f0_hz, confidence = pyin_pitch(tone)
        >>> round(float(f0_hz[125]), 1), bool(confidence[125] > 0.95)
        (440.0, True)
    """
    centers = np.arange(0, len(audio) + HOP, HOP)
    observed = np.zeros((len(centers), _N_BINS))
    candidates = []
    for part, difference in difference_functions(audio, centers):
        dip, offset, depth = dips(difference)
        frame, lag = np.nonzero(dip)
        octave = np.log2(lag_hz(lag + offset[frame, lag]) / LOWEST_HZ)
        place = np.clip(octave * _BINS_PER_OCTAVE, 0, _N_BINS - 1)
        np.add.at(
            observed[part], (frame, np.rint(place).astype(int)), dip_probabilities(dip, depth)[frame, lag]
        )
        candidates.append((frame + part.start, place))
    path, voiced = most_likely_path(observed)
    frame, place = (np.concatenate(column) for column in zip(*candidates, strict=True))
    probability = np.minimum(observed.sum(-1), 1.0)
    f0_hz = LOWEST_HZ * 2.0 ** (_nearest(path, frame, place) / _BINS_PER_OCTAVE)
    return f0_hz, 0.5 * (probability + voiced)


def dip_probabilities(
    dip: Shaped[np.ndarray, "frame lag"], depth: Float[np.ndarray, "frame lag"]
) -> Float[np.ndarray, "frame lag"]:
    """Return the probability that each dip is the first one below a threshold; 0 where there is no dip.

    Args:
        dip: Where d' has a local minimum.
        depth: Its depth, at least 0.
    """
    depth = np.where(dip, np.minimum(depth, 1.0), 1.0)
    deepest = np.minimum.accumulate(depth, axis=-1)
    before = np.pad(deepest[:, :-1], ((0, 0), (1, 0)), constant_values=1.0)
    probability = np.where(dip, np.maximum(_beta_cdf(before) - _beta_cdf(depth), 0.0), 0.0)
    row, last = np.arange(len(dip)), depth.argmin(-1)
    probability[row, last] += _NO_DIP * _beta_cdf(deepest[:, -1]) * dip[row, last]
    return probability


def _beta_cdf(x: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Return the distribution function of Beta(2, 18): that 2 or more of 19 uniform numbers are below x."""
    rest = (1.0 - x) ** 18
    return 1.0 - rest * (1.0 - x) - 19.0 * x * rest


def most_likely_path(
    observed: Float[np.ndarray, "step bin"],
) -> tuple[Int[np.ndarray, " step"], Shaped[np.ndarray, " step"]]:
    """Return the pitch bin and the voicing (boolean) of the most likely path.

    A voiced state is seen with the bin's probability, each unvoiced one with what they leave, divided by the
    35 bins within reach of a step. The paper does not divide, and loses 8 % of a sung melody's voiced frames;
    the authors' code divides by all bins, and takes 9 % of white noise for notes.

    Args:
        observed: The probability of each bin; in a step they add up to 1 at most.
    """
    n_steps, n_bins = observed.shape
    unvoiced = np.maximum(1.0 - observed.sum(-1), 0.0) / (2 * _REACH_BINS + 1)
    log_voiced, log_unvoiced = np.log(observed + _TINY), np.log(unvoiced + _TINY)
    triangle = _REACH_BINS + 1 - np.abs(np.arange(-_REACH_BINS, _REACH_BINS + 1))
    log_step = np.log(triangle / triangle.sum())[:, None]
    log_switch = np.log([[1.0 - _SWITCH, _SWITCH], [_SWITCH, 1.0 - _SWITCH]])
    came_from = np.empty((n_steps, 2, n_bins), np.int16)  # the bin, and which of the two rows
    came_from_row = np.empty((n_steps, 2, n_bins), np.int8)
    best = np.stack([log_voiced[0], np.full(n_bins, log_unvoiced[0])])
    source = np.full((2, n_bins + 2 * _REACH_BINS), -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(source, n_bins, axis=1)
    every_bin = np.arange(n_bins)
    for step in range(1, n_steps):
        # To row r, voiced or not, from the better of the two rows of the same bin; then along the pitches.
        for row in (0, 1):
            stay, change = best[row] + log_switch[row, row], best[1 - row] + log_switch[1 - row, row]
            source[row, _REACH_BINS:-_REACH_BINS] = np.maximum(stay, change)
            came_from_row[step, row] = np.where(stay >= change, row, 1 - row)
        for row in (0, 1):
            moved = windows[row] + log_step
            chosen = moved.argmax(0)
            came_from[step, row] = every_bin + chosen - _REACH_BINS
            best[row] = moved[chosen, every_bin]
        best[0] += log_voiced[step]
        best[1] += log_unvoiced[step]
    path, rows = np.empty(n_steps, np.int64), np.empty(n_steps, np.int64)
    rows[-1], path[-1] = np.unravel_index(best.argmax(), best.shape)
    for step in range(n_steps - 1, 0, -1):
        path[step - 1] = came_from[step, rows[step], path[step]]
        rows[step - 1] = came_from_row[step, rows[step], path[step - 1]]
    return path, rows == 0


def _nearest(
    path: Int[np.ndarray, " step"], frame: Int[np.ndarray, " dip"], place: Float[np.ndarray, " dip"]
) -> Float[np.ndarray, " step"]:
    """Return, in bins, the dip nearest to the path in each step, or the path's bin where none is near."""
    distance = np.abs(place - path[frame])
    near = np.flatnonzero(distance < _NEAR_BINS)
    # The nearest is written last and stays.
    near = near[np.argsort(-distance[near], kind="stable")]
    found = path.astype(np.float64)
    found[frame[near]] = place[near]
    return found
