"""The measures of the ear together: on any pair, and over stretches as over the whole."""

import math

import pytest
import soundfile
import torch

from oscine import recordings
from oscine.analysis import analyze
from oscine.errors import InputError
from oscine.evaluation import compare
from oscine.evaluation.sound import Band, SoundTally, hear
from oscine.evaluation.spectrum import energy_spectrum

RATE, HOP = 16000, 64


def melody(seconds=12.0, seed=0):
    """Notes of half a second with a fast attack, and some noise."""
    time_s = torch.arange(round(seconds * RATE / HOP) * HOP, dtype=torch.float64) / RATE
    midi = 60 + (torch.floor(time_s * 2) * 5) % 17
    phase = 2 * math.pi * torch.cumsum(440 * 2 ** ((midi - 69) / 12), 0) / RATE
    within = time_s * 2 % 1
    note = sum(torch.sin(k * phase) / k for k in range(1, 20)) * (within / 0.02).clamp(max=1) * (within < 0.9)
    hiss = torch.randn(len(time_s), generator=torch.Generator().manual_seed(seed))
    return (0.1 * note).float() + 0.001 * hiss


def test_a_sound_at_another_level_differs_in_level_alone():
    target = melody()
    found = compare(0.5 * target, target, analyze(target, RATE, HOP))
    assert found.level_db == pytest.approx(-6.02, abs=0.01)
    assert found.third_octave_largest_db == pytest.approx(-6.02, abs=0.01)
    assert found.third_octave_mean_db == pytest.approx(6.02, abs=0.01)
    assert found.above_8khz_db is None
    assert found.realism == pytest.approx(0.5, abs=0.05)
    assert found.movement_db == pytest.approx(found.target_movement_db, rel=0.01)
    assert found.movement_correlation == pytest.approx(found.target_movement_correlation, abs=0.01)
    assert found.rise_ms == found.target_rise_ms
    assert found.n_attacks >= 20
    assert found.n_rises >= 15


def test_stretches_add_up():
    target, output = melody(), melody(seed=1)
    whole = analyze(target, RATE, HOP)
    band = Band.of(energy_spectrum(target, RATE), len(target), RATE)
    tally = SoundTally(band, RATE)
    half = whole.n_frames // 2
    for start, stop in ((0, half), (half, whole.n_frames)):
        part = whole.slice(start, stop)
        one, other = (sound[start * HOP : stop * HOP] for sound in (output, target))
        tally.add(hear(one, part, band), hear(other, part, band), part)
    pieces, together = tally.result(), compare(output, target, whole)
    assert pieces.n_patches == together.n_patches
    assert pieces.realism == pytest.approx(together.realism, abs=0.1)
    assert pieces.log_mel_l1_db == pytest.approx(together.log_mel_l1_db, rel=0.05)
    assert pieces.level_db == pytest.approx(together.level_db, abs=0.02)


def test_a_moment_of_silence_has_no_figures():
    target = torch.zeros(10 * HOP)
    found = compare(target, target, analyze(target, RATE, HOP))
    assert found.n_patches == found.n_attacks == found.n_rises == 0
    assert found.realism is found.level_db is found.movement_db is found.attack_db is found.rise_ms is None
    assert found.third_octaves_db == {}


def test_lengths_must_fit():
    target = melody(2.0)
    with pytest.raises(InputError, match="compare sounds of one length"):
        compare(target[HOP:], target, analyze(target, RATE, HOP))


def test_a_recording_and_itself_through_a_dull_filter():
    path = next(recordings.path("violin").rglob("*.flac"))
    audio, rate = soundfile.read(path, dtype="float32", frames=12 * 16000)
    target = torch.from_numpy(audio)[: len(audio) // HOP * HOP]
    dull = target.clone()
    dull[1:] = 0.7 * target[1:] + 0.3 * target[:-1]
    assert rate == RATE
    found = compare(dull, target, analyze(target, rate, HOP))
    assert found.realism is not None
    assert found.realism > 0.5
    assert found.third_octave_largest_db == found.third_octaves_db[max(found.third_octaves_db)]
    assert found.attack_db == pytest.approx(found.target_attack_db, rel=0.1)
    assert found.movement_db == pytest.approx(found.target_movement_db, rel=0.1)
