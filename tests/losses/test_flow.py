"""The loss of a flow: its value, its gradient, its minimum."""

import pytest
import torch

from oscine.functional import euler_flow, flow_start
from oscine.losses import flow_loss


def frames(n: int = 4):
    torch.manual_seed(2)
    return (*torch.randn(3, n, 5, 3, dtype=torch.float64), torch.rand(n, dtype=torch.float64))


def test_the_right_velocity_costs_nothing_and_another_its_squared_error():
    target, smooth, noise, place = frames()
    right = (target - flow_start(smooth, noise, 0.7)) / 0.3
    assert float(flow_loss(lambda x, t: right, target, smooth, noise, place, t_start=0.7)) == pytest.approx(0)
    off = flow_loss(lambda x, t: right + 0.5, target, smooth, noise, place, t_start=0.7)
    assert float(off) == pytest.approx(0.25)


def test_the_network_is_asked_between_the_start_and_the_target():
    target, smooth, noise, place = frames()

    def velocity(x, t):
        torch.testing.assert_close(t, 0.7 + 0.3 * place)
        share = place[:, None, None]
        torch.testing.assert_close(x, (1 - share) * flow_start(smooth, noise, 0.7) + share * target)
        return x

    flow_loss(velocity, target, smooth, noise, place, t_start=0.7)


@pytest.mark.parametrize("t_start", [0.0, 0.7])
def test_its_gradient(t_start):
    target, smooth, noise, place = frames(2)
    weight = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)

    def loss(weight, target):
        return flow_loss(
            lambda x, t: torch.tanh(x @ weight) * t[:, None, None],
            target,
            smooth,
            noise,
            place,
            t_start=t_start,
        )

    assert torch.autograd.gradcheck(loss, (weight, target.requires_grad_()))


def test_a_linear_network_learns_the_spread_that_a_mean_lacks():
    """Frames are condition + normal noise of std 0.8; the best predictor of them has none of it."""
    generator = torch.Generator().manual_seed(0)
    n, t_start = 4000, 0.7

    def draw():
        return torch.randn(n, 1, 1, generator=generator)

    # Velocity linear in x and the condition, its coefficients polynomials of t.
    weight = torch.zeros(4, 3, requires_grad=True)

    def velocity(x, t, condition):
        powers = (t[:, None] - t_start)[:, :, None] ** torch.arange(4)
        return (powers @ weight * torch.cat([x, condition, torch.ones_like(x)], -1)).sum(-1, keepdim=True)

    optimizer = torch.optim.Adam([weight], 0.05)
    for _ in range(400):
        condition = draw()
        target, noise, place = condition + 0.8 * draw(), draw(), torch.rand(n, generator=generator)
        loss = flow_loss(
            lambda x, t, c=condition: velocity(x, t, c), target, condition, noise, place, t_start=t_start
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    condition = draw()
    with torch.no_grad():
        end = euler_flow(
            lambda x, t: velocity(x, t, condition),
            flow_start(condition, draw(), t_start),
            t_start=t_start,
            n_steps=20,
        )
    assert float((end - condition).std()) == pytest.approx(0.8, rel=0.1)
    assert float(end.var() / (1 + 0.64)) == pytest.approx(1.0, abs=0.1)
