"""The log-mel loss: decibels, band by band."""

import pytest
import torch

from oscine.errors import InputError
from oscine.losses import LogMelLoss

RATE = 16000
NOISE = torch.rand(1, RATE, generator=torch.Generator().manual_seed(0)) - 0.5


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
@pytest.mark.parametrize("gain_db", [-12.0, 3.0])
def test_a_wrong_level_costs_its_decibels(rate, gain_db):
    loss = LogMelLoss(rate, floor_db=-200.0)
    assert float(loss(10 ** (gain_db / 20) * NOISE, NOISE)) == pytest.approx(abs(gain_db), abs=1e-3)


def test_a_full_scale_sine_reads_its_power_in_its_band():
    loss = LogMelLoss(RATE, n_mels=1, f_min_hz=0.0, f_max_hz=2000.0, floor_db=-200.0)
    # The only band peaks, at 1, where its mel is the middle one of 0 and 2000 Hz.
    peak_hz = 700 * ((1 + 2000 / 700) ** 0.5 - 1)
    sine = torch.sin(2 * torch.pi * peak_hz * torch.arange(RATE) / RATE)[None]
    quiet = torch.full_like(sine, 0.0)
    in_silence = LogMelLoss(RATE, n_mels=1, f_min_hz=0.0, f_max_hz=2000.0, floor_db=-63.0)
    assert float(loss(sine, 0.1 * sine)) == pytest.approx(20.0, abs=1e-3)
    assert float(in_silence(sine, quiet)) == pytest.approx(60.0, abs=0.5)


def test_noise_of_another_draw_costs_less_in_longer_windows():
    other = torch.rand(1, RATE, generator=torch.Generator().manual_seed(1)) - 0.5
    short, long = (float(LogMelLoss(RATE, window_s=window_s)(other, NOISE)) for window_s in (0.01, 0.1))
    assert long < 0.7 * short


def test_the_gradient_is_finite_in_silence_and_right_elsewhere():
    loss = LogMelLoss(RATE)
    silence = torch.zeros(1, 4000, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(silence, NOISE[:, :4000]), silence)
    assert slope.isfinite().all()
    loss, target = loss.double(), NOISE[:, :1000].double()
    audio = (0.5 * target + 0.1 * target.roll(7)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, target), audio, fast_mode=True)


def test_what_can_not_be_used_is_refused():
    with pytest.raises(InputError, match="up to Nyquist"):
        LogMelLoss(RATE, f_max_hz=9000.0)
    with pytest.raises(InputError, match="same batch and time"):
        LogMelLoss(RATE)(NOISE, NOISE[:, :100])
