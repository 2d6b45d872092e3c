"""The compiled spectral distance against the one in torch, which tests/losses holds to float64."""

import pytest
import torch

from oscine import kernels
from oscine.functional import multi_scale_spectral_distance
from oscine.losses import MultiScaleSpectralLoss


@pytest.mark.parametrize("sizes", [(64,), (63, 30), (2048, 4), (180, 360)])
def test_it_is_the_distance(compiled: str, sizes: tuple[int, ...]) -> None:
    loss = MultiScaleSpectralLoss(fft_sizes=sizes)
    audio, target = 0.1 * torch.randn(2, 3, 1500)
    audio[1] = 0
    target[2] = 0
    audio.requires_grad_()
    results = []
    for one in (compiled, "torch"):
        with kernels.use(one):
            value = loss(audio, target)
            results.append((value.detach(), torch.autograd.grad(value, audio)[0]))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-5, atol=0)
    difference = results[0][1] - results[1][1]
    assert difference.norm() < 1e-4 * results[1][1].norm()


def test_the_same_is_zero_and_has_no_gradient(compiled: str) -> None:
    audio = torch.randn(2, 1000, requires_grad=True)
    value = MultiScaleSpectralLoss()(audio, audio.detach().clone())
    assert value.item() == 0
    assert torch.count_nonzero(torch.autograd.grad(value, audio)[0]) == 0


def test_a_window_may_be_any_view(compiled: str) -> None:
    audio, target = torch.randn(2, 1, 500)
    long = torch.hann_window(128)
    values = [
        multi_scale_spectral_distance(audio, target, windows=[w]) for w in (long[::2], long[::2].clone())
    ]
    assert values[0] == values[1]
