"""The baselines: harmonics measured where they are known, averages that are averages."""

import math

import pytest
import torch

from oscine.analysis import Features
from oscine.evaluation.baselines import MeanControl, harmonic_ceiling, heterodyne
from oscine.functional.harmonic import harmonic_oscillator
from oscine.models import Instrument, load_recipe
from oscine.streaming import Stream


def features(f0_hz, loudness_db, sample_rate, hop_length):
    ones = torch.ones(len(f0_hz))
    return Features(f0_hz, ones, loudness_db, loudness_db, sample_rate, hop_length)


@pytest.mark.parametrize(("sample_rate", "hop_length"), [(16000, 64), (44100, 176)])
def test_harmonics_are_measured_as_they_were_played(sample_rate, hop_length):
    # A vibrato of half a semitone at 5.5 Hz, amplitudes that move at 2 Hz, and partials beyond Nyquist.
    n_frames = 500
    time_s = (torch.arange(n_frames) + 1) * hop_length / sample_rate
    f0_hz = 700.0 * torch.exp2(0.5 / 12 * torch.sin(2 * math.pi * 5.5 * time_s))
    weights = 1.0 / torch.arange(1, 21) * (1 + 0.3 * torch.sin(2 * math.pi * 2 * time_s))[:, None]
    played = weights / weights.sum(-1, keepdim=True) * 0.5
    total, distribution = torch.full((1, n_frames), 0.5), weights[None]
    audio = harmonic_oscillator(
        f0_hz[None], total, distribution, sample_rate=sample_rate, hop_length=hop_length
    )[0]
    sound = features(f0_hz, torch.full((n_frames,), -20.0), sample_rate, hop_length)
    measured = heterodyne(audio, sound, 20)
    audible = f0_hz[:, None] * torch.arange(1, 21) < sample_rate / 2
    played = weights * audible
    played = 0.5 * played / played.sum(-1, keepdim=True)
    inner = slice(20, -20)
    n_steady = min(20, int(sample_rate / 2 / 730))
    error = (measured[inner, :n_steady] - played[inner, :n_steady]).abs()
    assert float((error / played[inner, :n_steady]).max()) < 0.06
    assert torch.count_nonzero(measured[~audible[:, : measured.shape[1]]]) == 0

    again = harmonic_ceiling(audio, sound)
    assert again.shape == audio.shape
    assert float(again[3200:-3200].square().mean() / audio[3200:-3200].square().mean()) == pytest.approx(
        1, abs=0.05
    )


def test_the_ceiling_holds_no_noise():
    n_frames = 400
    sound = features(torch.full((n_frames,), 500.0), torch.full((n_frames,), -20.0), 16000, 64)
    samples = torch.arange(n_frames * 64)
    tone = 0.4 * torch.sin(2 * math.pi * 500 / 16000 * samples)
    ceiling = harmonic_ceiling(tone + 0.05 * torch.randn(len(tone)), sound)
    spectrum = torch.fft.rfft(ceiling[4000:20000] * torch.hann_window(16000)).abs()
    between = spectrum[700:801].square().mean() / spectrum[500].square()
    assert 10 * math.log10(float(between)) < -80
    assert float(ceiling[4000:20000].abs().max()) == pytest.approx(0.4, rel=0.2)


def test_the_mean_control_has_the_instruments_mean_controls():
    recipe = load_recipe("tiny", {"instrument.sample_rate": 16000, "instrument.hop_length": 64})
    instrument = Instrument(recipe.instrument)
    f0_hz = 300.0 + 200.0 * torch.rand(120)
    loudness_db = -40.0 + 20.0 * torch.rand(120)
    sounds = [
        features(f0_hz[:70], loudness_db[:70], 16000, 64),
        features(f0_hz[70:], loudness_db[70:], 16000, 64),
    ]
    pieces = [{"f0_hz": one.f0_hz[None], "loudness_db": one.loudness_db[None]} for one in sounds]
    control = MeanControl(instrument, [(piece, piece["loudness_db"]) for piece in pieces])

    level = 10 ** (loudness_db / 20)
    amplitude, noise = torch.zeros(()), torch.zeros(65)
    with torch.no_grad():
        for piece in pieces:
            controls, _ = instrument.control(piece)
            amplitude = amplitude + controls["harmonic.amplitude"].sum() / level.sum()
            noise = noise + controls["noise.magnitudes"][0].sum(0) / level.sum()
    torch.testing.assert_close(control.means["harmonic.amplitude"], amplitude)
    torch.testing.assert_close(control.means["noise.magnitudes"], noise)
    assert float(control.means["harmonic.harmonic_distribution"].sum()) == pytest.approx(1.0)

    # Its loudness follows: 20 dB more in, 20 dB more out, and streaming is the whole.
    audio = []
    for gain_db in (0.0, 20.0):
        stream = Stream(control)
        blocks = [
            stream.push(f0_hz=f0_hz[None, a : a + 40], loudness_db=loudness_db[None, a : a + 40] + gain_db)
            for a in (0, 40, 80)
        ]
        audio.append(torch.cat(blocks, dim=-1))
    torch.testing.assert_close(audio[1], 10 * audio[0], rtol=1e-3, atol=1e-5)
    with torch.no_grad():
        whole = control(f0_hz=f0_hz[None], loudness_db=loudness_db[None])
    torch.testing.assert_close(whole, audio[0], rtol=1e-3, atol=1e-5)
