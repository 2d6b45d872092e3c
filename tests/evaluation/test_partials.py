"""Movements of partials in tones whose modulation is known."""

import math

import pytest
import torch

from oscine.analysis import Features
from oscine.evaluation.partials import (
    FIRST_UPPER,
    LAST_UPPER,
    held_stretches,
    partial_levels_db,
    upper_movements,
)

RATE, HOP = 16000, 64


def features(f0_hz, confidence=None):
    n = len(f0_hz)
    flat = torch.full((n,), -20.0)
    return Features(f0_hz, torch.ones(n) if confidence is None else confidence, flat, flat, RATE, HOP)


def steady(seconds, f0_hz=220.0):
    """Return the features of a held note; its ends, where a window sees silence, are not confident."""
    n = round(seconds * RATE / HOP)
    inside = (torch.arange(n) >= 25) & (torch.arange(n) < n - 25)
    return features(torch.full((n,), f0_hz), inside.float())


def tone(seconds, modulation, f0_hz=220.0):
    """Return a tone of equal partials; modulation(k, t) is the logarithm of partial k's amplitude."""
    n = round(seconds * RATE / HOP) * HOP
    time_s = torch.arange(n, dtype=torch.float64) / RATE
    numbers = range(1, math.ceil(RATE / 2 / f0_hz))
    partials = (
        torch.exp(modulation(k, time_s)) * torch.sin(2 * math.pi * k * f0_hz * time_s + k * k)
        for k in numbers
    )
    return 0.02 * torch.stack(list(partials)).sum(0).float()


def movements(output, target, recording, highest_hz=8000.0):
    played, wanted = (partial_levels_db(sound, recording) for sound in (output, target))
    return upper_movements(played, wanted, recording, highest_hz)


@pytest.mark.parametrize("rate_hz", [10.0, 14.0, 18.0])
def test_the_movement_of_a_made_tone_is_found_to_ten_percent(rate_hz):
    depth_db = 3.0  # of a sine: its standard deviation is 3 / √2
    scale = depth_db * math.log(10) / 20

    def together(k, t):
        return scale * torch.sin(2 * math.pi * rate_hz * t)

    def apart(k, t):
        return 0.5 * scale * torch.sin(2 * math.pi * rate_hz * t + 2.4 * k)

    recording = steady(3.0)
    moved, half = movements(tone(3.0, together), tone(3.0, apart), recording)
    assert moved.deviation_db == pytest.approx(depth_db / math.sqrt(2), rel=0.1)
    assert half.deviation_db == pytest.approx(depth_db / math.sqrt(8), rel=0.1)
    assert moved.correlation == pytest.approx(1.0, abs=0.01)
    assert half.correlation == pytest.approx(-0.03, abs=0.1)


def test_slow_movements_do_not_count():
    def vibrato(k, t):
        return 0.5 * torch.sin(2 * math.pi * 4.0 * t) + 2.0 * t

    recording = steady(3.0)
    slow, none = movements(tone(3.0, vibrato), tone(3.0, lambda k, t: 0 * t), recording)
    assert none.deviation_db is not None
    assert slow.deviation_db is not None
    assert none.deviation_db < 0.02
    assert slow.deviation_db < 0.2  # of 3.1 dB


def test_partials_above_the_cutoff_and_faint_ones_do_not_count():
    recording = steady(1.0)
    falling = tone(1.0, lambda k, t: -0.7 * k + 0 * t)  # 6 dB from one to the next: six lie within 40 dB
    found, _ = movements(falling, falling, recording)
    assert found.n_frames.nonzero().flatten().tolist() == [0, 1, 2]  # partials 5, 6 and 7
    flat = tone(1.0, lambda k, t: 0 * t)
    found, _ = movements(flat, flat, recording, highest_hz=2300.0)
    assert found.n_frames.nonzero().flatten().tolist() == list(range(10 - FIRST_UPPER + 1))
    assert len(found.n_frames) == LAST_UPPER - FIRST_UPPER + 1


def test_only_held_notes_count():
    midi = torch.cat([torch.full((100,), 60.0), torch.full((100,), 62.0), torch.full((300,), 64.0)])
    confidence = torch.ones(500)
    confidence[150:152] = 0.1
    recording = features(440.0 * 2 ** ((midi - 69) / 12), confidence)
    # 50 ms, 12 frames, around each change are left out; 0.15 s are 37 frames; 1 s is 250.
    assert held_stretches(recording) == [(0, 88), (112, 150), (212, 462), (462, 500)]
    assert held_stretches(features(midi[:20])) == []
    moved, _ = movements(torch.zeros(20 * HOP), torch.zeros(20 * HOP), features(midi[:20]))
    assert moved.deviation_db is None
    assert moved.correlation is None


def test_sums_of_two_stretches_are_those_of_both():
    def movement(k, t):
        return 0.3 * torch.sin(2 * math.pi * 12 * t + k)

    recording, sound = steady(1.0), tone(1.0, movement)
    one, _ = movements(sound, sound, recording)
    both = one.plus(one)
    assert both.deviation_db == pytest.approx(one.deviation_db)
    assert both.correlation == pytest.approx(one.correlation)
    assert torch.equal(both.n_frames, 2 * one.n_frames)
