"""Curves, frames, phase, FFT lengths and convolution against their definitions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from oscine.functional import (
    accumulate_phase,
    convolve,
    exp_sigmoid,
    fast_fft_length,
    fft_convolve,
    log_sigmoid_range,
    normalize_distribution,
    scaled_sigmoid,
    upsample,
)
from oscine.functional.units import amplitude_to_db, db_to_amplitude, hz_to_midi, midi_to_hz, power_to_db


def test_exp_sigmoid_has_the_published_values() -> None:
    values = exp_sigmoid(torch.tensor([0.0, 10.0, -10.0], dtype=torch.float64))
    torch.testing.assert_close(
        values, torch.tensor([0.40540, 1.99979, 1.002e-7], dtype=torch.float64), rtol=1e-3, atol=1e-5
    )
    x = torch.linspace(-20, 20, 101, dtype=torch.float64)
    formula = 2 * torch.sigmoid(x) ** math.log(10) + 1e-7
    torch.testing.assert_close(exp_sigmoid(x), formula, rtol=1e-12, atol=0)


def test_exp_sigmoid_is_finite_everywhere() -> None:
    x = torch.tensor([-1e4, -100.0, 100.0, 1e4], requires_grad=True)
    exp_sigmoid(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


@given(st.floats(-50, 50))
def test_ranges_stay_in_range(x: float) -> None:
    value = torch.tensor([x], dtype=torch.float64)
    assert 2 <= scaled_sigmoid(value, 2.0, 5.0).item() <= 5
    assert 2 * (1 - 1e-12) <= log_sigmoid_range(value, 2.0, 5.0).item() <= 5 * (1 + 1e-12)


def test_the_middle_of_a_log_range_is_its_geometric_mean() -> None:
    assert log_sigmoid_range(torch.zeros(1), 20.0, 20_000.0).item() == pytest.approx(
        math.sqrt(20 * 20_000), rel=1e-5
    )


def test_distribution() -> None:
    weights = torch.tensor([[1.0, 3.0], [0.0, 0.0]])
    assert normalize_distribution(weights).tolist() == [[0.25, 0.75], [0.0, 0.0]]


@pytest.mark.parametrize(
    "function", [exp_sigmoid, lambda x: scaled_sigmoid(x, 1.0, 3.0), lambda x: log_sigmoid_range(x, 1.0, 3.0)]
)
def test_gradients_of_curves(function) -> None:
    assert torch.autograd.gradcheck(function, torch.randn(5, dtype=torch.float64, requires_grad=True))


def test_upsampling_is_causal_linear_interpolation() -> None:
    controls = torch.randn(1, 20, 3, dtype=torch.float64)
    audio = upsample(controls, 8)
    instants = np.concatenate([[-1], np.arange(20)]) + 1
    for channel in range(3):
        values = controls[0, :, channel].numpy()
        truth = np.interp(np.arange(160) / 8, instants, np.concatenate([values[:1], values]))
        np.testing.assert_allclose(audio[0, :, channel].numpy(), truth, atol=1e-12)


def test_phase_of_a_glide_is_its_integral() -> None:
    f0 = torch.tensor([[100.0, 300.0, 200.0]], dtype=torch.float64)
    previous = torch.tensor([[100.0, 100.0, 300.0]], dtype=torch.float64)
    phase, end = accumulate_phase(f0, previous, torch.zeros(1, dtype=torch.float64), 1000, 50)
    fine = torch.from_numpy(np.interp(np.arange(150_000) / 1000, [0, 50, 100, 150], [100.0, 100, 300, 200]))
    integral = torch.cat([torch.zeros(1), torch.cumsum(fine, 0)]) / 1000 / 1000
    difference = phase.flatten() - integral[:-1:1000]
    assert ((difference + 0.5) % 1 - 0.5).abs().max() < 1e-3
    assert end.item() == pytest.approx((100 * 0.05 + 200 * 0.05 + 250 * 0.05) % 1, abs=1e-9)


@given(st.integers(1, 200_000))
def test_fft_lengths(n: int) -> None:
    length = fast_fft_length(n)
    rest = length
    for prime in (2, 3, 5):
        while rest % prime == 0:
            rest //= prime
    assert n <= length <= 2 * n + 2
    assert length % 2 == 0
    assert rest == 1
    # Never worse than the next power of two.
    assert length <= max(2, 1 << (n - 1).bit_length())


def test_convolution_is_convolution() -> None:
    audio, taps = np.random.default_rng(0).normal(size=300), np.random.default_rng(1).normal(size=90)
    truth = np.convolve(audio, taps)
    ours = fft_convolve(torch.from_numpy(audio)[None], torch.from_numpy(taps))
    np.testing.assert_allclose(ours[0].numpy(), truth, atol=1e-10)
    for n in (300, 50):
        same = convolve(torch.from_numpy(audio[:n])[None], torch.from_numpy(taps))
        np.testing.assert_allclose(
            same[0].numpy(), truth[:n] if n == 300 else np.convolve(audio[:n], taps)[:n], atol=1e-10
        )


def test_units() -> None:
    assert hz_to_midi(torch.tensor([440.0, 880.0, 261.6256])).tolist() == pytest.approx(
        [69, 81, 60], abs=1e-4
    )
    assert midi_to_hz(torch.tensor([57.0])).item() == pytest.approx(220)
    assert amplitude_to_db(torch.tensor([1.0, 0.1, 0.0])).tolist() == pytest.approx([0, -20, -120])
    assert power_to_db(torch.tensor([1.0, 0.1, 0.0])).tolist() == pytest.approx([0, -10, -120])
    assert db_to_amplitude(torch.tensor([-6.0206])).item() == pytest.approx(0.5, rel=1e-4)
