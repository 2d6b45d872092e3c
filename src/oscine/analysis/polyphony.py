"""Does more than one note sound at a time: sustained partials that the tracked pitch does not explain."""

import numpy as np
from jaxtyping import Bool, Float32, Float64

from oscine.analysis.features import VOICED, Features
from oscine.analysis.signal import ANALYSIS_RATE

#: The instants examined are this far apart.
STEP_S = 0.032

_N_FFT = 2048
_BIN_HZ = ANALYSIS_RATE / _N_FFT
_LEAST_HZ, _MOST_HZ = 120.0, 5000.0
_STEADY_SEMITONES, _STEADY_S = 0.8, 0.05
_LOUD_WITHIN_DB = 20.0
_LAG = round(0.2 * ANALYSIS_RATE)
_SUSTAINED = 0.5
_FOREIGN = 10 ** (-8 / 10)
_AT_ONCE = 256


def polyphonic_moments(
    features: Features, signal: Float32[np.ndarray, " time"]
) -> Bool[np.ndarray, " moment"]:
    """Return, for each moment that can be judged, whether a second note sounds in it.

    Judged are voiced moments within 20 dB of the loud ones (their 90th percentile) around which the pitch
    keeps within 0.8 semitone for 0.1 s. A bin of the spectrum there belongs to the note when it is near k ·
    f0 or, since trackers err by an octave, near (k + ½) · f0. What is left counts as another note only where
    it is sustained, at least half as strong as 0.2 s before: the tail of an earlier note in a room falls
    faster. The moment is polyphonic when this sustained rest reaches −8 dB of the note.

    Measured shares: a solo violin with chords 0.23; the same player in the same room on a single line 0.02
    and 0.03; singing, trumpet and flute 0.00; alto saxophone 0.02.

    Args:
        features: Analysis of the signal, on any grid.
        signal: The sound at 16 kHz.
    """
    centers, pitches_hz = _judgeable(features, len(signal))
    window = np.hanning(_N_FFT + 1)[:-1].astype(np.float32)
    verdicts = [np.zeros(0, bool)]
    for first in range(0, len(centers), _AT_ONCE):
        some = centers[first : first + _AT_ONCE]
        now, before = (_powers(signal, some - lag, window) for lag in (0, _LAG))
        verdicts.append(_has_foreign_note(now, before, pitches_hz[first : first + _AT_ONCE]))
    return np.concatenate(verdicts)


def _judgeable(
    features: Features, n_samples: int
) -> tuple[np.ndarray, Float64[np.ndarray, "moment low_median_high"]]:
    """Return the moments that can be judged, in samples at 16 kHz, and their f0's range in Hz."""
    f0_hz, power_db = features.f0_hz.numpy().astype(np.float64), features.power_db.numpy()
    voiced = features.confidence.numpy() >= VOICED
    around = max(1, round(_STEADY_S * features.frame_rate))
    centers = np.arange(_LAG + _N_FFT // 2, n_samples - _N_FFT // 2, round(STEP_S * ANALYSIS_RATE))
    frames = np.round(centers / ANALYSIS_RATE * features.frame_rate).astype(int) - 1
    inside = (frames >= around) & (frames < len(f0_hz) - around)
    centers, frames = centers[inside], frames[inside]
    if not voiced.any() or not len(frames):
        return np.zeros(0, int), np.zeros((0, 3))
    near = frames[:, None] + np.arange(-around, around + 1)
    spans = np.stack([f0_hz[near].min(1), np.median(f0_hz[near], 1), f0_hz[near].max(1)], axis=1)
    judged = (
        voiced[near].all(1)
        & (power_db[frames] >= np.quantile(power_db[voiced], 0.9) - _LOUD_WITHIN_DB)
        & (12 * np.log2(spans[:, 2] / spans[:, 0]) <= _STEADY_SEMITONES)
    )
    return centers[judged], spans[judged]


def _powers(
    signal: Float32[np.ndarray, " time"], centers: np.ndarray, window: Float32[np.ndarray, " n_fft"]
) -> Float32[np.ndarray, "moment bin"]:
    frames = signal[centers[:, None] + np.arange(-_N_FFT // 2, _N_FFT // 2)]
    return np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float32) ** 2


def _has_foreign_note(
    now: Float32[np.ndarray, "moment bin"],
    before: Float32[np.ndarray, "moment bin"],
    pitches_hz: Float64[np.ndarray, "moment low_median_high"],
) -> Bool[np.ndarray, " moment"]:
    bin_hz = np.arange(now.shape[1]) * _BIN_HZ
    low, f0_hz, high = (column[:, None] for column in pitches_hz.T)
    order = bin_hz / f0_hz
    harmonic = np.maximum(np.round(order), 1)
    # A partial is as wide as the window's main lobe and the pitch's own movement, which grows with its order.
    width_hz = np.maximum(3 * _BIN_HZ, harmonic * (high - low) / 2 + 2.5 * _BIN_HZ)
    heard = (bin_hz >= _LEAST_HZ) & (bin_hz < _MOST_HZ)
    own = np.abs(bin_hz - harmonic * f0_hz) <= width_hz
    octave_below = np.abs(order - np.round(order - 0.5) - 0.5) * f0_hz <= width_hz
    has_room = f0_hz / 2 > width_hz + _BIN_HZ
    # A partial may move by a bin in the meantime.
    padded = np.pad(before, ((0, 0), (1, 1)))
    strongest_before = np.maximum(before, np.maximum(padded[:, :-2], padded[:, 2:]))
    sustained = now >= _SUSTAINED * strongest_before
    foreign = (now * (heard & ~own & ~octave_below & has_room & sustained)).sum(1)
    return foreign > _FOREIGN * (now * (heard & own)).sum(1)
