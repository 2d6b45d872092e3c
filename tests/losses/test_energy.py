"""The energy distance: noise of the right level and spread costs least; a plain distance asks for less."""

import pytest
import torch

from oscine.errors import InputError
from oscine.functional import filtered_noise, harmonic_oscillator
from oscine.losses import EnergyDistance, MultiScaleSpectralLoss

HOP = 64
SIZES = (1024, 256)


def noise(level_db, seed, *, spread_db=0.0, n_items=8, n_frames=400):
    """Return noises whose level in each stretch of 20 frames is random, lognormal around a mean."""
    generator = torch.Generator().manual_seed(seed)
    level = torch.randn(n_items, n_frames // 20, 1, generator=generator).repeat_interleave(20, 1)
    gain = 10 ** ((level_db + spread_db * level) / 20)
    return filtered_noise(gain.expand(-1, -1, 9), hop_length=HOP, seed=seed)


def losses(level_db, spread_db, target):
    """Return the energy distance and the plain distance of noise to the target."""
    one, other = (noise(level_db, seed, spread_db=spread_db) for seed in (100, 200))
    energy = EnergyDistance(MultiScaleSpectralLoss(16000, fft_sizes=SIZES))
    plain = MultiScaleSpectralLoss(16000, fft_sizes=SIZES)
    return float(energy(one, target, other)), float(plain(one, target))


def test_noise_of_the_recordings_level_costs_least():
    levels_db = [-24.0, -22.0, -21.0, -20.0, -19.0, -18.0]
    energy, plain = zip(*(losses(one, 0.0, noise(-20.0, 0)) for one in levels_db), strict=True)
    assert levels_db[energy.index(min(energy))] == -20.0
    assert levels_db[plain.index(min(plain))] < -20.0


def test_noise_that_fluctuates_as_the_recordings_does_costs_least():
    spreads_db = [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    energy, plain = zip(
        *(losses(-20.0, one, noise(-20.0, 0, spread_db=6.0)) for one in spreads_db), strict=True
    )
    assert abs(spreads_db[energy.index(min(energy))] - 6.0) <= 2.0
    assert spreads_db[plain.index(min(plain))] == 0.0


def test_descent_finds_the_level_and_a_plain_distance_does_not():
    def found(make_loss):
        level_db = torch.zeros((), requires_grad=True)
        target = noise(-20.0, 0, n_items=1)
        optimizer = torch.optim.Adam([level_db], lr=0.3)
        for step in range(50):
            one, other = (
                0.1 * 10 ** (level_db / 20) * noise(0.0, 10 + 2 * step + i, n_items=1) for i in (0, 1)
            )
            optimizer.zero_grad()
            make_loss(one, target, other).backward()
            optimizer.step()
        return float(level_db.detach())

    plain = MultiScaleSpectralLoss(16000, fft_sizes=SIZES, log_weight=0.0)
    assert found(
        EnergyDistance(MultiScaleSpectralLoss(16000, fft_sizes=SIZES, log_weight=0.0))
    ) == pytest.approx(0.0, abs=0.4)
    assert found(lambda one, target, other: plain(one, target)) < -2.0


def test_the_gradient_is_that_of_the_expectation():
    # The slope of E[2 d(y, x) − d(y, y')], by differences, both draws moved.
    loss, target = EnergyDistance(MultiScaleSpectralLoss(16000, fft_sizes=SIZES)), noise(-20.0, 0).double()
    one, other = noise(-23.0, 1).double(), noise(-23.0, 2).double()
    gain = torch.ones((), dtype=torch.float64, requires_grad=True)
    slopes = [
        torch.autograd.grad(loss(gain * a, target, gain * b), gain)[0]
        for a, b in ((one, other), (other, one))
    ]
    values = [
        (float(loss(g * one, target, g * other)) + float(loss(g * other, target, g * one))) / 2
        for g in (1 - 1e-4, 1 + 1e-4)
    ]
    assert float(sum(slopes)) / 2 == pytest.approx((values[1] - values[0]) / 2e-4, rel=1e-3)


def test_what_is_the_same_in_both_draws_costs_twice_its_distance():
    f0_hz = torch.full((1, 100), 220.0)
    tone = harmonic_oscillator(f0_hz, f0_hz / 440, torch.ones(1, 100, 9), sample_rate=16000, hop_length=HOP)
    audio = (0.5 * tone).requires_grad_()
    loss, plain = EnergyDistance(MultiScaleSpectralLoss()), MultiScaleSpectralLoss()
    value = loss(audio, tone, audio)
    assert value.item() == pytest.approx(2 * plain(audio, tone).item())
    (slope,) = torch.autograd.grad(value, audio)
    (expected,) = torch.autograd.grad(2 * plain(audio, tone), audio)
    torch.testing.assert_close(slope, expected)


def test_draws_of_another_length_are_refused():
    one = torch.zeros(1, 2000)
    with pytest.raises(InputError, match="give both the same"):
        EnergyDistance(MultiScaleSpectralLoss())(one, one, one[:, :1000])
