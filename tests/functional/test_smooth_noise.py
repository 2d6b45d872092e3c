"""Smooth noise: level, speed, independence, and the same curves in any cut."""

import pytest
import torch

from oscine.functional import smooth_noise

PERIODS = [1, 2, 7, 64]


def _curves(seeds: list[int], start: int, n_frames: int, periods: list[int] = PERIODS) -> torch.Tensor:
    starts = torch.full((len(seeds),), start)
    return smooth_noise(torch.tensor(seeds), starts, n_frames, periods)


def test_every_curve_has_mean_0_and_variance_1_at_every_place_of_its_period():
    curves = _curves(list(range(64)), 0, 64 * 40)
    assert curves.mean((0, 1)).abs().max() < 0.05
    for place in (0, 3, 32, 63):
        variance = curves[:, place::64].var((0, 1))
        torch.testing.assert_close(variance, torch.ones(4), atol=0.1, rtol=0)


def test_a_curve_is_as_slow_as_its_period():
    curves = _curves(list(range(16)), 0, 6400)
    for k, period in enumerate(PERIODS):
        curve = curves[..., k]
        near, far = ((curve[:, lag:] * curve[:, :-lag]).mean() for lag in (max(1, period // 4), 2 * period))
        assert float(near) > (0.75 if period >= 4 else 0.3 if period == 2 else -0.05)
        assert abs(float(far)) < 0.1


def test_curves_and_seeds_are_independent():
    curves = _curves([5, 6], 0, 200_000, [1, 1, 2])
    correlation = torch.corrcoef(curves.permute(0, 2, 1).reshape(6, -1))
    assert (correlation - torch.eye(6)).abs().max() < 0.02


@pytest.mark.parametrize("start", [0, 1, 63, 2**40 + 5])
def test_any_cut_gives_the_same_curves(start: int):
    whole = _curves([-3, 2**50], start, 150)
    parts = [_curves([-3, 2**50], start + first, n) for first, n in ((0, 1), (1, 62), (63, 87))]
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=0)
