"""YIN against known pitches, and its difference function against the sum that it stands for."""

import numpy as np
import pytest
from tests.analysis.tones import vibrato_tone

from oscine.analysis.pitch.yin import FRAME_LENGTH, THRESHOLD, difference_functions, dips, lag_hz, yin_pitch

CENTERS = np.arange(2000, 14000, 64)


def cents(a, b):
    return 1200 * np.log2(np.asarray(a) / np.asarray(b))


def harmonics(f0_hz, first=1, seconds=1.0):
    time_s = np.arange(round(seconds * 16000)) / 16000
    phase = np.random.default_rng(0).uniform(size=200)
    partials = range(first, max(first + 1, int(7500 / f0_hz) + 1))
    tone = sum(np.sin(2 * np.pi * (k * f0_hz * time_s + phase[k])) / k for k in partials)
    return 0.4 * tone / np.abs(tone).max()


@pytest.mark.parametrize("f0_hz", [50.0, 98.0, 220.0, 440.0, 1046.5, 2080.0])
def test_pitch_of_steady_tones(f0_hz):
    sine = 0.1 * np.sin(2 * np.pi * f0_hz * np.arange(16000) / 16000)
    for tone in (sine, harmonics(f0_hz)):
        found_hz, confidence = yin_pitch(tone, CENTERS)
        assert np.abs(cents(found_hz, f0_hz)).max() < 1.0
        assert confidence.min() > 0.99


@pytest.mark.parametrize("f0_hz", [80.0, 220.0, 700.0])
def test_a_missing_fundamental_is_heard(f0_hz):
    found_hz, confidence = yin_pitch(harmonics(f0_hz, first=2), CENTERS)
    assert np.abs(cents(found_hz, f0_hz)).max() < 1.0
    assert confidence.min() > 0.99


@pytest.mark.parametrize("f0_hz", [110.0, 440.0, 1200.0])
def test_vibrato_is_followed_and_not_late(f0_hz):
    tone, pitch = vibrato_tone(f0_hz)
    centers = np.arange(3000, 29000, 64)
    found_hz, confidence = yin_pitch(tone, centers)
    error = cents(found_hz, pitch(centers / 16000))
    assert np.abs(error).max() < 8.0  # of ±50: what a window of 64 ms rounds off
    assert confidence.min() > 0.85
    shifts = range(-80, 81, 10)
    errors = [np.std(cents(found_hz, pitch((centers + shift) / 16000))) for shift in shifts]
    assert abs(shifts[int(np.argmin(errors))]) <= 10  # less than a millisecond


def test_noise_and_silence_have_no_pitch():
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000)
    assert yin_pitch(noise, CENTERS)[1].max() < 0.4
    for silence in (np.zeros(16000), np.full(16000, 1e-7), np.zeros(1)):
        found_hz, confidence = yin_pitch(silence, CENTERS)
        assert confidence.max() < 1e-3
        assert np.isfinite(found_hz).all()


def test_instants_near_and_beyond_the_ends_are_finite():
    found_hz, confidence = yin_pitch(harmonics(300.0), np.array([0, 15999, 16000, 40000]))
    assert np.isfinite(found_hz).all()
    assert np.isfinite(confidence).all()
    assert yin_pitch(harmonics(300.0), np.zeros(0, dtype=np.int64))[0].shape == (0,)


def test_the_difference_function_is_the_sum_that_it_stands_for():
    audio = np.random.default_rng(1).standard_normal(3000)
    audio = np.convolve(audio, np.hanning(9), "same")
    ((_, found),) = difference_functions(audio, np.array([1500]))
    window = np.hanning(FRAME_LENGTH + 1)[:-1]
    frame = audio[1500 - FRAME_LENGTH // 2 : 1500 + FRAME_LENGTH // 2]
    whole_lags = np.arange(1, 341)
    sums = np.empty(len(whole_lags))
    for row, lag in enumerate(whole_lags):
        pair = window[:-lag] * window[lag:]
        sums[row] = np.sum(pair * (frame[:-lag] - frame[lag:]) ** 2) / pair.sum()
    # The mean over quarters of a sample comes from the same sums, to the accuracy of the trapezoid.
    mean = np.array([np.trapezoid(np.r_[0, sums[:lag]], dx=1.0) / lag for lag in whole_lags])
    lag = 16000 / lag_hz(np.arange(found.shape[1]).astype(float))
    at_whole = np.interp(whole_lags[7:], lag, found[0])
    np.testing.assert_allclose(at_whole[10:], (sums / mean)[17:], rtol=0.02)
    scale = at_whole / sums[7:]
    assert np.all(np.abs(np.diff(np.log(scale[20:]))) < 0.01)  # the same sums, over a mean that moves slowly


def test_the_first_dip_below_the_threshold_is_taken():
    """An octave below, the dip is as deep or deeper: with a weak subharmonic YIN stays with the note."""
    tone = harmonics(440.0) + 0.02 * np.sin(2 * np.pi * 220 * np.arange(16000) / 16000)
    ((_, difference),) = difference_functions(tone, np.array([8000]))
    dip, _, depth = dips(difference)
    deep = np.flatnonzero(dip[0] & (depth[0] < THRESHOLD))
    assert depth[0, deep].argmin() > 0
    assert abs(cents(yin_pitch(tone, np.array([8000]))[0], 440.0)[0]) < 3.0
