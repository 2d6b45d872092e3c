"""pYIN against known pitches, its parts against their definitions, and the whole against librosa's."""

from itertools import product

import librosa
import numpy as np
import pytest
import scipy.stats
import soundfile
import soxr
from tests.analysis.tones import vibrato_tone

from oscine import recordings
from oscine.analysis.pitch.pyin import HOP, _beta_cdf, dip_probabilities, most_likely_path, pyin_pitch
from oscine.analysis.pitch.yin import yin_pitch

from .test_yin import cents, harmonics


@pytest.mark.parametrize("f0_hz", [50.0, 220.0, 1046.5, 2080.0])
def test_pitch_of_steady_tones(f0_hz):
    for first in (1, 2) if f0_hz < 1000 else (1,):
        found_hz, confidence = pyin_pitch(harmonics(f0_hz, first))
        assert np.abs(cents(found_hz, f0_hz))[10:-10].max() < 1.0
        assert confidence[10:-10].min() > 0.95


def test_vibrato_is_followed():
    tone, pitch = vibrato_tone(440.0)
    found_hz, confidence = pyin_pitch(tone)
    error = cents(found_hz, pitch(np.arange(len(found_hz)) * HOP / 16000))
    assert np.abs(error[40:-40]).max() < 8.0
    assert confidence[40:-40].min() > 0.9


def test_noise_and_silence_have_no_pitch():
    noise = 0.1 * np.random.default_rng(0).standard_normal(32000)
    assert (pyin_pitch(noise)[1] >= 0.5).mean() < 0.01
    found_hz, confidence = pyin_pitch(np.zeros(4000))
    assert confidence.max() < 0.1
    assert np.isfinite(found_hz).all()


def test_a_lone_octave_error_is_decoded_away():
    """A stretch of 30 ms in which every other period is louder: YIN falls an octave, the path does not."""
    tone = harmonics(400.0)
    tone[8000:8480] *= 1.0 + 0.9 * np.sign(np.sin(2 * np.pi * 200 * np.arange(480) / 16000))
    assert yin_pitch(tone, np.array([8256]))[0][0] < 210.0
    found_hz, _ = pyin_pitch(tone)
    assert np.abs(cents(found_hz, 400.0))[10:-10].max() < 10.0


def test_the_probabilities_are_those_of_yin_with_every_threshold():
    np.testing.assert_allclose(
        _beta_cdf(np.linspace(0, 1, 101)), scipy.stats.beta.cdf(np.linspace(0, 1, 101), 2, 18), atol=1e-12
    )
    random = np.random.default_rng(0)
    depth, dip = random.uniform(0, 0.4, (20, 30)), random.uniform(size=(20, 30)) < 0.3
    dip[3] = False
    thresholds = (np.arange(20000) + 0.5) / 20000
    weight = np.diff(scipy.stats.beta.cdf(np.linspace(0, 1, 20001), 2, 18))
    wanted = np.zeros((20, 30))
    for row in np.flatnonzero(dip.any(1)):
        lags = np.flatnonzero(dip[row])
        below = depth[row, lags] < thresholds[:, None]
        first = np.where(below.any(1), below.argmax(1), depth[row, lags].argmin())
        np.add.at(wanted[row], lags[first], weight * np.where(below.any(1), 1.0, 0.01))
    np.testing.assert_allclose(dip_probabilities(dip, depth), wanted, atol=1e-3)


def test_the_path_is_the_likeliest_of_all():
    random = np.random.default_rng(0)
    for _ in range(5):
        observed = random.dirichlet([0.3] * 4, 4)[:, :3]
        path, voiced = most_likely_path(observed)
        likelihood = {
            states: _log_likelihood(observed, states)
            for states in product(product(range(3), (True, False)), repeat=4)
        }
        best = max(likelihood, key=lambda states: likelihood[states])
        found = tuple(zip(path.tolist(), voiced.tolist(), strict=True))
        # The unvoiced states of a step are equally likely, so the bins there may differ, the likelihood not.
        assert likelihood[found] == pytest.approx(likelihood[best])


def _log_likelihood(observed, states):
    reach = 17
    triangle = reach + 1 - np.abs(np.arange(-reach, reach + 1))
    total = 0.0
    for step, (place, voiced) in enumerate(states):
        seen = observed[step, place] if voiced else (1 - observed[step].sum()) / (2 * reach + 1)
        total += np.log(seen + 1e-12)
        if step:
            before, was_voiced = states[step - 1]
            total += np.log((reach + 1 - abs(place - before)) / triangle.sum())
            total += np.log(0.99 if voiced == was_voiced else 0.01)
    return total


@pytest.mark.parametrize("name", ["singing", "trumpet"])
def test_it_agrees_with_librosa(name):
    audio, sample_rate = soundfile.read(recordings.path(name))
    audio = soxr.resample(audio[: 4 * sample_rate], sample_rate, 16000)
    found_hz, confidence = pyin_pitch(audio)
    theirs_hz, theirs_voiced, _ = librosa.pyin(
        audio, fmin=60, fmax=1600, sr=16000, frame_length=1024, hop_length=4 * HOP, fill_na=None
    )
    n_steps = min(len(theirs_hz), len(found_hz) // 4)
    ours_hz, ours_voiced = found_hz[::4][:n_steps], confidence[::4][:n_steps] >= 0.5
    theirs_hz, theirs_voiced = theirs_hz[:n_steps], theirs_voiced[:n_steps]
    both = ours_voiced & theirs_voiced
    assert both.mean() > 0.5
    distance = np.abs(cents(ours_hz[both], theirs_hz[both]))
    assert np.median(distance) < 6.0  # theirs is the middle of a bin of 10 cents
    assert (distance < 50).mean() > 0.95
    assert (ours_voiced == theirs_voiced).mean() > 0.9
