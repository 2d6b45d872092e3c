"""Optimal transport on a line against scipy, a walk along the quantiles, and the gradient's definition."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance as scipy_distance

from oscine.errors import InputError
from oscine.functional.transport import spectral_transport, wasserstein_distance, wasserstein_power


def quantile_walk(a, b, x, p):
    """From quantile to quantile, straight from the definition, in float64 numpy."""
    below_a, below_b = np.cumsum(a), np.cumsum(b)
    edges = np.sort(np.concatenate([[0.0], below_a, below_b])).clip(0, 1)
    total = 0.0
    for low, high in pairwise(edges):
        i, j = (min(np.searchsorted(f, (low + high) / 2), len(x) - 1) for f in (below_a, below_b))
        total += (high - low) * abs(x[i] - x[j]) ** p
    return total


def distributions(n_bins, dtype=torch.float64, n_rows=6):
    """Pairs of distributions, some with empty bins at the start, the end and in between, and uneven steps."""
    a, b = torch.rand(2, n_rows, n_bins, dtype=dtype)
    a[0, : n_bins // 2] = 0
    b[1, : n_bins // 2] = 0
    b[2, n_bins // 2 + 1 :] = 0
    a[3, 1:-1] = 0
    a, b = a / a.sum(-1, keepdim=True), b / b.sum(-1, keepdim=True)
    return a, b, torch.rand(n_bins, dtype=dtype).cumsum(0)


@pytest.mark.parametrize("n_bins", [2, 5, 60])
def test_order_one_is_scipys(n_bins):
    a, b, x = distributions(n_bins)
    expected = [scipy_distance(x, x, *rows) for rows in zip(a.numpy(), b.numpy(), strict=True)]
    np.testing.assert_allclose(wasserstein_distance(a, b, x), expected, atol=1e-12)


@pytest.mark.parametrize("n_bins", [2, 5, 60])
@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 3.0])
def test_a_power_is_the_walk_along_the_quantiles(n_bins, power):
    a, b, x = distributions(n_bins)
    expected = [quantile_walk(*rows, x.numpy(), power) for rows in zip(a.numpy(), b.numpy(), strict=True)]
    np.testing.assert_allclose(wasserstein_power(a, b, x, power), expected, atol=1e-10)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_a_distribution_moved_costs_the_way(power):
    shape = torch.rand(20, dtype=torch.float64)
    shape /= shape.sum()
    here, there = torch.zeros(2, 50, dtype=torch.float64)
    here[3:23], there[18:38] = shape, shape
    x = 0.5 * torch.arange(50, dtype=torch.float64)
    assert float(wasserstein_power(here, there, x, power)) == pytest.approx(7.5**power, rel=1e-12)
    assert float(wasserstein_distance(there, here, x)) == pytest.approx(7.5, rel=1e-12)


def test_the_same_costs_nothing_and_float32_is_enough():
    a, b, _ = distributions(1000, torch.float32)
    x = 12.0 * torch.log2(torch.arange(1.0, 1001.0))
    for distance in (wasserstein_distance, wasserstein_power):
        assert float(distance(a, a, x).abs().max()) == 0.0
        assert float(distance(a, a * (1 + 1e-7 * torch.randn_like(a)), x).abs().max()) < 1e-3
        exact = distance(a.double(), b.double(), x.double())
        torch.testing.assert_close(distance(a, b, x).double(), exact, rtol=1e-4, atol=1e-3)


def test_gradcheck():
    a, b, x = distributions(9)
    raw = torch.rand_like(a).requires_grad_()
    for distance in (wasserstein_distance, wasserstein_power):
        assert torch.autograd.gradcheck(lambda r, d=distance: d(r / r.sum(-1, keepdim=True), b, x), raw)


@pytest.mark.parametrize(("order", "exponent"), [(1.0, 2.0), (1.0, 1.0), (2.0, 2.0)])
def test_gradcheck_from_the_audio(order, exponent):
    audio, target = 0.1 * torch.randn(2, 2, 40, dtype=torch.float64)
    audio[1] *= 0.01
    window = torch.hann_window(16, dtype=torch.float64)
    positions = torch.rand(8, dtype=torch.float64).cumsum(0)
    audio.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: spectral_transport(
            x, target, window=window, hop_length=8, positions=positions, order=order, exponent=exponent
        ),
        audio,
        atol=1e-6,
    )


def test_bad_input_is_refused():
    options = {"window": torch.hann_window(16), "hop_length": 8, "positions": torch.arange(9.0)}
    audio = torch.randn(2, 40)
    with pytest.raises(InputError, match="same batch and time"):
        spectral_transport(audio, audio[:, :39], **options)
    with pytest.raises(InputError, match="no samples"):
        spectral_transport(audio[:0], audio[:0], **options)
    with pytest.raises(InputError, match="only audio receives"):
        spectral_transport(audio, audio.clone().requires_grad_(), **options)
    with pytest.raises(InputError, match="order is 0"):
        spectral_transport(audio, audio, **options, order=0.5)
