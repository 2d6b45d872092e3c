"""Realism: chance for two draws of the same, near 1 for sounds that differ in one thing."""

import math

import pytest
import torch

from oscine.errors import InputError
from oscine.evaluation.realism import loud_patches, patch_features, realism, told_apart

RATE = 16000


def noise(seed, seconds=24.0, depth=1.0, rate=RATE):
    """Return noise whose level moves at 5 to 20 Hz."""
    generator = torch.Generator().manual_seed(seed)
    n = round(seconds * rate)
    time_s = torch.arange(n) / rate
    starts = torch.rand(3, 1, generator=generator)
    movement = torch.sin(2 * math.pi * (torch.tensor([[5.0], [11.0], [19.0]]) * time_s + starts)).sum(0)
    return 0.05 * torch.randn(n, generator=generator) * torch.exp(0.3 * depth * movement)


def told(output, target, highest_hz=math.inf):
    accuracy = realism(output, target, RATE, highest_hz)
    assert accuracy is not None
    return accuracy


def test_two_draws_of_the_same_are_chance():
    shares = [told(noise(2 * seed), noise(2 * seed + 1)) for seed in range(3)]
    assert sum(shares) / 3 == pytest.approx(0.5, abs=0.08)


def test_a_sound_is_not_told_from_itself_nor_from_itself_at_another_level():
    sound = noise(0)
    assert realism(sound, sound, RATE) == 0.5
    assert realism(0.3 * sound, sound, RATE) == pytest.approx(0.5, abs=0.06)


def test_half_the_modulation_is_told():
    assert told(noise(1, depth=0.5), noise(0)) > 0.95


def test_another_colour_is_told():
    bright = torch.nn.functional.pad(noise(1), (1, 0)).diff()
    assert told(noise(1) + 0.3 * bright, noise(0)) > 0.95


def test_movements_that_go_together_are_told():
    def bands(seed, together):
        generator = torch.Generator().manual_seed(seed)
        n = 24 * RATE
        halves = torch.fft.rfft(torch.randn(2, n, generator=generator))
        middle = round(n * 1500 / RATE)
        halves[0, middle:], halves[1, :middle] = 0, 0
        moves = torch.fft.rfft(torch.randn(2, n, generator=generator))
        hz = torch.fft.rfftfreq(n, 1 / RATE)
        moves = torch.fft.irfft(moves * ((hz > 10) & (hz < 30)), n)
        moves = moves[[0, 0] if together else [0, 1]] / moves.std()
        return 0.05 * (torch.fft.irfft(halves, n) * torch.exp(0.5 * moves)).sum(0)

    assert told(bands(1, True), bands(2, False)) > 0.9
    assert told(bands(1, False), bands(2, False)) < 0.65


def test_what_is_above_the_cutoff_is_not_seen():
    sound = noise(0, rate=RATE)
    hiss = torch.fft.rfft(noise(5, depth=0.0))
    hiss[: round(len(sound) * 6500 / RATE)] = 0
    hissing = sound + torch.fft.irfft(hiss, len(sound))
    assert told(hissing, sound, 6000.0) == pytest.approx(0.5, abs=0.06)
    assert told(hissing, sound) > 0.9


def test_it_is_the_same_every_time_and_needs_twenty_patches():
    one, other = noise(0, 10.0), noise(1, 10.0)
    assert realism(one, other, RATE) == realism(one, other, RATE)
    assert realism(one[: 9 * RATE], other[: 9 * RATE], RATE) is None


def test_patches_35_db_below_the_loudest_do_not_count():
    quiet = torch.cat([noise(0, 12.0), 0.01 * noise(1, 3.0)])
    _, level_db = patch_features(quiet, RATE, 8000.0)
    assert loud_patches(level_db).tolist() == [True] * 24 + [False] * 6
    assert len(loud_patches(level_db[:0])) == 0


def test_patches_of_any_sound_are_finite():
    for sound in (torch.zeros(RATE), torch.ones(RATE), torch.zeros(10)):
        features, level_db = patch_features(sound, RATE, 8000.0)
        assert features.shape == (len(sound) // (RATE // 2), 64 + 80 + 120)
        assert features.isfinite().all()
        assert level_db.isfinite().all()


def test_lengths_that_differ_are_refused():
    with pytest.raises(InputError, match="the same length"):
        realism(noise(0, 12.0), noise(1, 13.0), RATE)
    with pytest.raises(InputError, match="patches"):
        told_apart(torch.zeros(3, 4), torch.zeros(4, 4))
