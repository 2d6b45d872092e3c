"""The texture distance: the energy distance of level steps knows what bins compared one by one don't."""

import pytest
import torch

from oscine.errors import InputError
from oscine.functional import filtered_noise, sinusoidal_oscillator, smooth_noise
from oscine.losses import EnergyDistance, MultiScaleSpectralLoss, TextureDistance

RATE, HOP, FRAMES = 16_000, 64, 500
#: 16 mel bands apart, which is one of the distance's offsets.
TONES_HZ = torch.tensor([298.0, 1142.0, 2695.0, 5573.0])


def _tones(seed: int, *, together: bool, period: int, n_items: int = 16) -> torch.Tensor:
    """Return tones in a little noise that move by ±12 dB, together or each for itself, once per period."""
    seeds, zeros = 1000 * seed + torch.arange(n_items), torch.zeros(n_items, dtype=torch.long)
    curves = smooth_noise(seeds, zeros, FRAMES, [period] * len(TONES_HZ))
    if together:
        curves = curves[..., :1].expand_as(curves)
    tones = sinusoidal_oscillator(
        TONES_HZ.expand_as(curves), 0.1 * 10 ** (12 * curves / 20), sample_rate=RATE, hop_length=HOP
    )
    floor = torch.full((n_items, FRAMES, 9), 1e-3)
    return tones + filtered_noise(floor, hop_length=HOP, seed=100 * seed)


def _energy(distance: torch.nn.Module, **kind) -> float:
    """Return the energy distance of tones to tones that move each for itself in 64 ms."""
    target = _tones(0, together=False, period=16)
    return float(EnergyDistance(distance)(_tones(1, **kind), target, _tones(2, **kind)))


def test_tones_that_move_together_are_not_tones_that_move_alone():
    texture, spectral = TextureDistance(RATE), MultiScaleSpectralLoss(RATE, linear_weight=0.0)
    right, wrong = (_energy(texture, together=one, period=16) for one in (False, True))
    assert wrong > 1.03 * right
    right, wrong = (_energy(spectral, together=one, period=16) for one in (False, True))
    assert wrong < 1.02 * right  # bins one by one don't tell


@pytest.mark.parametrize("period", [2, 125])
def test_movement_of_another_speed_costs_more(period: int):
    texture = TextureDistance(RATE)
    right, wrong = (_energy(texture, together=False, period=one) for one in (16, period))
    assert wrong > 1.03 * right


def test_the_same_sound_costs_nothing_and_silence_has_a_gradient():
    texture, sound = TextureDistance(RATE), _tones(1, together=True, period=4)
    assert float(texture(sound, sound)) == 0.0
    silence = torch.zeros_like(sound, requires_grad=True)
    texture(silence, sound).backward()
    assert silence.grad is not None
    assert torch.isfinite(silence.grad).all()


def test_what_cannot_be_compared_is_refused():
    texture = TextureDistance(RATE)
    with pytest.raises(InputError, match="the target"):
        texture(torch.zeros(1, 4000), torch.zeros(1, 4001))
    with pytest.raises(InputError, match="its texture needs 11 hops of 92"):
        texture(torch.zeros(1, 800), torch.zeros(1, 800))
