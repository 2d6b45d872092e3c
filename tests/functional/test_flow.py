"""Rectified flow: straight paths, exact steps, noise that is a function of the frame's number."""

import pytest
import torch

from oscine.functional import euler_flow, flow_path, flow_start, frame_noise

ZERO = torch.zeros(1, dtype=torch.int64)


def test_noise_is_normal_white_and_a_function_of_seed_and_frame():
    noise = frame_noise(torch.tensor([3]), ZERO, 5000, 40)[0].double()
    assert abs(float(noise.mean())) < 0.01
    assert float(noise.var()) == pytest.approx(1.0, abs=0.01)
    assert float((noise**4).mean()) == pytest.approx(3.0, abs=0.05)  # kurtosis of a normal distribution
    assert float(noise.abs().max()) < 6
    for shifted in (noise[1:] * noise[:-1], noise[:, 1:] * noise[:, :-1]):
        assert abs(float(shifted.mean())) < 0.01
    for first in (0, 1, 17, 4999):
        later = frame_noise(torch.tensor([3]), torch.tensor([first]), 1, 40)
        torch.testing.assert_close(later[0].double(), noise[first : first + 1], rtol=0, atol=0)
    assert not torch.equal(frame_noise(torch.tensor([4]), ZERO, 3, 40)[0].double(), noise[:3])


def test_extreme_uniform_numbers_stay_finite(monkeypatch):
    from oscine.functional import flow

    ends = torch.tensor([[-1.0, 1.0, 0.0, 1.0]])
    monkeypatch.setattr(flow, "uniform_noise", lambda *_: ends)
    assert bool(torch.isfinite(frame_noise(ZERO, ZERO, 2, 2)).all())


@pytest.mark.parametrize("t_start", [0.0, 0.3, 0.7])
def test_a_path_is_straight_from_its_start_to_its_target(t_start):
    smooth, noise, target = torch.randn(3, 2, 6, 5, dtype=torch.float64)
    start = flow_start(smooth, noise, t_start)
    torch.testing.assert_close(start, t_start * smooth + (1 - t_start) * noise)
    times = [torch.full((2,), t_start + s * (1 - t_start), dtype=torch.float64) for s in (0.0, 0.25, 1.0)]
    (first, velocity), (quarter, same), (last, _) = (flow_path(start, target, t, t_start) for t in times)
    torch.testing.assert_close(first, start)
    torch.testing.assert_close(last, target)
    torch.testing.assert_close(quarter, 0.75 * start + 0.25 * target)
    torch.testing.assert_close(velocity, same)
    for n_steps in (
        1,
        3,
        20,
    ):  # the velocity of one path is constant, so any number of steps ends at its target
        found = euler_flow(lambda x, t: velocity, start, t_start=t_start, n_steps=n_steps)
        torch.testing.assert_close(found, target)


def test_the_best_velocity_between_normal_distributions_gives_the_targets_variance():
    """Starts N(0, a²) and independent targets N(m, b²): the mean velocity is known in closed form."""
    a, b, m, n = 0.3, 1.5, 2.0, 100_000
    start = a * torch.randn(1, n, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def velocity(x, t):
        s = t[:, None, None]
        variance = (1 - s) ** 2 * a**2 + s**2 * b**2
        return m + (s * b**2 - (1 - s) * a**2) / variance * (x - s * m)

    end = euler_flow(velocity, start, t_start=0.0, n_steps=400)
    assert float(end.mean()) == pytest.approx(m, abs=0.02)
    assert float(end.std()) == pytest.approx(b, rel=0.02)


def test_eulers_steps_of_exponential_growth_are_known():
    """dx/dt = x over an interval of 0.3 in n steps: a factor (1 + 0.3 / n)^n."""
    for n_steps in (1, 4, 20):
        end = euler_flow(
            lambda x, t: x, torch.ones(1, 1, 1, dtype=torch.float64), t_start=0.7, n_steps=n_steps
        )
        assert float(end) == pytest.approx((1 + 0.3 / n_steps) ** n_steps, rel=1e-12)


def test_the_times_of_the_steps():
    seen: list[float] = []

    def velocity(x, t):
        seen.extend(t.tolist())
        return x

    euler_flow(velocity, torch.ones(1, 1, 1), t_start=0.6, n_steps=4)
    assert seen == pytest.approx([0.6, 0.7, 0.8, 0.9])


def test_what_is_out_of_range_is_refused():
    x = torch.zeros(1, 1, 1)
    for t_start in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="can't start"):
            flow_start(x, x, t_start)
        with pytest.raises(ValueError, match="can't start"):
            euler_flow(lambda x, t: x, x, t_start=t_start, n_steps=1)
    with pytest.raises(ValueError, match="n_steps is 0"):
        euler_flow(lambda x, t: x, x, t_start=0.7, n_steps=0)
