"""The loss of texture: how much bands move, whether they do so together, and how loud they are."""

import pytest
import torch

from oscine.errors import InputError
from oscine.losses import TextureLoss


def _tones(rate: int, together: bool, depth_db: float = 6.0, seconds: float = 2.0) -> torch.Tensor:
    """Return ten tones an octave's third apart, each of a level that swings at 12 Hz."""
    time_s = torch.arange(round(seconds * rate)) / rate
    sound = torch.zeros_like(time_s)
    for number in range(10):
        phase = 0.0 if together else 2 * torch.pi * number / 10
        gain_db = depth_db * torch.sin(2 * torch.pi * 12 * time_s + phase)
        sound += 10 ** (gain_db / 20) * torch.sin(2 * torch.pi * 500 * 1.3**number * time_s)
    return 0.02 * sound[None]


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_the_moment_does_not_count_and_level_and_movement_do(rate):
    loss = TextureLoss(rate, floor_db=-140.0)
    sound = _tones(rate, together=False)
    steady = _tones(rate, together=False, depth_db=0.0)
    assert float(loss(10 * sound, sound)) == pytest.approx(0.6 * 20, abs=0.05)
    assert float(loss(sound.roll(rate // 20), sound)) < 0.5
    assert float(loss(steady, sound)) > 1.0


def test_bands_that_move_together_are_not_those_that_move_alone():
    loss = TextureLoss(16000)
    alone, together = (_tones(16000, together=one) for one in (False, True))
    assert float(loss(together, alone)) > 1.0 > 2 * float(loss(alone.roll(800), alone))


def test_the_gradient_is_right_and_finite_in_silence():
    loss, generator = TextureLoss(16000), torch.Generator().manual_seed(0)
    silence = torch.zeros(1, 4000, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(silence, _tones(16000, together=True)[:, :4000]), silence)
    assert slope.isfinite().all()
    target = torch.rand(1, 3000, generator=generator, dtype=torch.float64) - 0.5
    audio = (0.5 * target + 0.2 * target.roll(100)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss.double()(x, target), audio, fast_mode=True)


def test_what_can_not_be_used_is_refused():
    with pytest.raises(InputError, match="same batch and time"):
        TextureLoss(16000)(torch.zeros(1, 100), torch.zeros(1, 99))
    with pytest.raises(InputError, match="no samples; give at least one"):
        TextureLoss(16000)(torch.zeros(1, 0), torch.zeros(1, 0))
