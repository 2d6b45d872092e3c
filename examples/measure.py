"""What the examples measure on sounds."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import CONFIDENT, VOICED, Features, analyze
from oscine.analysis.decay import ringing_times
from oscine.analysis.signal import ANALYSIS_RATE, to_analysis_rate
from oscine.functional.mfcc import mfcc
from oscine.functional.units import midi_to_hz
from oscine.models import Instrument

_HOP, _N_FFT, _N_MELS, _ORDER = 256, 1024, 128, 24
#: Two partials nearer than this are not told apart by a window of 64 ms.
_APART_HZ = 70.0
_STEADY_SEMITONES = 0.8


def listen(audio: Tensor | np.ndarray, instrument: Instrument) -> Features:
    """Return the features of a sound at an instrument's rate and on its frames."""
    return analyze(audio, instrument.sample_rate, instrument.hop_length)


def envelope_distance_db(one: np.ndarray, other: np.ndarray, sample_rate: int) -> float:
    """Return how far the average spectral envelopes of two sounds' notes are apart, in dB.

    The mel-cepstral distortion of the two means over frames with a confident pitch: what the sounds play does
    not count, nor how loud.
    """
    difference = _mean_cepstrum(one, sample_rate) - _mean_cepstrum(other, sample_rate)
    scale = 10 / math.log(10) * math.sqrt(2 * 2 / _N_MELS)
    return scale * float(difference[1:].square().sum().sqrt())


def _mean_cepstrum(audio: np.ndarray, sample_rate: int) -> Float[Tensor, " coefficient"]:
    signal = torch.from_numpy(to_analysis_rate(audio, sample_rate))
    features = analyze(signal, ANALYSIS_RATE, _HOP)
    cepstrum = mfcc(signal[None], ANALYSIS_RATE, _HOP, n_mfcc=_ORDER + 1, n_fft=_N_FFT, n_mels=_N_MELS)[0]
    # A level of 80 dB below a sine's is where the logarithm levels off, as in the metrics.
    return cepstrum[features.confidence >= CONFIDENT].double().mean(0)


def ringing_s(audio: np.ndarray | Tensor, sample_rate: int) -> tuple[float, int]:
    """Return the median time in which what was played falls by 60 dB, in s, and at how many places it shows.

    The places are falls of the level by 20 dB, and partials of a note that go on under the next one
    (`oscine.analysis.decay`).
    """
    signal = to_analysis_rate(audio, sample_rate)
    times = ringing_times(analyze(signal, ANALYSIS_RATE), signal)
    return (float(np.median(times)) if len(times) else math.nan), len(times)


def end_of_note(features: Features) -> int:
    """Return the frame from which the level falls furthest in 0.6 s: the last one of a note."""
    level_db, n = features.power_db, round(0.6 * features.frame_rate)
    first = int((level_db[:-n] - level_db[n:]).argmax())
    falling = level_db[first : first + n]
    return first + int(torch.nonzero(falling >= falling.max() - 3.0)[-1])


def left_behind_db(audio: Float[Tensor, " time"], features: Features) -> float:
    """Return how loud a note still is 0.15 s after the next one began, against 0.1 s before; median, dB.

    Only its partials count that are none of the next one's.

    Args:
        audio: The sound.
        features: Says which notes it plays.
    """
    levels = []
    for frame, old_hz, new_hz in _changes_of_note(features):
        partials_hz = old_hz * np.arange(1, 9)
        order = partials_hz / new_hz
        apart = np.abs(order - np.round(order)) * new_hz > _APART_HZ
        apart &= partials_hz < features.sample_rate / 4
        if apart.any():
            before, after = (
                _level_db(audio, frame / features.frame_rate + lag_s, partials_hz[apart], features)
                for lag_s in (-0.1, 0.15)
            )
            levels.append(after - before)
    return float(np.median(levels)) if levels else math.nan


def _changes_of_note(features: Features) -> list[tuple[int, float, float]]:
    """Return the frames at which one steady note follows another at once, and the pitches of both in Hz."""
    n_before, n_change, n_after = (round(s * features.frame_rate) for s in (0.14, 0.04, 0.2))
    midi, confident = features.midi, features.confidence >= VOICED
    changes: list[tuple[int, float, float]] = []
    frame = n_before
    while frame + n_after < features.n_frames:
        old, new = midi[frame - n_before : frame], midi[frame + n_change : frame + n_after]
        steady = all(float(note.max() - note.min()) < _STEADY_SEMITONES for note in (old, new))
        moved = float((old.median() - new.median()).abs()) > 2 * _STEADY_SEMITONES
        if steady and moved and bool(confident[frame - n_before : frame + n_after].all()):
            changes.append((frame, float(midi_to_hz(old.median())), float(midi_to_hz(new.median()))))
            frame += n_after
        else:
            frame += 1
    return changes


def _level_db(audio: Tensor, time_s: float, partials_hz: np.ndarray, features: Features) -> float:
    """Return the level of some partials around a moment, in dB, by a window of 64 ms."""
    n_fft = round(0.064 * features.sample_rate)
    start = round(time_s * features.sample_rate) - n_fft // 2
    window = audio[max(start, 0) : start + n_fft].double().numpy()
    power = np.abs(np.fft.rfft(window * np.hanning(len(window)), n_fft)) ** 2
    bins = np.round(partials_hz * n_fft / features.sample_rate).astype(int)[:, None] + np.arange(-1, 2)
    return float(10 * np.log10(power[bins.ravel()].sum() + 1e-12))


def wet_to_dry_db(taps: Float[Tensor, " tap"]) -> float:
    """Return the energy of a response's reverberation over that of its direct sound, in dB."""
    return 10 * math.log10(max(float(taps[1:].double().square().sum()), 1e-30))
