"""The neural filter: nothing at first, how far it looks back, its gradients, and what it can learn."""

import pytest
import torch
from torch import Tensor

from oscine.processors import NeuralFilter

HOP = 8


def _filter(*, loud: bool = True, **sizes: int) -> NeuralFilter:
    torch.manual_seed(0)
    made = NeuralFilter(HOP, **({"hidden_size": 4, "n_layers": 4, "n_conditions": 2} | sizes)).double()
    if loud:
        torch.nn.init.normal_(made.output)
    return made


def _signal(n_frames: int = 20) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(1, n_frames * HOP).double(), torch.rand(1, n_frames, 2).double()


def test_before_training_it_is_the_signal() -> None:
    block, (audio, conditions) = _filter(loud=False), _signal()
    assert block.latency == 0
    torch.testing.assert_close(block(audio, conditions), audio, rtol=0, atol=0)
    assert (_filter()(audio, conditions) - audio).abs().max() > 0.1


@pytest.mark.parametrize(("n_layers", "kernel_size", "expected"), [(4, 3, 31), (5, 2, 32), (3, 1, 1)])
def test_a_sample_depends_on_the_receptive_field_and_on_nothing_later(
    n_layers: int, kernel_size: int, expected: int
) -> None:
    block, (audio, conditions) = _filter(n_layers=n_layers, kernel_size=kernel_size), _signal()
    audio.requires_grad_()
    at = 100
    (gradient,) = torch.autograd.grad(block(audio, conditions)[0, at], audio)
    touched = gradient[0].nonzero().flatten()
    assert (int(touched[0]), int(touched[-1])) == (at - expected + 1, at)
    assert block.receptive_field == expected


def test_a_condition_acts_from_its_frame_on() -> None:
    block, (audio, conditions) = _filter(), _signal()
    other = conditions.clone()
    other[:, 10] += 0.5
    change = (block(audio, other) - block(audio, conditions)).abs()[0]
    # Inside frame t a condition goes from its value t − 1 to its value t, so the first sample is as before.
    assert change[: 10 * HOP + 1].max() == 0
    assert change[10 * HOP + 1 : 12 * HOP].min() > 0
    assert change[12 * HOP + block.receptive_field :].max() == 0


def test_gradients() -> None:
    block = _filter(hidden_size=2, n_layers=2)
    audio, conditions = (x.requires_grad_() for x in _signal(3))
    given = (audio, conditions, *block.parameters())
    assert torch.autograd.gradcheck(lambda x, c, *_: block(x, c), given)


def test_it_adds_the_harmonics_that_the_source_lacks() -> None:
    """A sine becomes a sound with a third harmonic, at pitches that it was not trained with."""
    torch.manual_seed(0)
    block = NeuralFilter(64, hidden_size=8, n_layers=3, n_conditions=1)
    optimizer = torch.optim.Adam(block.parameters(), lr=1e-2)
    conditions = torch.zeros(1, 32, 1)

    def error(f0_hz: float) -> Tensor:
        phase = 2 * torch.pi * f0_hz / 16_000 * torch.arange(32 * 64)[None]
        target = 0.3 * torch.sin(phase) + 0.1 * torch.sin(3 * phase)
        return (block(0.3 * torch.sin(phase), conditions) - target)[:, 64:].square().mean()

    first = error(350.0).item()
    for i in range(300):
        optimizer.zero_grad()
        error(200.0 + 50.0 * (i % 2) + 150.0 * (i % 3)).backward()
        optimizer.step()
    assert error(350.0).item() < 0.1 * first


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="hidden_size is 0"):
        NeuralFilter(HOP, hidden_size=0)
    with pytest.raises(ValueError, match="give 8 for each"):
        _filter()(torch.zeros(1, 100).double(), torch.zeros(1, 4, 2).double())
