"""YIN: the pitch is the shortest shift at which a sound is nearly itself again.

The difference function of a frame compares the sound with itself, shifted by τ,

    d(τ) = Σ_j w[j] w[j+τ] (x[j] − x[j+τ])² / Σ_j w[j] w[j+τ]

with a Hann window w about the frame's instant. The products ``w[j] w[j+τ]`` are symmetric about the instant
for every τ, so that high notes are not found earlier than low ones; and as the window tapers off, the three
correlations that this is made of, ``(w x²) ⋆ w + w ⋆ (w x²) − 2 (w x) ⋆ (w x)``, are smooth functions of τ,
which a longer inverse FFT gives at quarters of a sample. Divided by its own mean over all shorter shifts,

    d'(τ) = d(τ) / ((1/τ) ∫_0^τ d)

starts at 1, stays there for noise, and is 0 at a period.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int, Shaped

from oscine.analysis.signal import ANALYSIS_RATE

LOWEST_HZ, HIGHEST_HZ = 47.0, 2094.0
"""The range of pitches, that of the default tracker."""

FRAME_LENGTH = 1024
"""Samples at 16 kHz of a frame's window, 64 ms: three periods of the lowest pitch."""

THRESHOLD = 0.1
"""A dip of d' below this is a period: the first one is taken."""

_FINE = 4  # lags per sample
_N_FFT = 1536  # a frame and the longest lag, without wrapping round
_BATCH = 256  # frames
_SHORTEST = int(np.floor(_FINE * ANALYSIS_RATE / HIGHEST_HZ))
_LONGEST = int(np.ceil(_FINE * ANALYSIS_RATE / LOWEST_HZ))
_SILENCE = 1e-10  # mean square, −100 dB of full scale


def yin_pitch(
    audio: Float[np.ndarray, " time"], centers: Int[np.ndarray, " frame"]
) -> tuple[Float[np.ndarray, " frame"], Float[np.ndarray, " frame"]]:
    """Return YIN's pitch and confidence at given instants.

    The period is the first local minimum of d' below ``THRESHOLD``, or the deepest of all where none is so
    deep; its place and depth are those of the parabola through it and its neighbours. Confidence is 1 − d'
    there: 1 for a periodic sound, near 0 for noise, 0 for digital silence.

    Args:
        audio: Mono at 16 kHz, in −1 … 1; beyond its ends there is silence.
        centers: The instants in samples.

    Returns:
        ``f0_hz`` (47 … 2094) and ``confidence`` (0 … 1).

    Reference:
        de Cheveigné and Kawahara, YIN, a fundamental frequency estimator for speech and music, 2002. There
        the window is rectangular and of one length for all τ, τ is whole samples, and the minimum is searched
        once more in the neighbourhood (step 6).

    Examples:
        >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
        >>> f0_hz, confidence = yin_pitch(tone, np.array([8000]))
        >>> round(float(f0_hz[0]), 1), bool(confidence[0] > 0.99)
        (440.0, True)
    """
    f0_hz, confidence = np.empty(len(centers)), np.empty(len(centers))
    for part, difference in difference_functions(audio, centers):
        dip, offset, depth = dips(difference)
        below = dip & (depth < THRESHOLD)
        deepest = np.where(dip, depth, np.inf).argmin(-1)
        chosen = np.where(below.any(-1), below.argmax(-1), deepest)
        row = np.arange(len(chosen))
        f0_hz[part] = lag_hz(chosen + offset[row, chosen])
        # Without any dip (silence, a slope) the first lag is as good as another, and nothing speaks for it.
        confidence[part] = np.where(dip[row, chosen], 1.0 - depth[row, chosen], 0.0)
    return np.clip(f0_hz, LOWEST_HZ, HIGHEST_HZ), np.clip(confidence, 0.0, 1.0)


def difference_functions(
    audio: Float[np.ndarray, " time"], centers: Int[np.ndarray, " frame"]
) -> Iterator[tuple[slice, Float[np.ndarray, "part lag"]]]:
    """Yield, for some frames at a time, which they are and their cumulative mean normalised difference d'.

    The lags are quarters of a sample, from the shortest period to the longest with one more at either end;
    ``lag_hz`` says which pitch each is.
    """
    window = np.hanning(FRAME_LENGTH + 1)[:-1]
    spectrum = np.fft.rfft(window, _N_FFT)
    weight = _correlation(np.abs(spectrum) ** 2)
    shift = np.arange(1, _LONGEST + 2)
    padded = np.pad(audio.astype(np.float64), FRAME_LENGTH)
    for begin in range(0, len(centers), _BATCH):
        these = centers[begin : begin + _BATCH]
        start = np.clip(these, 0, len(audio)) + FRAME_LENGTH - FRAME_LENGTH // 2
        frames = padded[start[:, None] + np.arange(FRAME_LENGTH)]
        square = np.fft.rfft(window * frames**2, _N_FFT)
        plain = np.fft.rfft(window * frames, _N_FFT)
        cross = 2.0 * (square * spectrum.conj()).real
        difference = _correlation(cross - 2.0 * np.abs(plain) ** 2) / weight
        difference = np.maximum(difference[:, 1:], 0.0)
        mean = np.cumsum(difference, axis=-1) / shift
        normalised = (difference + _SILENCE) / (mean + _SILENCE)
        yield slice(begin, begin + len(these)), normalised[:, _SHORTEST - 2 :]


def _correlation(power: Float[np.ndarray, "*frame bin"]) -> Float[np.ndarray, "*frame lag"]:
    """Return a correlation at lags of quarters of a sample, from 0 on, from its spectrum."""
    return _FINE * np.fft.irfft(power, _FINE * _N_FFT)[..., : _LONGEST + 2]


def dips(
    difference: Float[np.ndarray, "frame lag"],
) -> tuple[Shaped[np.ndarray, "frame lag"], Float[np.ndarray, "frame lag"], Float[np.ndarray, "frame lag"]]:
    """Return where d' has a local minimum, how far from the lag its lowest point is, and its depth there.

    Args:
        difference: From ``difference_functions``.

    Returns:
        Boolean, never true at either end; the distance in lags, at most half a one; and the depth. The last
        two mean something at a minimum only.
    """
    middle = difference[:, 1:-1]
    fall, rise = difference[:, :-2] - middle, difference[:, 2:] - middle
    dip = np.pad((fall > 0) & (rise >= 0), ((0, 0), (1, 1)))
    bend = np.maximum(fall + rise, 1e-20)
    offset = np.pad(np.clip(0.5 * (fall - rise) / bend, -0.5, 0.5), ((0, 0), (1, 1)))
    depth = difference.copy()
    depth[:, 1:-1] -= 0.125 * (fall - rise) ** 2 / bend * dip[:, 1:-1]
    return dip, offset, np.maximum(depth, 0.0)


def lag_hz(lag: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Return the pitch of a place among the lags of ``difference_functions``."""
    return _FINE * ANALYSIS_RATE / (lag + (_SHORTEST - 1))
