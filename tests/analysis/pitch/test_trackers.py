"""The trackers through the one interface: what each must do with tones, silence and blocks."""

import numpy as np
import pytest
import torch
from tests.analysis.tones import vibrato_tone

from oscine.analysis import TRACKERS, VOICED, F0Curve, Features, analyze, analyze_blocks
from oscine.analysis.pitch.trackers import tracker_named
from oscine.errors import InputError

# Worst and median error in cents on a tone with vibrato; CREPE's bins are 20 cents wide.
LIMITS = {
    "swift-f0": (8.0, 2.0),
    "crepe": (25.0, 8.0),
    "yin": (8.0, 3.0),
    "pyin": (8.0, 3.0),
    "live": (15.0, 6.0),
}


def cents(a, b):
    return np.asarray(1200 * np.log2(np.asarray(a, dtype=np.float64) / np.asarray(b)))


@pytest.mark.parametrize("name", TRACKERS)
@pytest.mark.parametrize(("f0_hz", "sample_rate"), [(110.0, 16000), (440.0, 44100), (1000.0, 16000)])
def test_every_tracker_hears_a_tone(name, f0_hz, sample_rate):
    tone, pitch = vibrato_tone(f0_hz, cents=30.0, seconds=1.0, sample_rate=sample_rate)
    features = analyze(tone, sample_rate, tracker=name)
    time_s = features.time_s.numpy()
    inside = (time_s > 0.1) & (time_s < 0.9)
    error = np.abs(cents(features.f0_hz.numpy(), pitch(time_s)))[inside]
    assert features.confidence.numpy()[inside].min() >= VOICED
    assert error.max() < LIMITS[name][0]
    assert np.median(error) < LIMITS[name][1]


@pytest.mark.parametrize("name", TRACKERS)
def test_silence_and_noise_are_unvoiced(name):
    assert (analyze(np.zeros(16000), 16000, tracker=name).confidence < VOICED).all()
    noise = 0.1 * np.random.default_rng(0).standard_normal(32000)
    assert (analyze(noise, 16000, tracker=name).confidence < VOICED).float().mean() > 0.98


@pytest.mark.parametrize("name", ["crepe", "yin", "pyin", "live"])
def test_blocks_change_nothing_and_stretches_leave_no_seam(name):
    """Five seconds are two stretches, each decoded by itself with what lies 256 ms around it."""
    tone, pitch = vibrato_tone(300.0, seconds=5.0)
    audio = tone.astype(np.float32)
    whole = analyze(audio, 16000, tracker=name)
    blocks = (audio[start : start + 9973] for start in range(0, len(audio), 9973))
    parts = list(analyze_blocks(blocks, 16000, tracker=name, n_threads=2))
    assert len(parts) == 2
    again = Features.concatenate(parts)
    assert torch.equal(whole.f0_hz, again.f0_hz)
    assert torch.equal(whole.confidence, again.confidence)
    error = cents(whole.f0_hz.numpy(), pitch(whole.time_s.numpy()))
    assert np.abs(error[1024 - 50 : 1024 + 50]).max() < 15.0


@pytest.mark.parametrize("name", TRACKERS)
@pytest.mark.parametrize(("n_samples", "hop_length"), [(1, 64), (300, 1), (3000, 16000)])
def test_any_length_and_hop(name, n_samples, hop_length):
    features = analyze(vibrato_tone(500.0, seconds=0.2)[0][:n_samples], 16000, hop_length, tracker=name)
    assert features.n_frames == -(-n_samples // hop_length)
    assert features.f0_hz.isfinite().all()
    assert features.confidence.isfinite().all()


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(InputError, match="'praat'; choose one of swift-f0, crepe, yin, pyin, live"):
        tracker_named("praat")
    with pytest.raises(InputError, match="choose one of"):
        analyze(np.zeros(100), 16000, tracker="praat")


def test_a_known_pitch_takes_the_trackers_place():
    tone, _ = vibrato_tone(440.0, seconds=5.0)
    times = np.arange(0, 5.1, 0.1)
    f0_hz = np.where((times > 0.95) & (times < 4.55), 200.0 * 2 ** (times / 5), 0.0)
    curve = F0Curve(times, f0_hz, (f0_hz > 0).astype(float), True)
    known, heard = analyze(tone, 16000, tracker=curve), analyze(tone, 16000)
    inside = (known.time_s > 1.0) & (known.time_s < 4.5)
    wanted = 200.0 * 2 ** (known.time_s.numpy() / 5)
    assert np.abs(cents(known.f0_hz, wanted))[inside].max() < 0.01
    assert torch.equal(known.confidence, ((known.time_s > 0.951) & (known.time_s < 4.549)).float())
    assert (known.f0_hz[:200] == known.f0_hz[300 - 62]).all()  # held before the first voiced frame, as ever
    assert torch.equal(known.loudness_db, heard.loudness_db)
    assert torch.equal(known.power_db, heard.power_db)
