"""The envelope loss: a level in dB, and an onset that a spectral loss does not see."""

import pytest
import torch

from oscine.errors import InputError
from oscine.losses import EnvelopeLoss, MultiScaleSpectralLoss

RATE = 44_100


def click(at):
    audio = torch.zeros(1, RATE // 4)
    audio[0, at] = 0.9
    return audio


def test_a_level_counts_in_db():
    noise = torch.rand(2, 8000) - 0.5
    for gain, expected in ((2.0, 6.0206), (0.1, 20.0)):
        assert float(EnvelopeLoss(RATE)(gain * noise, noise)) == pytest.approx(expected, abs=0.05)


def test_it_grows_with_the_time_between_two_clicks():
    loss, target = EnvelopeLoss(RATE), click(5001)
    late = [float(loss(click(5001 + n), target)) for n in (0, 3, 9, 20, 60, 200)]
    assert late[0] == 0.0
    assert late == sorted(late)
    assert late[2] > 0.0


def test_it_pulls_a_misplaced_click_more_than_a_spectral_loss_does():
    target = click(5001)
    ratio = {}
    for loss in (EnvelopeLoss(RATE), MultiScaleSpectralLoss(RATE)):
        near, far = float(loss(click(5010), target)), float(loss(click(5045), target))
        ratio[type(loss)] = far / near
    assert ratio[EnvelopeLoss] > 1.5 * ratio[MultiScaleSpectralLoss]


def test_gradients_are_finite_in_silence():
    audio = torch.zeros(1, 4000, requires_grad=True)
    EnvelopeLoss(RATE)(audio, click(900)[:, :4000]).backward()
    assert audio.grad is not None
    assert audio.grad.isfinite().all()


def test_bad_arguments_are_refused():
    with pytest.raises(InputError, match="at least two samples"):
        EnvelopeLoss(8000, windows_s=[1e-4])
    with pytest.raises(InputError, match="at least two samples"):
        EnvelopeLoss(8000, windows_s=[])
    with pytest.raises(InputError, match="the same batch and time"):
        EnvelopeLoss(RATE)(torch.zeros(1, 5), torch.zeros(1, 6))
    with pytest.raises(InputError, match="no samples"):
        EnvelopeLoss(RATE)(torch.zeros(1, 0), torch.zeros(1, 0))
