"""The moving all-pole filter against scipy, its own bound, and long times near the unit circle."""

import inspect
import math

import numpy as np
import pytest
import torch
from scipy.signal import lfilter
from torch import Tensor

from oscine.functional import allpole, allpole_residual, allpole_state, allpole_step, reflection_to_lpc

HOP = 32


def _random(batch: int, n_frames: int, order: int, most: float = 0.99) -> Tensor:
    return most * (2 * torch.rand(batch, n_frames, order, dtype=torch.float64) - 1)


@pytest.mark.parametrize("order", [1, 2, 22, 50])
def test_what_stands_still_is_scipys_filter(order: int) -> None:
    k = 0.9 * torch.tanh(torch.randn(order, dtype=torch.float64))
    x = torch.randn(1, 40 * HOP, dtype=torch.float64)
    ours = allpole(x, k.expand(1, 40, -1), hop_length=HOP)
    # In 80 bits: of 50 poles, the direct form's own rounding in float64 is larger than what is asked for.
    a = np.zeros(0, np.longdouble)
    for one in k.numpy().astype(np.longdouble):
        a = np.append(a + one * a[::-1], one)
    gain = np.sqrt(np.prod(1 - k.numpy().astype(np.longdouble) ** 2))
    theirs = lfilter([gain], np.append(np.longdouble(1), a), x[0].numpy().astype(np.longdouble))
    np.testing.assert_allclose(ours[0].numpy(), theirs, rtol=0, atol=1e-10 * np.abs(theirs).max())


def test_white_noise_keeps_its_power() -> None:
    k = _random(1, 1, 22, 0.8).expand(1, 2000, -1)
    noise = torch.randn(1, 2000 * HOP, dtype=torch.float64)
    power = allpole(noise, k, hop_length=HOP).square().mean().item()
    assert power == pytest.approx(1, rel=0.1)


def test_the_energy_that_is_stored_is_never_more_than_what_came_in() -> None:
    # Coefficients that jump from one end to the other, where the direct form overflows.
    k = 0.99 * torch.sign(torch.randn(8, 400, 22, dtype=torch.float64))
    x = torch.randn(8, 400 * 4, dtype=torch.float64)
    x[:, 400:] = 0
    state, total = allpole_state(8, 22), torch.zeros(8, dtype=torch.float64)
    for t in range(400):
        block = x[:, 4 * t : 4 * t + 4]
        _, state = allpole_step(block, k[:, t : t + 1], state, hop_length=4)
        total = total + block.square().sum(1)
        assert (state.lattice.square().sum(1) <= total * (1 + 1e-12)).all()
    y = x.clone()
    moving = torch.asin(k)
    before = torch.cat([moving[:, :1], moving[:, :-1]], 1)
    weight = (torch.arange(4) / 4).reshape(4, 1)
    a = reflection_to_lpc(
        torch.sin(before[:, :, None] + weight * (moving - before)[:, :, None]).flatten(1, 2)
    )
    for n in range(22, 1600):
        y[:, n] -= (a[:, n] * y[:, n - 22 : n].flip(1)).sum(1)
    assert not torch.isfinite(y).all()


def test_float32_stays_near_float64_near_the_unit_circle() -> None:
    # Two poles of radius 0.9995 for 10 s: a decay of some 2000 samples.
    radius, angle = 0.9995, 2 * math.pi * 50 / 16_000
    k = torch.tensor([-2 * radius * math.cos(angle) / (1 + radius**2), radius**2], dtype=torch.float64)
    k = torch.cat([k, 0.95 * torch.ones(8, dtype=torch.float64)]).expand(1, 2500, -1)
    x = torch.randn(1, 2500 * 64, dtype=torch.float64)
    single, double = (
        allpole(x.float(), k.float(), hop_length=64),
        allpole(x, k.float().double(), hop_length=64),
    )
    assert (single - double).norm() < 1e-5 * double.norm()
    assert single.dtype == torch.float32


def test_a_coefficient_of_one_is_held_below_it() -> None:
    x = torch.randn(1, 10 * HOP)
    k = torch.ones(1, 10, 4, requires_grad=True)
    y = allpole(x, k, hop_length=HOP)
    assert torch.isfinite(y).all()
    assert torch.isfinite(torch.autograd.grad(y.square().sum(), k)[0]).all()


def test_the_residual_is_what_went_in() -> None:
    x, k = torch.randn(2, 50 * HOP, dtype=torch.float64), _random(2, 50, 22, 0.9)
    back = allpole_residual(allpole(x, k, hop_length=HOP), k, hop_length=HOP)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-9)


def test_gradients() -> None:
    x = torch.randn(2, 15, dtype=torch.float64, requires_grad=True)
    k = _random(2, 3, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, k: allpole(x, k, hop_length=5), (x, k))


def test_gradients_learn_a_filter() -> None:
    """Coefficients that are found again from what the filter did to noise."""
    torch.manual_seed(0)
    wanted = _random(1, 1, 4, 0.7)
    x = torch.randn(1, 40 * HOP, dtype=torch.float64)
    target = allpole(x, wanted.expand(1, 40, -1), hop_length=HOP)
    raw = torch.zeros(1, 1, 4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([raw], 0.05)
    for _ in range(200):
        loss = (allpole(x, torch.tanh(raw).expand(1, 40, -1), hop_length=HOP) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(torch.tanh(raw), wanted, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("audio", "reflection", "said"),
    [
        (torch.zeros(1, 63), torch.zeros(1, 2, 3), "audio is .1, 63.; beside reflection"),
        (torch.zeros(1, 64), torch.zeros(2, 3), "reflection has 2 axes"),
        (torch.zeros(1, 0), torch.zeros(1, 0, 3), "no axis of which is empty"),
        (torch.zeros(1, 64), torch.zeros(1, 2, 4), "The state's lattice is .1, 3."),
    ],
)
def test_what_does_not_fit_is_refused(audio: Tensor, reflection: Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        inspect.unwrap(allpole_step)(audio, reflection, allpole_state(1, 3), hop_length=HOP)
