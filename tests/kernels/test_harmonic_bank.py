"""The factored sum of harmonics against the formula in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oscine.kernels import factored, oracle


def _inputs(frames: int, hop: int, harmonics: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    shape = (2, frames, harmonics)
    return [
        torch.rand(2, frames, hop, dtype=torch.float64),
        torch.rand(shape, dtype=dtype),
        torch.rand(shape, dtype=dtype),
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 40), st.integers(1, 130))
def test_any_size_is_the_formula(frames: int, hop: int, harmonics: int) -> None:
    inputs = _inputs(frames, hop, harmonics)
    torch.testing.assert_close(
        factored.harmonic_sum(*inputs), oracle.harmonic_sum(*inputs), rtol=0, atol=1e-10
    )


def test_chunks_join(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = _inputs(9, 16, 20)
    monkeypatch.setattr(factored, "_SAMPLES_PER_CHUNK", 33)
    torch.testing.assert_close(
        factored.harmonic_sum(*inputs), oracle.harmonic_sum(*inputs), rtol=0, atol=1e-10
    )


def test_every_harmonic_is_exact_in_float32() -> None:
    # One harmonic at a time: an error at the hundredth must not hide behind the first.
    phase = torch.rand(1, 8, 64, dtype=torch.float64)
    for number in (1, 2, 3, 50, 99, 100):
        one = torch.zeros(1, 8, 100)
        one[..., number - 1] = 1
        truth = torch.sin(2 * torch.pi * number * phase)
        error = factored.harmonic_sum(phase, one, one) - truth
        assert 10 * torch.log10(truth.square().mean() / error.square().mean()) > 105


def test_gradients() -> None:
    inputs = [x.requires_grad_() for x in _inputs(2, 5, 7)]
    assert torch.autograd.gradcheck(factored.harmonic_sum, inputs)


def test_float32_gradients_are_those_of_float64() -> None:
    phase, start, end = _inputs(10, 64, 100)
    wanted = [x.clone().requires_grad_() for x in (phase, start, end)]
    weights = torch.randn(phase.shape, dtype=torch.float64)
    truth = torch.autograd.grad((oracle.harmonic_sum(*wanted) * weights).sum(), wanted)
    ours = [phase.clone().requires_grad_(), start.float().requires_grad_(), end.float().requires_grad_()]
    given_ = torch.autograd.grad((factored.harmonic_sum(*ours) * weights.float()).sum(), ours)
    for a, b in zip(given_, truth, strict=True):
        assert (a.double() - b).norm() < 3e-5 * b.norm()
