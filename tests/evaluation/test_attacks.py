"""Attacks that are made: their steepness and their time of rise are known."""

import pytest
import torch

from oscine.analysis import Features
from oscine.evaluation.attacks import attacks, band_pass, onsets

RATE = 44100


def notes(envelope, rate=RATE):
    """Return two notes of 6 kHz that begin at 0.5 and 1.5 s; envelope(seconds since the onset), in 0 … 1."""
    time_s = torch.arange(2 * rate, dtype=torch.float64) / rate
    sound = torch.sin(2 * torch.pi * 6000 * time_s).float()
    gain = envelope(time_s % 1.0 - 0.5).clamp(0.0, 1.0) * ((time_s % 1.0) < 0.9)
    return 0.1 * sound * gain.float(), torch.tensor([rate // 2, rate + rate // 2])


def found(sound, at, rate=RATE, floor_db=-90.0):
    return attacks(sound, at, rate, highest_hz=16000.0, floor_db=floor_db)


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("steepness_db", [4.0, 8.0, 15.0])
def test_the_steepness_of_a_rise_in_decibels_is_found(steepness_db, rate):
    # From −40 dB at the onset to 0 dB, so and so many dB in 10 ms.
    sound, at = notes(lambda t: torch.where(t < 0, 0.0, 10 ** ((steepness_db * t / 0.01 - 40) / 20)), rate)
    attack = found(sound, at, rate, floor_db=-60.0)  # where the rise begins
    assert attack.steepness_db.tolist() == pytest.approx([steepness_db] * 2, rel=0.02)


@pytest.mark.parametrize("rise_s", [0.02, 0.05, 0.1])
def test_the_time_of_a_linear_rise_is_found(rise_s):
    sound, at = notes(lambda t: t / rise_s)
    # The window of 10 ms adds to a short one.
    assert found(sound, at).rise_s.tolist() == pytest.approx([0.8 * rise_s] * 2, abs=0.0021)


def test_only_what_is_above_3_khz_is_steep():
    time_s = torch.arange(2 * RATE, dtype=torch.float64) / RATE
    sudden, at = notes(lambda t: (t > 0).double())
    dull = sudden.abs().clamp(max=1e-9).sign() * torch.sin(2 * torch.pi * 300 * time_s).float() * 0.1
    slow, _ = notes(lambda t: torch.where(t < 0, 0.0, 10 ** ((4.0 * t / 0.01 - 40) / 20)))
    assert found(dull + slow, at, floor_db=-60.0).steepness_db.tolist() == pytest.approx([4.0] * 2, rel=0.05)
    # No more than what is heard of the rise: 20 dB below the loudest.
    assert found(sudden, at).steepness_db.tolist() == pytest.approx([20.0] * 2, abs=0.1)


def test_a_recording_that_begins_with_its_note_has_the_attack_of_that_note():
    sound, at = notes(lambda t: torch.where(t < 0, 0.0, 10 ** ((8.0 * t / 0.01 - 40) / 20)))
    cut = sound[RATE // 2 + 2 * RATE // 100 :]  # at −24 dB
    attack = found(cut, torch.tensor([0]))
    assert attack.steepness_db.tolist() == pytest.approx(found(sound, at).steepness_db[:1].tolist(), rel=0.1)
    assert attack.rise_s.tolist() == pytest.approx(found(sound, at).rise_s[:1].tolist(), abs=0.003)


def test_the_note_before_does_not_hide_the_rise():
    # 40 ms of silence before each onset.
    sound, at = notes(lambda t: torch.where(t < 0, (t < -0.04).double(), t / 0.05))
    assert found(sound, at).rise_s.tolist() == pytest.approx([0.04] * 2, abs=0.003)


def test_a_note_out_of_another_one_has_no_rise_and_a_note_at_the_edge_does_not_count():
    sound, at = notes(lambda t: torch.where(t < 0, 0.5, 1.0))
    attack = found(sound, at)
    assert attack.rise_s.isnan().all()
    assert len(attack.steepness_db) == 2
    edges = found(sound, torch.tensor([len(sound) - 6000, len(sound) - 100]))
    assert len(edges.steepness_db) == len(edges.rise_s) == 0
    assert len(found(sound[:100], at).rise_s) == 0


def test_the_band_pass_keeps_its_band_in_place_and_nothing_else():
    time_s = torch.arange(RATE, dtype=torch.float64) / RATE
    for hz, gain in ((1000.0, 0.0), (3000.0, 0.5), (6000.0, 1.0), (15000.0, 0.0)):
        sine = torch.sin(2 * torch.pi * hz * time_s).float()
        passed = band_pass(sine, RATE, 3000.0, 10000.0)[1000:-1000]
        assert torch.allclose(passed, gain * sine[1000:-1000], atol=0.01)


def test_onsets_are_those_of_the_features_and_the_start_where_the_sound_rises_there():
    confidence = torch.ones(500)
    confidence[200:250] = 0.0
    flat = torch.full((500,), -20.0)
    features = Features(torch.full((500,), 220.0), confidence, flat, flat, 16000, 64)
    assert onsets(features).tolist() == [251 * 64]
    rising = torch.cat([torch.linspace(-32.0, -20.0, 8), flat[8:]])
    features = Features(torch.full((500,), 220.0), confidence, rising, rising, 16000, 64)
    assert onsets(features).tolist() == [0, 251 * 64]
