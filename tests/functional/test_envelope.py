"""The envelope oscillator against its definition: powers, phases, and a pitch free of the envelope."""

import math
from typing import Any

import pytest
import torch

from oscine.functional import (
    envelope_grid_hz,
    envelope_oscillator,
    minimum_phase_matrix,
    read_envelope,
)

RATE, HOP = 16_000, 80
SIZES: dict[str, Any] = {"n_partials": 80, "n_noise_bands": 257, "sample_rate": RATE, "hop_length": HOP}


def _bell_db(n_bands: int, center_hz: float = 1000.0) -> torch.Tensor:
    octaves = (envelope_grid_hz(n_bands, RATE).clamp(min=20.0) / center_hz).log2()
    return (-50 - 20 * octaves.square()).clamp(min=-120.0).float()


def _play(
    f0_hz: float, density_db: torch.Tensor, ratio_db: float, n_frames: int = 200, **options: Any
) -> torch.Tensor:
    curves = density_db.expand(1, n_frames, -1)
    f0 = torch.full((1, n_frames), f0_hz, dtype=density_db.dtype)
    return envelope_oscillator(f0, curves, torch.full_like(curves, ratio_db), **SIZES, **options)[0]


def test_the_grid_goes_from_zero_to_nyquist_in_equal_mels():
    grid = envelope_grid_hz(80, RATE)
    mels = 2595 * torch.log10(1 + grid / 700)
    assert grid[0] == 0
    assert float(grid[-1]) == pytest.approx(RATE / 2)
    torch.testing.assert_close(mels.diff(), mels.diff().mean().expand(79))


def test_an_envelope_is_read_at_its_points_between_them_and_beyond():
    values = torch.randn(3, 20, dtype=torch.float64)
    grid = envelope_grid_hz(20, RATE)
    torch.testing.assert_close(read_envelope(values, grid.expand(3, -1), RATE), values)
    middle = 700 * (10 ** ((2595 * torch.log10(1 + grid / 700)).unfold(0, 2, 1).mean(-1) / 2595) - 1)
    torch.testing.assert_close(
        read_envelope(values, middle.expand(3, -1), RATE), values.unfold(1, 2, 1).mean(-1)
    )
    beyond = torch.tensor([-5.0, 9000.0], dtype=torch.float64).expand(3, -1)
    torch.testing.assert_close(read_envelope(values, beyond, RATE), values[:, [0, -1]])


@pytest.mark.parametrize("f0_hz", [100.0, 217.0, 431.0])
def test_each_partial_has_the_power_of_its_share_of_the_envelope(f0_hz: float):
    density_db = _bell_db(80)
    n = RATE
    audio = _play(f0_hz, density_db, -200.0, 400)[n : 2 * n].double()
    time = torch.arange(n, dtype=torch.float64) / RATE
    window = torch.hann_window(n, dtype=torch.float64)
    for k in (1, 3, 7):
        line = (window * audio * torch.exp(-2j * math.pi * k * f0_hz * time)).sum() / window.sum()
        density = float(read_envelope(density_db[None], torch.tensor([[k * f0_hz]]), RATE))
        assert 20 * math.log10(2 * abs(line)) == pytest.approx(density + 10 * math.log10(2 * f0_hz), abs=0.05)


def test_noise_of_an_envelope_is_as_loud_as_partials_of_it():
    density_db = _bell_db(80)
    partials, noise = (_play(97.0, density_db, ratio, 1000).square().mean() for ratio in (-200.0, 200.0))
    assert 10 * math.log10(noise / partials) == pytest.approx(0.0, abs=0.5)


def test_noise_and_partials_share_the_power_by_their_ratio():
    density_db = _bell_db(80)
    alone = [_play(97.0, density_db, ratio, 1000).square().mean() for ratio in (-200.0, 200.0)]
    both = _play(97.0, density_db, 6.0, 1000).square().mean()
    share = 1 / (1 + 10**-0.6)
    assert float(both) == pytest.approx(float((1 - share) * alone[0] + share * alone[1]), rel=0.05)


def test_the_power_does_not_depend_on_the_pitch():
    density_db = _bell_db(80)
    low, high = (_play(f0_hz, density_db, -200.0, 400).square().mean() for f0_hz in (80.0, 320.0))
    assert 10 * math.log10(high / low) == pytest.approx(0.0, abs=0.3)


def test_the_phase_is_that_of_a_resonance():
    # One pole pair: its magnitude as an envelope gives its phase, which is minimal.
    radius, angle = 0.9, 2 * math.pi * 1200 / RATE
    grid = envelope_grid_hz(400, RATE)
    z = torch.exp(-1j * 2 * math.pi * grid / RATE)
    response = 1 / (1 - 2 * radius * math.cos(angle) * z + radius**2 * z**2)
    turns = minimum_phase_matrix(400, RATE) @ (20 * torch.log10(response.abs()))
    torch.testing.assert_close(turns, torch.angle(response) / (2 * math.pi), rtol=0, atol=2e-3)


def test_a_pulse_of_minimum_phase_begins_and_one_of_zero_phase_is_symmetric():
    density_db = _bell_db(80)
    period = 160
    minimum, zero = (_play(100.0, density_db, -200.0, 100, phase=phase) for phase in ("minimum", "zero"))
    first = minimum[20 * period : 21 * period].square()
    assert float(first[: period // 2].sum()) > 0.95 * float(first.sum())
    around = zero[20 * period - 60 : 20 * period + 61]
    torch.testing.assert_close(around, around.flip(0), rtol=0, atol=2e-4 * float(around.abs().max()))


def test_gradients_are_those_of_differences():
    generator = torch.Generator().manual_seed(3)
    f0 = 150 + 20 * torch.rand(1, 4, dtype=torch.float64, generator=generator)
    density = -50 + 10 * torch.rand(1, 4, 6, dtype=torch.float64, generator=generator)
    ratio = -10 + 10 * torch.rand(1, 4, 6, dtype=torch.float64, generator=generator)
    sizes: dict[str, Any] = {"n_partials": 5, "n_noise_bands": 9, "sample_rate": RATE, "hop_length": 8}

    def play(f0_hz: torch.Tensor, density_db: torch.Tensor, ratio_db: torch.Tensor) -> torch.Tensor:
        return 100 * envelope_oscillator(f0_hz, density_db, ratio_db, **sizes)

    inputs = tuple(one.requires_grad_() for one in (f0, density, ratio))
    assert torch.autograd.gradcheck(play, inputs, eps=1e-5, atol=1e-4)


def test_an_envelope_of_one_point_is_refused():
    curves = torch.zeros(1, 10, 1)
    with pytest.raises(ValueError, match="at least 2 bands"):
        envelope_oscillator(torch.full((1, 10), 100.0), curves, curves, **SIZES)
