"""Metrics on pairs whose distance is known beforehand."""

import math

import librosa
import numpy as np
import pytest
import torch

from oscine.analysis import Features, analyze, paper_loudness
from oscine.errors import InputError
from oscine.evaluation import (
    f0_l1,
    f0_lost,
    f0_median,
    f0_outliers,
    f0_unsure,
    loudness_l1,
    mcd,
    multi_scale_spectral,
)
from oscine.evaluation.metrics import mcd_per_frame
from oscine.losses import default_fft_sizes, multi_scale_spectral_loss

RATE = 16000


def features(midi, confidence=None):
    midi = torch.as_tensor(midi, dtype=torch.float32)
    confidence = torch.ones(len(midi)) if confidence is None else torch.as_tensor(confidence)
    flat = torch.full((len(midi),), -20.0)
    return Features(440.0 * 2.0 ** ((midi - 69.0) / 12.0), confidence, flat, flat, RATE, 64)


def tone(f0_hz, n_samples=RATE, gain=0.3):
    phase = 2 * math.pi * torch.cumsum(torch.full((n_samples,), f0_hz, dtype=torch.float64), 0) / RATE
    return gain * torch.stack([torch.sin(k * phase) / k for k in range(1, 8)]).sum(0).float()


def test_a_shift_in_semitones_is_the_l1():
    target = features(torch.linspace(50, 80, 400))
    shifted = features(torch.linspace(50, 80, 400) + 0.3)
    assert f0_l1(shifted, target) == pytest.approx(0.3, abs=1e-5)
    assert f0_median(shifted, target) == pytest.approx(0.3, abs=1e-5)
    assert f0_outliers(shifted, target) == 0.0
    assert f0_l1(target, target) == 0.0


def test_a_jump_on_a_tenth_of_the_frames_is_an_outlier_and_not_in_the_mean():
    midi = torch.full((200,), 60.0)
    jumped = midi + 0.1
    jumped[::10] += 13.0
    assert f0_outliers(features(jumped), features(midi)) == pytest.approx(0.10)
    assert f0_lost(features(jumped), features(midi)) == pytest.approx(0.10)
    assert f0_l1(features(jumped), features(midi)) == pytest.approx(0.1, abs=1e-5)
    assert f0_median(features(jumped), features(midi)) == pytest.approx(0.1, abs=1e-5)


def test_twelve_semitones_are_still_a_difference():
    midi = torch.full((4,), 57.0)
    assert f0_outliers(features(midi + torch.tensor([0.0, 11.9, 12.1, -12.1])), features(midi)) == 0.5


def test_an_output_without_confident_pitch_is_unsure_and_its_pitch_still_counts():
    midi = torch.full((100,), 60.0)
    confidence = torch.ones(100)
    confidence[:25] = 0.84
    confidence[:5] = 0.49
    output = features(midi + 0.5, confidence)
    assert f0_unsure(output, features(midi)) == pytest.approx(0.25)
    assert f0_lost(output, features(midi)) == pytest.approx(0.05)
    assert f0_outliers(output, features(midi)) == 0.0
    assert f0_l1(output, features(midi)) == pytest.approx(0.5)


def test_frames_in_which_the_target_is_not_confident_do_not_count():
    midi = torch.full((100,), 60.0)
    wrong = midi.clone()
    wrong[50:] += 7.0
    confidence = torch.ones(100)
    confidence[50:] = 0.84
    target = features(midi, confidence)
    assert f0_l1(features(wrong), target) == 0.0
    assert f0_outliers(features(wrong), target) == 0.0
    # Exactly 0.85 counts.
    confidence[50:] = 0.85
    assert f0_l1(features(wrong), features(midi, confidence)) == pytest.approx(3.5)


def test_nothing_to_count_is_none_and_not_zero():
    target = features(torch.full((10,), 60.0), torch.zeros(10))
    for metric in (f0_l1, f0_outliers, f0_lost, f0_unsure, f0_median):
        assert metric(target, target) is None
    assert f0_l1(features(torch.full((10,), 80.0)), features(torch.full((10,), 60.0))) is None
    with pytest.raises(InputError, match="one length"):
        f0_l1(features([60.0]), target)


def test_through_the_tracker_a_real_shift_is_measured():
    target, output = (analyze(tone(f), RATE) for f in (330.0, 330.0 * 2 ** (0.5 / 12)))
    assert f0_l1(output, target) == pytest.approx(0.5, abs=0.03)
    assert f0_median(output, target) == pytest.approx(0.5, abs=0.03)
    outliers = f0_outliers(output, target)
    assert outliers is not None
    assert outliers < 0.02


def test_three_decibels_are_three():
    audio = tone(220.0) + 0.01 * torch.randn(RATE)
    louder = audio * 10 ** (3 / 20)
    assert loudness_l1(paper_loudness(louder, RATE), paper_loudness(audio, RATE)) == pytest.approx(
        3.0, abs=1e-3
    )


def test_the_spectral_metric_is_the_loss_at_the_rate():
    target, output = torch.randn(2, 9000)
    expected = multi_scale_spectral_loss(output, target, fft_sizes=default_fft_sizes(44100))
    assert multi_scale_spectral(output, target, 44100) == pytest.approx(float(expected))
    assert multi_scale_spectral(target, target, 44100) == 0.0


def test_mcd_is_the_textbook_sum_over_an_independent_cepstrum():
    target, output = 0.1 * torch.randn(2, RATE)
    output = output + 0.5 * torch.roll(output, 1)
    cepstra = []
    for audio in (target, output):
        # Frame t is centred on (t + 1) · hop: librosa's frames 1, 2, …
        power = np.abs(librosa.stft(audio.numpy(), n_fft=1024, hop_length=256, pad_mode="constant")) ** 2
        bank = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=128, fmin=20, fmax=8000, htk=True, norm=None)
        log = np.log(bank @ np.sqrt(power) + 1e-4 * 256)
        cosines = np.cos(np.pi * np.arange(1, 25)[:, None] * (np.arange(128) + 0.5) / 128)
        cepstra.append(2 / 128 * cosines @ log)
    difference = (cepstra[0] - cepstra[1])[:, 1 : 1 + 62]
    expected = 10 / np.log(10) * np.sqrt(2 * (difference**2).sum(0))
    np.testing.assert_allclose(mcd_per_frame(output, target, RATE)[:62].numpy(), expected, rtol=2e-3)


def test_mcd_hears_timbre_and_not_level():
    target = tone(220.0) + 0.01 * torch.randn(RATE)
    assert mcd(target, target, RATE) == 0.0
    assert mcd(0.5 * target, target, RATE) < 0.3
    assert mcd(target + 0.1 * torch.randn(RATE), target, RATE) > 3.0
    assert mcd(1e-7 * torch.randn(RATE), torch.zeros(RATE), RATE) < 0.01
    with pytest.raises(InputError, match="same length"):
        mcd(target[:-1], target, RATE)


def test_mcd_in_parts_is_mcd_in_one():
    # Longer than the minute on which it works at a time; the seam must not show.
    n = 3750 * 256
    audio = 0.1 * torch.randn(2, n + 40000)
    whole = mcd_per_frame(audio[0], audio[1], RATE)
    assert len(whole) == math.ceil((n + 40000) / 256)
    around = mcd_per_frame(audio[0, n - 25600 :], audio[1, n - 25600 :], RATE)
    torch.testing.assert_close(whole[3750 - 90 : 3750 + 20], around[10:120], rtol=1e-4, atol=1e-4)
