"""The pitch at an instant, from the signal itself: the instantaneous frequency of the low harmonics.

A tracker's grid (16 ms) is too coarse for frames of 4 ms: its window rounds vibrato off, and at the tenth
harmonic of 440 Hz an error of 10 cents is a full turn of phase in 40 ms. So its value is a guess only.

For a harmonic near ``k f``, the windowed transform ``X = Σ h[n] x[n] e^(−j 2π k f n / fs)`` and the one
with the window's derivative, ``D = Σ h'[n] x[n] e^(−j 2π k f n / fs)``, give the frequency that the harmonic
has at the window's centre,

    f_k = k f − fs / 2π · Im(D / X)        (time–frequency reassignment, exact for a steady sinusoid)

because summing by parts gives ``D = −j (ω_k − 2π k f / fs) X`` with ω_k its radians per sample. Each harmonic
votes ``f_k / k`` with the weight ``k² |X|²``: the variance of a frequency estimate falls with its power, and
that of ``f_k / k`` by another k². The window is symmetric about the instant, so nothing is late; it spans
three periods, so that the neighbouring harmonics fall on its nulls.
"""

import numpy as np

from oscine.analysis.pitch.harmonics import fold, inner, multiples

_PERIODS = 3.0
_SHORTEST_S = 0.016  # below this the noise in a real violin costs more than the blur of its vibrato
_CLASSES_PER_OCTAVE = 4  # frames whose windows are alike in length are treated at once
_BATCH = 1024
_HIGHEST_HZ = 5000.0
_FIRST_HARMONICS, _HARMONICS = 3, 10
_FIRST_LIMIT_CENTS, _LIMIT_CENTS = 100.0, 50.0
# Measured against Praat on a violin: where the harmonics disagree by more than 20 cents, or leave a tenth of
# the weight outside the limit (at note changes, in noise), the tracker's own value is the better one.
_SPREAD_CENTS = (15.0, 30.0)
_AGREEMENT = (0.85, 0.95)


def refine_f0(
    audio: np.ndarray, sample_rate: int, centers: np.ndarray, f0_hz: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pitch at given instants, from an estimate that is right to about a semitone.

    Args:
        audio: Mono float32, ``(time,)``; beyond its ends there is silence.
        sample_rate: In Hz.
        centers: ``(frame,)``, integer, the instants in samples.
        f0_hz: ``(frame,)``, the guess in Hz.

    Returns:
        The refined pitch in Hz, at most a semitone from the guess; and how far the signal was trusted over
        the guess, 0 … 1: where the harmonics disagree the guess stands.

    Reference:
        Auger and Flandrin, Improving the readability of time-frequency representations by the reassignment
        method, 1995. Abe, Kobayashi and Imai, Harmonics tracking and pitch extraction based on instantaneous
        frequency, 1995.
    """
    refined = f0_hz.astype(np.float64).copy()
    trust = np.zeros(len(refined))
    # Room for the window of a guess that the first vote lowers by a semitone.
    half = _half_window(sample_rate, f0_hz) * 2.0 ** (1 / 12)
    size = np.ceil(np.log2(half) * _CLASSES_PER_OCTAVE).astype(int)
    margin = int(2 * half.max(initial=1)) + 2
    padded = np.pad(audio.astype(np.float32, copy=False), margin)
    for one in np.unique(size):
        longest = int(2.0 ** (float(one) / _CLASSES_PER_OCTAVE))
        offsets = np.arange(-longest, longest + 1)
        members = np.flatnonzero(size == one)
        for begin in range(0, len(members), _BATCH):
            these = members[begin : begin + _BATCH]
            position = np.clip(centers[these], 0, len(audio)) + margin
            frames = padded[position[:, None] + offsets]
            refined[these], trust[these] = _vote(
                frames, offsets, sample_rate, f0_hz[these].astype(np.float64)
            )
    return refined, trust


def _half_window(sample_rate: int, f0_hz: np.ndarray) -> np.ndarray:
    """Return half the window's length, in samples."""
    return np.maximum(_PERIODS / f0_hz, _SHORTEST_S) * (sample_rate / 2)


def _vote(
    frames: np.ndarray, offsets: np.ndarray, sample_rate: int, guess_hz: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the harmonics' common pitch and the trust in it: a vote of few, then one of all around it."""
    first_hz, _, _ = _poll(frames, offsets, sample_rate, guess_hz, _FIRST_HARMONICS, _FIRST_LIMIT_CENTS)
    voted_hz, agreement, spread = _poll(frames, offsets, sample_rate, first_hz, _HARMONICS, _LIMIT_CENTS)
    low, high = _SPREAD_CENTS
    trust = np.clip((high - spread) / (high - low), 0.0, 1.0)
    low, high = _AGREEMENT
    trust *= np.clip((agreement - low) / (high - low), 0.0, 1.0)
    # Blended in octaves, and never further from the guess than a semitone.
    step = np.clip(np.log2(voted_hz / guess_hz), -1 / 12, 1 / 12)
    return guess_hz * 2.0 ** (trust * step), trust


def _poll(
    frames: np.ndarray,
    offsets: np.ndarray,
    sample_rate: int,
    guess_hz: np.ndarray,
    n_harmonics: int,
    limit_cents: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pitch (Hz), share of the weight within the limit, and deviation of the votes (cents)."""
    # Each window has its own width, in fractions of a sample: only then the other harmonics, and the mirror
    # image of a low one, fall on its nulls. Widths in eighths of an octave cost a pure tone 2 cents.
    half = _half_window(sample_rate, guess_hz)[:, None]
    middle = len(offsets) // 2
    offset = offsets[middle:]
    angle = (np.pi * np.minimum(offset / half, 1.0)).astype(np.float32)
    window = 0.5 + 0.5 * np.cos(angle)
    slope = np.sin(angle) * (-0.5 * np.pi / half).astype(np.float32)
    # The window is even and its derivative odd: with the derivative, the odd half of the samples goes with
    # cosines and the even one with sines.
    even, odd = fold(frames)
    with_cosine = np.stack([even * window, odd * slope])
    with_sine = np.stack([odd * window, even * slope])
    turns = (guess_hz / sample_rate)[:, None] * offset
    highest = int(min(n_harmonics, _HIGHEST_HZ // guess_hz.min(initial=1e6) + 1))
    transforms = np.array(
        [(inner(with_cosine, cosine), inner(with_sine, sine)) for cosine, sine in multiples(turns, highest)]
    )
    # X = a − j b and D = c − j d, each (harmonic, frame).
    (a, c), (b, d) = transforms.transpose(1, 2, 0, 3)
    power = a**2 + b**2
    k = np.arange(1, highest + 1)[:, None]
    vote_hz = guess_hz - sample_rate / (2.0 * np.pi * k) * (b * c - a * d) / (power + 1e-20)
    cents = 1200.0 * np.log2(np.maximum(vote_hz, 1.0) / guess_hz)
    # The fundamental always votes; above, only what the tracker's own band carries well.
    weight = k**2 * power * ((k == 1) | (k * guess_hz < _HIGHEST_HZ))
    counted = weight * (np.abs(cents) < limit_cents)
    total, inside = weight.sum(axis=0) + 1e-20, counted.sum(axis=0) + 1e-20
    mean = (counted * cents).sum(axis=0) / inside
    spread = np.sqrt(np.maximum((counted * cents**2).sum(axis=0) / inside - mean**2, 0.0))
    return guess_hz * 2.0 ** (mean / 1200.0), inside / total, spread
