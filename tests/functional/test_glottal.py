"""The glottal cycles against the LF model in time, solved by scipy, and against Fant's own measurements."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import root_scalar

from oscine.functional import glottal_cycles, glottal_tables, glottal_weights, sampled_cycles


def _flow_derivative(rd: float, time: np.ndarray) -> tuple[np.ndarray, float]:
    """The cycle at these instants, 0 … 1, and the instant of closure; the equations of Fant 1995."""
    ta, rk = (-1 + 4.8 * rd) / 100, (22.4 + 11.8 * rd) / 100
    rg = 1 / (4 * ((0.11 * rd / (0.5 + 1.2 * rk)) - ta) / rk)
    tp = 1 / (2 * rg)
    closed = tp * (1 + rk)
    omega = math.pi / tp
    epsilon = root_scalar(lambda e: e * ta - 1 + math.exp(-e * (1 - closed)), bracket=(0.5 / ta, 2 / ta)).root

    def before(t: float, alpha: float) -> float:
        return -math.exp(alpha * (t - closed)) * math.sin(omega * t) / math.sin(omega * closed)

    def after(t: float) -> float:
        return -(math.exp(-epsilon * (t - closed)) - math.exp(-epsilon * (1 - closed))) / (epsilon * ta)

    returned = quad(after, closed, 1)[0]
    alpha = root_scalar(lambda a: quad(before, 0, closed, (a,))[0] + returned, bracket=(0, 20)).root
    return np.array([before(t, alpha) if t < closed else after(t) for t in time]), closed


@pytest.mark.parametrize("rd", [0.3, 0.5, 1.0, 2.0, 2.7])
def test_it_is_the_lf_model(rd: float) -> None:
    n = 1 << 14
    time = (np.arange(n) + 0.5) / n
    cycle, closed = _flow_derivative(rd, time)
    k = 2j * np.pi * np.arange(1, 41)[:, None]
    spectrum = 2 * (cycle * np.exp(-k * (time - closed))).mean(1)
    wanted = np.stack([spectrum.real, -spectrum.imag])
    ours = glottal_cycles(torch.tensor([rd]), 40)[0].numpy()
    np.testing.assert_allclose(ours, wanted / np.linalg.norm(wanted), rtol=0, atol=2e-6)


@pytest.mark.parametrize("rd", [0.5, 1.0, 1.5, 2.0])
def test_the_first_two_harmonics_differ_as_fant_found(rd: float) -> None:
    levels = 20 * torch.log10(torch.linalg.vector_norm(glottal_cycles(torch.tensor([rd]), 2)[0], dim=0))
    assert float(levels[0] - levels[1]) == pytest.approx(-7.6 + 11.1 * rd, abs=1.2)


def test_every_table_closes_at_phase_zero() -> None:
    tables = glottal_tables(200)
    lowest = sampled_cycles(tables, 1000).argmin(-1)
    # The breathiest have their lowest point a hundredth of a cycle before.
    assert ((lowest + 500) % 1000 - 500).abs().max() <= 12
    torch.testing.assert_close(tables.square().sum((1, 2)), torch.ones(len(tables), dtype=torch.float64))


def test_a_mixture_is_nearly_the_cycle_of_its_rd() -> None:
    rd = torch.linspace(0.32, 2.68, 300, dtype=torch.float64)
    mixed = (glottal_weights(rd.unsqueeze(0)) @ glottal_tables(60).flatten(1)).reshape(-1, 2, 60)
    levels = [20 * torch.log10(torch.linalg.vector_norm(x, dim=1)) for x in (mixed, glottal_cycles(rd, 60))]
    error = (levels[0] - levels[1]).abs()
    assert error.max() < 1.0
    assert error.mean() < 0.15


def test_the_mixture_is_smooth_in_rd() -> None:
    rd = torch.linspace(0.3, 2.7, 4001, dtype=torch.float64).unsqueeze(0)
    cycle = glottal_weights(rd) @ glottal_tables(60).flatten(1)
    speed = cycle.diff(dim=1).norm(dim=-1)
    assert speed.min() > 0
    # Neighbouring slopes differ little: there is no corner at a table, where a straight mixture has one.
    assert (speed[:, 1:] / speed[:, :-1] - 1).abs().max() < 0.05


def test_gradients() -> None:
    rd = torch.tensor([[0.31, 0.77, 1.5, 2.69]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(glottal_weights, rd)


@pytest.mark.parametrize("rd", [0.2, 3.0, math.nan])
def test_a_shape_that_the_model_does_not_have_is_refused(rd: float) -> None:
    with pytest.raises(ValueError, match=r"give 0.3 … 2.7"):
        glottal_cycles(torch.tensor([rd]), 10)
