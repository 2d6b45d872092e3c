"""Shimmer: depth, speed, independence, and the same movement in any cut."""

import pytest
import torch

from oscine.functional import shimmer

PERIODS = [1, 2, 7, 64]


def _moved(
    seeds: list[int], start: int, n_frames: int, depths: torch.Tensor, periods: list[int]
) -> torch.Tensor:
    return shimmer(depths, periods, torch.tensor(seeds), torch.full((len(seeds),), start), n_frames)


@pytest.mark.parametrize("number", range(4))
def test_each_period_has_mean_0_and_its_depth_at_every_place(number: int):
    depths = torch.zeros(4, 3)
    depths[number] = torch.tensor([1.0, 0.5, 0.0])
    moved = _moved(list(range(64)), 0, 64 * 40, depths, PERIODS)
    assert moved.mean((0, 1)).abs().max() < 0.05
    for place in (0, 3, 32, 63):
        deviation = moved[:, place::64].std((0, 1))
        torch.testing.assert_close(deviation, depths[number], atol=0.05, rtol=0)


@pytest.mark.parametrize("period", PERIODS)
def test_movement_is_as_slow_as_its_period(period: int):
    moved = _moved(list(range(16)), 0, 6400, torch.ones(1, 1), [period])[..., 0]
    near, far = ((moved[:, lag:] * moved[:, :-lag]).mean() for lag in (max(1, period // 4), 2 * period))
    assert float(near) > (0.75 if period >= 4 else 0.3 if period == 2 else -0.05)
    assert abs(float(far)) < 0.1


def test_channels_periods_and_seeds_are_independent():
    one = _moved([5, 6], 0, 100_000, torch.ones(1, 3), [2])
    other = _moved([5, 6], 0, 100_000, torch.tensor([[0.0] * 3, [1.0] * 3]), [2, 2])
    both = torch.cat([one, other], -1).permute(0, 2, 1).reshape(12, -1)
    assert (torch.corrcoef(both) - torch.eye(12)).abs().max() < 0.02


@pytest.mark.parametrize("start", [0, 1, 63, 2**40 + 5])
def test_any_cut_gives_the_same(start: int):
    depths = torch.rand(4, 5)
    whole = _moved([-3, 2**50], start, 150, depths, PERIODS)
    parts = [
        _moved([-3, 2**50], start + first, n, depths, PERIODS) for first, n in ((0, 1), (1, 62), (63, 87))
    ]
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=0)


def test_the_depths_are_learned():
    depths = torch.tensor([[0.3, -0.2]], dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1, dtype=torch.int64)
    assert torch.autograd.gradcheck(lambda x: shimmer(x, [3], zero, zero, 10), depths)
