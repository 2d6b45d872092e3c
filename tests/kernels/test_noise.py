"""The compiled noise against the products of spectra, which tests/functional holds to physics."""

import pytest
import torch
from torch import Tensor

from oscine import kernels
from oscine.functional.noise import filtered_noise_step, noise_state
from oscine.kernels.noise import filtered_noise


def _run(magnitudes: Tensor, hop: int, sample: int) -> list[Tensor]:
    state = noise_state(magnitudes.shape[0], magnitudes.shape[2], seed=2**33 + 5)
    state = state._replace(sample=state.sample + sample)
    before = magnitudes[:, 0] + 1
    for started in (False, True):
        state = state._replace(magnitudes=before, started=torch.full_like(state.started, started))
        audio, _ = filtered_noise_step(magnitudes, state, hop_length=hop)
    weights = torch.cos(torch.arange(audio.numel(), dtype=audio.dtype)).reshape(audio.shape)
    return [audio, *torch.autograd.grad((audio * weights).sum(), magnitudes)]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-11), (torch.float32, 1e-5)])
@pytest.mark.parametrize(
    ("frames", "hop", "bands", "sample"),
    [(1, 1, 2, 0), (5, 64, 65, 0), (4, 37, 9, 2**32 - 70), (3, 176, 129, 10**12), (2, 500, 192, 3)],
)
def test_it_is_the_product_of_spectra(
    compiled: str, frames: int, hop: int, bands: int, sample: int, dtype: torch.dtype, tolerance: float
) -> None:
    magnitudes = torch.rand(3, frames, bands, dtype=dtype, requires_grad=True)
    ours = _run(magnitudes, hop, sample)
    with kernels.use("torch"):
        truth = _run(magnitudes, hop, sample)
    for one, other in zip(ours, truth, strict=True):
        assert (one - other).norm() <= tolerance * other.norm()


def test_threads_change_nothing(compiled: str) -> None:
    magnitudes = torch.rand(5, 7, 33, requires_grad=True)
    alone = _run(magnitudes, 32, 0)
    try:
        torch.set_num_threads(3)
        shared = _run(magnitudes, 32, 0)
    finally:
        torch.set_num_threads(1)
    for one, other in zip(alone, shared, strict=True):
        # The products around the operator are torch's, whose threads do round differently.
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_the_operator_is_registered_as_torch_wants_it(compiled: str) -> None:
    seed = torch.arange(2)
    taps, previous = torch.rand(2, 3, 5, requires_grad=True), torch.rand(2, 5, requires_grad=True)
    torch.library.opcheck(filtered_noise, (seed, seed, taps, previous, 8))


def test_shapes_that_do_not_belong_together_are_refused(compiled: str) -> None:
    seed, taps, previous = torch.arange(2), torch.rand(2, 3, 5), torch.rand(2, 5)
    for given in ((seed[:1], seed, taps, previous), (seed, seed, taps, previous[:, :4])):
        with pytest.raises(ValueError, match="beside taps"):
            filtered_noise(*given, 8)


def test_previous_taps_that_are_not_contiguous(compiled: str) -> None:
    seed, taps = torch.arange(2), torch.rand(2, 3, 5)
    grads = []
    for previous in (torch.ones(5, 2).T, torch.ones(2, 5)):
        previous.requires_grad_()
        grads.append(torch.autograd.grad(filtered_noise(seed, seed, taps, previous, 8).sum(), previous)[0])
    torch.testing.assert_close(grads[0], grads[1], rtol=0, atol=0)
