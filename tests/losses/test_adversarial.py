"""The adversarial loss: what each side receives, and that it tells sounds apart."""

import pytest
import torch

from oscine.errors import InputError
from oscine.losses import AdversarialLoss

RATE = 16_000


def _buzz(seed: int, decay: float) -> torch.Tensor:
    """A tone with partials that fall by a power, at a phase of its own."""
    random = torch.Generator().manual_seed(seed)
    time = torch.arange(RATE // 4) / RATE
    f0 = 150 + 100 * torch.rand(4, 1, generator=random)
    number = torch.arange(1, 20)[:, None, None]
    return 0.1 * (torch.sin(2 * torch.pi * number * f0 * time) / number**decay).sum(0)


def test_each_side_receives_the_gradient_of_its_own_term_alone() -> None:
    torch.manual_seed(0)
    loss = AdversarialLoss(RATE)
    audio = _buzz(0, 1.0).requires_grad_()
    weights = list(loss.parameters())
    terms = loss(audio, _buzz(1, 2.0))
    of_generator = torch.autograd.grad(terms.generator, [audio, *weights], allow_unused=True)
    assert of_generator[0] is not None
    assert of_generator[0].abs().max() > 0
    assert all(gradient is None for gradient in of_generator[1:])
    terms = loss(audio, _buzz(1, 2.0))
    of_discriminator = torch.autograd.grad(terms.discriminator, [audio, *weights], allow_unused=True)
    assert of_discriminator[0] is None
    assert all(gradient is not None and gradient.abs().max() > 0 for gradient in of_discriminator[1:])


def test_trained_discriminators_tell_two_sounds_apart_and_the_instrument_is_told_so() -> None:
    torch.manual_seed(0)
    loss = AdversarialLoss(RATE)
    optimizer = torch.optim.Adam(loss.parameters(), lr=6e-3)
    for step in range(40):
        terms = loss(_buzz(step, 2.0), _buzz(1000 + step, 1.0))
        optimizer.zero_grad()
        terms.discriminator.backward()
        optimizer.step()
    with torch.no_grad():
        told = loss(_buzz(5000, 2.0), _buzz(6000, 1.0))
        equal = loss(_buzz(5000, 1.0), _buzz(6000, 1.0))
    assert told.discriminator < 0.45
    assert equal.discriminator > 0.55
    assert equal.generator < 0.75 * told.generator


def test_the_level_of_both_does_not_matter() -> None:
    torch.manual_seed(0)
    loss = AdversarialLoss(RATE)
    loud, soft = loss(_buzz(0, 2.0), _buzz(1, 1.0)), loss(0.3 * _buzz(0, 2.0), 0.3 * _buzz(1, 1.0))
    torch.testing.assert_close(loud.generator, soft.generator, rtol=1e-2, atol=0)


def test_sounds_of_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="same batch and time"):
        AdversarialLoss(RATE)(torch.zeros(1, 800), torch.zeros(1, 900))
