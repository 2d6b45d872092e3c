"""The refinement alone, from guesses that are known to be wrong by a known amount."""

import numpy as np
import pytest
from tests.analysis.tones import vibrato_tone

from oscine.analysis.pitch.refine import refine_f0

CENTERS = np.arange(3200, 28800, 64)


def cents(a, b):
    return 1200 * np.log2(a / b)


@pytest.mark.parametrize("f0_hz", [60.0, 82.4, 110.0, 196.0, 440.0, 987.8, 2000.0])
def test_vibrato_is_followed_from_a_guess_20_cents_off(f0_hz):
    tone, pitch = vibrato_tone(f0_hz)
    truth = pitch(CENTERS / 16000)
    guess = truth * 2 ** (np.random.default_rng(1).uniform(-20, 20, len(truth)) / 1200)
    refined, trust = refine_f0(tone.astype(np.float32), 16000, CENTERS, guess)
    error = np.abs(cents(refined, truth))
    # Three periods of 60 Hz are 50 ms, a third of the vibrato's: there the window itself rounds the tops off.
    assert np.median(error) < (2.5 if f0_hz < 90 else 1.0)
    assert np.percentile(error, 99) < (6.0 if f0_hz < 90 else 3.0)
    assert trust.min() > 0.5


@pytest.mark.parametrize("f0_hz", [110.0, 440.0, 1500.0])
def test_nothing_is_late(f0_hz):
    """The lag is the slope of the error over the pitch's own slope."""
    tone, pitch = vibrato_tone(f0_hz)
    truth = pitch(CENTERS / 16000)
    refined, _ = refine_f0(tone.astype(np.float32), 16000, CENTERS, np.full(len(truth), f0_hz))
    slope = np.gradient(cents(truth, f0_hz), CENTERS / 16000)
    lag_s = -np.dot(cents(refined, truth), slope) / np.dot(slope, slope)
    assert abs(lag_s) < 0.0002


@pytest.mark.parametrize("offset", [-60.0, 60.0])
def test_a_guess_60_cents_off_is_drawn_to_the_tone(offset):
    tone, _ = vibrato_tone(330.0, cents=0.0)
    guess = np.full(len(CENTERS), 330.0 * 2 ** (offset / 1200))
    refined, _ = refine_f0(tone.astype(np.float32), 16000, CENTERS, guess)
    assert np.abs(cents(refined, 330.0)).max() < 1.0


def test_a_pure_tone_is_exact():
    for f0_hz in (60.0, 100.0, 220.0, 441.7, 1000.0, 2000.0):
        tone = np.sin(2 * np.pi * f0_hz * np.arange(32000) / 16000 + 1).astype(np.float32)
        refined, _ = refine_f0(tone, 16000, CENTERS, np.full(len(CENTERS), 1.003 * f0_hz))
        assert np.abs(cents(refined, f0_hz)).max() < 0.5


def test_noise_never_leads_further_than_a_semitone():
    noise = np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    guess = np.full(len(CENTERS), 300.0)
    refined, trust = refine_f0(noise, 16000, CENTERS, guess)
    assert np.abs(cents(refined, guess)).max() <= 100.0 + 1e-6
    assert trust.min() < 0.1


def test_a_tone_in_noise_of_a_tenth_of_its_power():
    tone, pitch = vibrato_tone(440.0)
    noise = np.random.default_rng(0).standard_normal(len(tone)) * np.sqrt(np.mean(tone**2) / 10)
    truth = pitch(CENTERS / 16000)
    refined, _ = refine_f0((tone + noise).astype(np.float32), 16000, CENTERS, truth * 2 ** (10 / 1200))
    assert np.median(np.abs(cents(refined, truth))) < 1.5


def test_a_missing_fundamental_is_no_obstacle():
    time_s = np.arange(32000) / 16000
    tone = sum(np.sin(2 * np.pi * 200.0 * k * time_s + k) for k in (3, 4, 5, 6, 7))
    refined, _ = refine_f0(np.asarray(tone, np.float32), 16000, CENTERS, np.full(len(CENTERS), 202.0))
    assert np.abs(cents(refined, 200.0)).max() < 1.0


def test_ends_and_emptiness():
    refined, trust = refine_f0(
        np.zeros(1, np.float32), 16000, np.array([0, 1, 64]), np.array([50.0, 440.0, 2000.0])
    )
    np.testing.assert_allclose(refined, [50.0, 440.0, 2000.0])
    assert trust.shape == (3,)
    assert refine_f0(np.zeros(9, np.float32), 16000, np.zeros(0, int), np.zeros(0))[0].shape == (0,)
