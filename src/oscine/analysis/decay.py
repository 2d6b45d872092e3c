"""RT60, the seconds in which a sound falls by 60 dB, of an impulse response and of a recording.

In each case a straight line through the level in dB is extended to 60 dB.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from oscine.analysis.features import VOICED, Features
from oscine.analysis.signal import ANALYSIS_RATE

_FALL_DB, _FALL_FROM_DB, _RESPONSE_FALL_DB = 20.0, 5.0, 25.0
_FLOOR_DB = -79.0
_LONGEST_S = 10.0

_N_FFT = 1024
_BIN_HZ = ANALYSIS_RATE / _N_FFT
_BEFORE_S, _CHANGE_S, _AFTER_S, _STEP_S = 0.1, 0.04, 0.24, 0.016
_STEADY_SEMITONES = 0.8
_LOUD_WITHIN_DB = 20.0
_MOST_HZ = 4000.0


def energy_decay_db(response: Float[Tensor, " tap"]) -> Float[Tensor, " tap"]:
    """Return the energy still to come at each sample, ``10 log₁₀ (Σ_{m ≥ n} h²[m] / Σ_m h²[m])``, in dB.

    Reference: Schroeder, New method of measuring reverberation time, 1965.
    """
    energy = response.double().square().flip(0).cumsum(0).flip(0)
    # An all-silent response has fallen from the start; nothing falls below −300 dB.
    return 10 * torch.log10((energy / energy[0].clamp(min=1e-300)).clamp(min=1e-30)).to(response.dtype)


def decay_s(response: Float[Tensor, " tap"], sample_rate: int) -> float | None:
    """Return the seconds in which a response falls by 60 dB: the line from −5 to −25 dB, extended.

    Args:
        response: The reverberation alone, or a sound from its end on.
        sample_rate: In Hz.

    Returns:
        Seconds; None where it does not fall by 25 dB or has no two samples on the way.

    Examples:
        >>> import torch
        >>> fall = 10 ** (-3 * torch.arange(16000) / 8000)  # 60 dB in half a second
        >>> round(decay_s(fall, 16000), 3)
        0.5
    """
    level_db = energy_decay_db(response).numpy()
    on_line = (level_db <= -_FALL_FROM_DB) & (level_db >= -_RESPONSE_FALL_DB)
    if on_line.sum() < 2 or level_db[-1] > -_RESPONSE_FALL_DB:
        return None
    return _rt60_s(np.flatnonzero(on_line) / sample_rate, level_db[on_line])


def _rt60_s(time_s: Float64[np.ndarray, " point"], level_db: Float[np.ndarray, " point"]) -> float:
    """Return the seconds in which the line through the points falls by 60 dB; infinite where it rises."""
    slope = float(np.polyfit(time_s, level_db, 1)[0])
    return -60.0 / slope if slope < 0 else float("inf")


def ringing_times(
    features: Features, signal: Float32[np.ndarray, " time"]
) -> Float64[np.ndarray, " estimate"]:
    """Return estimates of the seconds in which sounds fall by 60 dB, one for each place that shows it.

    Two kinds of places do. Where the level falls by 20 dB or more without rising, the line from −5 to −20 dB
    is extended to −60. And where one steady note follows another, the first one's partials, measured apart
    from those of the second, go on falling in a room: a line through their level gives the time.

    Measured, as medians: notes of a sampler without much room 0.2 … 0.4 s; the same with a room of 0.8 s and
    1.5 s added 0.7 … 0.9 s and 1.1 … 1.9 s; a violin in a church 1.1 s.

    Args:
        features: Analysis of the signal, on any grid.
        signal: The sound at 16 kHz.
    """
    times = np.concatenate([_falls(features), _tails(features, signal)])
    return times[(times > 0) & (times < _LONGEST_S)]


def _falls(features: Features) -> Float64[np.ndarray, " estimate"]:
    power_db = features.power_db.numpy().astype(np.float64)
    times: list[float] = []
    start, n_frames = 0, len(power_db)
    while start < n_frames - 1:
        if power_db[start + 1] >= power_db[start]:
            start += 1
            continue
        stop, lowest = start, power_db[start]
        while stop + 1 < n_frames and _FLOOR_DB < power_db[stop + 1] < lowest + 0.5:
            stop += 1
            lowest = min(lowest, power_db[stop])
        if power_db[start] - lowest >= _FALL_DB:
            part = power_db[start : stop + 1]
            first = int(np.argmax(part <= part[0] - _FALL_FROM_DB))
            last = int(np.argmax(part <= part[0] - _FALL_DB))
            if last > first:
                on_line = slice(first, last + 1)
                time_s = np.arange(first, last + 1) / features.frame_rate
                times.append(_rt60_s(time_s, part[on_line]))
        start = max(stop, start + 1)
    return np.array(times)


def _tails(features: Features, signal: Float32[np.ndarray, " time"]) -> Float64[np.ndarray, " estimate"]:
    times: list[float] = []
    for frame, old_hz, new_hz in _note_changes(features):
        partials_hz = _apart(old_hz, new_hz)
        lags_s = np.arange(_CHANGE_S + 0.01, _AFTER_S - _N_FFT / 2 / ANALYSIS_RATE, _STEP_S)
        centers = np.round(((frame + 1) / features.frame_rate + lags_s) * ANALYSIS_RATE).astype(int)
        if not len(partials_hz) or centers[-1] + _N_FFT // 2 > len(signal):
            continue
        windows = signal[centers[:, None] + np.arange(-_N_FFT // 2, _N_FFT // 2)]
        power = np.abs(np.fft.rfft(windows * np.hanning(_N_FFT + 1)[:-1], axis=1)) ** 2
        bins = np.round(partials_hz / _BIN_HZ).astype(int)[:, None] + np.arange(-1, 2)
        level_db = 10 * np.log10(power[:, bins.ravel()].sum(1) + 1e-12)
        times.append(_rt60_s(lags_s, level_db))
    return np.array(times)


def _note_changes(features: Features) -> list[tuple[int, float, float]]:
    """Return (last frame of the old note, its f0, the new one's) wherever one steady note follows another."""
    midi = features.midi.numpy().astype(np.float64)
    voiced = features.confidence.numpy() >= VOICED
    power_db = features.power_db.numpy()
    n_before, n_change, n_after = (
        max(1, round(seconds * features.frame_rate)) for seconds in (_BEFORE_S, _CHANGE_S, _AFTER_S)
    )
    if not voiced.any() or len(midi) < n_before + n_after:
        return []
    loud = np.quantile(power_db[voiced], 0.9) - _LOUD_WITHIN_DB
    changes, frame = [], n_before
    # A cheap look first: has the pitch moved at all between here and the end of the change?
    moved = np.abs(midi[n_change:] - midi[:-n_change]) > _STEADY_SEMITONES
    while frame + n_after < len(midi):
        if not moved[frame - 1] or power_db[frame - 1] < loud:
            frame += 1
            continue
        old, new = midi[frame - n_before : frame], midi[frame + n_change : frame + n_after]
        steady = np.ptp(old) < _STEADY_SEMITONES and np.ptp(new) < _STEADY_SEMITONES
        if steady and voiced[frame - n_before : frame + n_after].all():
            old_hz, new_hz = (440 * 2 ** ((float(np.median(note)) - 69) / 12) for note in (old, new))
            changes.append((frame - 1, old_hz, new_hz))
            frame += n_after
        else:
            frame += 1
    return changes


def _apart(old_hz: float, new_hz: float) -> Float64[np.ndarray, " partial"]:
    """Return the old note's first partials that the new one, and its octave below, leave alone."""
    partials_hz = old_hz * np.arange(1.0, 9.0)
    order = partials_hz / new_hz
    from_own = np.abs(order - np.round(order)) * new_hz
    from_octave = np.abs(order - np.round(order - 0.5) - 0.5) * new_hz
    return partials_hz[(partials_hz < _MOST_HZ) & (from_own > 4.5 * _BIN_HZ) & (from_octave > 2.5 * _BIN_HZ)]
