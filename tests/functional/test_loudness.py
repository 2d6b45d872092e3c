"""Loudness against its published formulas, librosa's A-weighting, and what a sine must read."""

import math

import librosa
import numpy as np
import pytest
import soxr
import torch

from oscine.functional.framing import frame_centers, frames_at
from oscine.functional.loudness import a_weighting_db, loudness_db, paper_loudness_db, rms_power_db


def sine(f_hz, amplitude=1.0, n_samples=16000, dtype=torch.float32):
    return (
        amplitude * torch.sin(2 * math.pi * f_hz / 16000 * torch.arange(n_samples, dtype=torch.float64))
    ).to(dtype)


CENTERS = torch.arange(4000, 12000, 64)


def test_a_weighting_is_librosas():
    frequency_hz = np.concatenate([[0.0], np.geomspace(1.0, 96000.0, 500)])
    ours = a_weighting_db(torch.from_numpy(frequency_hz)).numpy()
    with np.errstate(divide="ignore"):
        theirs = librosa.A_weighting(frequency_hz)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    single = a_weighting_db(torch.from_numpy(frequency_hz).float())
    np.testing.assert_allclose(single.numpy(), theirs, atol=2e-3)


def test_a_full_scale_sine_of_1_khz_reads_19_8_db():
    torch.testing.assert_close(loudness_db(sine(1000), CENTERS), torch.full((125,), 19.81), atol=0.02, rtol=0)


@pytest.mark.parametrize("f_hz", [100.0, 440.0, 2500.0, 6000.0])
def test_a_sine_is_louder_by_its_weighting(f_hz):
    difference = loudness_db(sine(f_hz), CENTERS) - loudness_db(sine(1000), CENTERS)
    expected = float(librosa.A_weighting(f_hz))
    # At 100 Hz the curve bends inside the window's main lobe of 125 Hz.
    torch.testing.assert_close(
        difference.mean(), torch.tensor(expected), atol=2.0 if f_hz < 200 else 0.15, rtol=0
    )


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_a_sound_is_as_loud_at_any_rate(rate):
    """Up to 8 kHz: what is above is not heard, and what a lower rate lacks is silent."""
    low_hz = rate < 16_000
    random = np.random.default_rng(0)
    source = random.normal(size=96_000) * 0.1
    spectrum = np.fft.rfft(source)
    spectrum[np.fft.rfftfreq(96_000, 1 / 48_000) > (3_500 if low_hz else 7_000)] = 0
    source = np.fft.irfft(spectrum)
    heard = []
    for one in (16_000, rate):
        audio = torch.from_numpy(soxr.resample(source, 48_000, one, "VHQ"))[None]
        centers = frame_centers(60, one // 50, one, one)[20:]
        heard.append(torch.stack([loudness_db(audio, centers, one), paper_loudness_db(audio, centers, one)]))
    assert torch.allclose(heard[0].mean(-1), heard[1].mean(-1), atol=0.1)


def test_halving_the_amplitude_takes_off_6_db_in_every_definition():
    for function in (loudness_db, rms_power_db):
        step = function(sine(700), CENTERS) - function(sine(700, 0.5), CENTERS)
        torch.testing.assert_close(step, torch.full_like(step, 20 * math.log10(2)), atol=1e-3, rtol=0)
    noise = torch.randn(16000)
    step = paper_loudness_db(noise, CENTERS) - paper_loudness_db(noise / 2, CENTERS)
    torch.testing.assert_close(step, torch.full_like(step, 20 * math.log10(2)), atol=1e-3, rtol=0)


def test_silence_is_the_floor():
    silence = torch.zeros(2, 5000)
    assert torch.equal(loudness_db(silence, CENTERS[:10]), torch.full((2, 10), -80.0))
    assert torch.equal(rms_power_db(silence, CENTERS[:10]), torch.full((2, 10), -80.0))
    assert torch.equal(paper_loudness_db(silence, CENTERS[:10]), torch.full((2, 10), -120.0))


def test_power_of_a_sine_and_of_a_constant():
    torch.testing.assert_close(
        rms_power_db(sine(1000), CENTERS).mean(), torch.tensor(-3.0103), atol=1e-3, rtol=0
    )
    assert rms_power_db(torch.ones(4000), torch.tensor([2000])).item() == pytest.approx(0.0, abs=1e-5)


def oracle_frames(audio, centers, n_fft):
    padded = np.pad(audio.numpy().astype(np.float64), n_fft)
    return np.stack([padded[c + n_fft - n_fft // 2 :][:n_fft] for c in centers.tolist()])


def test_both_definitions_against_the_public_formulas_in_numpy():
    audio = torch.randn(8000) * torch.linspace(0, 1, 8000) ** 4
    centers = torch.arange(64, 8001, 640)
    for n_fft in (512, 2048):
        window = np.hanning(n_fft + 1)[:-1]
        magnitude = np.abs(np.fft.rfft(oracle_frames(audio, centers, n_fft) * window))
        with np.errstate(divide="ignore"):
            weighting = librosa.A_weighting(librosa.fft_frequencies(sr=16000, n_fft=n_fft))
        later = np.maximum(10 * np.log10(np.mean(magnitude**2 * 10 ** (weighting / 10), -1) + 1e-20), -80)
        paper = np.mean(np.maximum(20 * np.log10(magnitude + 1e-20) + weighting - 20.7, -120), -1)
        np.testing.assert_allclose(loudness_db(audio, centers, n_fft=n_fft).numpy(), later, atol=2e-3)
        np.testing.assert_allclose(paper_loudness_db(audio, centers, n_fft=n_fft).numpy(), paper, atol=2e-3)


def test_loudness_is_differentiable():
    audio = torch.randn(700, dtype=torch.float64).requires_grad_()
    centers = torch.tensor([100, 350, 690])
    for function in (
        lambda x: loudness_db(x, centers, n_fft=64),
        lambda x: paper_loudness_db(x, centers, n_fft=64),
        lambda x: rms_power_db(x, centers, 100),
    ):
        assert torch.autograd.gradcheck(function, (audio,))


def test_the_gradient_of_silence_is_finite():
    audio = torch.zeros(3000, requires_grad=True)
    centers = torch.arange(0, 3000, 500)
    (
        loudness_db(audio, centers) + paper_loudness_db(audio, centers) + rms_power_db(audio, centers)
    ).sum().backward()
    assert audio.grad is not None
    assert audio.grad.isfinite().all()


def test_a_frame_describes_its_end():
    assert frame_centers(3, 64, 16000, 16000).tolist() == [64, 128, 192]
    # 250 frames a second at 44.1 kHz would drift; the integer hop does not.
    centers = frame_centers(1_000_000, 176, 44100, 16000)
    assert int(centers[-1]) == round(1_000_000 * 176 * 16000 / 44100)
    click = torch.zeros(1000)
    click[128] = 1.0
    level = rms_power_db(click, frame_centers(4, 64, 16000, 16000), 3)
    assert level.tolist() == pytest.approx([-80, 10 * math.log10(1 / 3), -80, -80], abs=1e-3)


def test_windows_reach_over_both_ends_into_silence():
    audio = torch.arange(1.0, 6.0)
    assert frames_at(audio, torch.tensor([0, 2, 5, 100]), 4).tolist() == [
        [0, 0, 1, 2],
        [1, 2, 3, 4],
        [4, 5, 0, 0],
        [0, 0, 0, 0],
    ]
