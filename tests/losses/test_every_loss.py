"""What holds for every loss: any precision, silence, rates that are none, and what it says of itself."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from oscine import losses
from oscine.errors import InputError
from oscine.functional.checks import comparable_sounds
from oscine.losses import (
    AdversarialLoss,
    AdversarialTerms,
    EnvelopeLoss,
    LogMelLoss,
    MultiScaleSpectralLoss,
    SpectralTransportLoss,
    TextureLoss,
)

OF_A_RATE: list[Callable[[int], nn.Module]] = [
    AdversarialLoss,
    EnvelopeLoss,
    LogMelLoss,
    MultiScaleSpectralLoss,
    SpectralTransportLoss,
    TextureLoss,
]


def _value(loss: nn.Module, audio: Tensor, target: Tensor) -> Tensor:
    value = loss(audio, target)
    return value.generator if isinstance(value, AdversarialTerms) else value


def test_none_is_left_out() -> None:
    modules = {getattr(losses, name) for name in losses.__all__ if name.endswith("Loss")}
    assert modules == {*OF_A_RATE, losses.CrepeLoss}


@pytest.mark.parametrize("kind", OF_A_RATE)
def test_any_precision_is_computed_in_float32_or_more(kind: Callable[[int], nn.Module]) -> None:
    loss = kind(16_000)
    audio, target = torch.rand(2, 3000) - 0.5, torch.rand(2, 3000) - 0.5
    wanted = _value(loss, audio, target)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        given = audio.to(dtype).requires_grad_()
        value = _value(loss, given, target.to(dtype))
        assert value.dtype in (torch.float32, torch.float64)
        torch.testing.assert_close(value.float(), wanted, rtol=0.02, atol=0.02)
        (slope,) = torch.autograd.grad(value, given)
        assert slope.dtype == dtype


def test_samples_that_are_no_real_numbers_are_refused() -> None:
    with pytest.raises(InputError, match=r"are complex64; give real numbers\.$"):
        comparable_sounds(torch.ones(1, 9) * 1j, torch.ones(1, 9))


@pytest.mark.parametrize("kind", OF_A_RATE)
@pytest.mark.parametrize("n_samples", [1, 700])
def test_silence_has_a_finite_slope(kind: Callable[[int], nn.Module], n_samples: int) -> None:
    loss, silence = kind(16_000), torch.zeros(n_samples)
    for audio, target in ((silence, silence), (silence, silence + 1), (silence + 1e-42, silence)):
        given = audio.clone().requires_grad_()
        value = _value(loss, given, target)
        (slope,) = torch.autograd.grad(value, given)
        assert value.isfinite()
        assert slope.isfinite().all()


@pytest.mark.parametrize("kind", OF_A_RATE)
@pytest.mark.parametrize("rate", [0, -1, True])
def test_a_rate_that_is_none_is_refused(kind: Callable[[int], nn.Module], rate: int) -> None:
    with pytest.raises(InputError, match=r"sample_rate is .*\.$"):
        kind(rate)


@pytest.mark.parametrize("kind", OF_A_RATE)
def test_it_says_its_sizes(kind: Callable[[int], nn.Module]) -> None:
    assert "1024" in repr(kind(16_000)) or "samples" in repr(kind(16_000))
