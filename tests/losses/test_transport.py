"""The transport loss: tones apart cost their interval, and its gradient points to the right pitch."""

import math

import pytest
import torch

from oscine.errors import InputError
from oscine.functional import harmonic_oscillator
from oscine.losses import MultiScaleSpectralLoss, SpectralTransportLoss

SAMPLE_RATE = 16000
OFFSETS = torch.tensor([0.3, 0.5, 1.0, 2.0, 5.0, 7.0, 12.0, 19.0, 24.0])


def sine(frequency_hz, n_samples=8000, level=1.0, dtype=torch.float32):
    time = torch.arange(n_samples, dtype=torch.float64) / SAMPLE_RATE
    return (level * torch.sin(2 * torch.pi * frequency_hz * time)).to(dtype)[None]


def tones(f0_hz, distribution):
    frames = f0_hz[:, None].expand(-1, 125)
    weights = distribution.expand(len(f0_hz), 125, -1)
    return harmonic_oscillator(
        frames, torch.full_like(frames, 0.3), weights, sample_rate=SAMPLE_RATE, hop_length=64
    )


def share_that_points_to_the_target(loss, predicted, true, f0_hz=(100.0, 147.0, 233.0, 400.0, 800.0)):
    """Return, for targets below and above by each offset, the share of −dL/df0 with the right sign."""
    offsets = torch.cat([-OFFSETS, OFFSETS])
    target_hz = torch.tensor(f0_hz).repeat_interleave(len(offsets))
    offsets = offsets.repeat(len(f0_hz))
    f0 = (target_hz * torch.exp2(offsets / 12)).requires_grad_()
    audio, target = tones(f0, predicted), tones(target_hz, true)
    total = torch.stack([loss(a, t) for a, t in zip(audio, target, strict=True)]).sum()
    (slope,) = torch.autograd.grad(total, f0)
    return float((slope.sign() == offsets.sign()).float().mean())


NUMBER = torch.arange(1.0, 41.0)


@pytest.mark.parametrize("interval", [-24.0, -7.0, -1.0, 0.5, 3.0, 12.0, 19.0])
def test_two_sines_cost_their_interval(interval):
    low, high = sine(500.0), sine(500.0 * 2 ** (interval / 12))
    assert float(SpectralTransportLoss()(low, high)) == pytest.approx(abs(interval), abs=0.05)
    apart_hz = abs(500.0 * (2 ** (interval / 12) - 1))
    loss = SpectralTransportLoss(axis="hz")
    assert float(loss(low, high)) == pytest.approx(apart_hz, rel=0.02)
    squared = SpectralTransportLoss(axis="hz", order=2)
    assert math.sqrt(float(squared(low, high))) == pytest.approx(apart_hz, rel=0.02, abs=0.3)


def test_a_harmonic_tone_costs_its_interval_too():
    tone = tones(torch.tensor([100.0, 150.0]), 1 / NUMBER)
    assert float(SpectralTransportLoss()(tone[:1], tone[1:])) == pytest.approx(12 * math.log2(1.5), abs=0.1)


def test_the_gradient_points_to_the_target_at_any_interval():
    # Beyond half a semitone the multi-scale loss points either way: this is what the transport is for.
    tilt = 1 / NUMBER
    assert share_that_points_to_the_target(SpectralTransportLoss(), tilt, tilt) > 0.98
    assert share_that_points_to_the_target(MultiScaleSpectralLoss(), tilt, tilt) < 0.7


def test_a_steeper_spectrum_still_points_and_a_flat_one_does_not():
    assert share_that_points_to_the_target(SpectralTransportLoss(), NUMBER**-2.0, 1 / NUMBER) > 0.8
    # Of a flat spectrum the centroid is so high that f0 is drawn down from everywhere: half of it is wrong.
    flat = share_that_points_to_the_target(SpectralTransportLoss(), torch.ones(40), 1 / NUMBER)
    assert 0.4 < flat < 0.65


def test_descent_crosses_an_octave():
    # By the gradient's sign: now and then its size is a hundredfold, after which Adam all but stands still.
    away = torch.linspace(0.9, 1.1, 6)
    octaves = torch.cat([-away, away])
    target = tones(torch.full_like(octaves, 220.0), 1 / NUMBER)
    loss, n_steps = SpectralTransportLoss(), 80
    for step in range(n_steps):
        octaves.requires_grad_()
        total = loss(tones(220.0 * torch.exp2(octaves), 1 / NUMBER), target)
        (slope,) = torch.autograd.grad(total, octaves)
        octaves = octaves.detach() - 0.1 * (1 - step / n_steps) * slope.sign()
    assert float(octaves.abs().max()) < 0.03


@pytest.mark.parametrize("options", [{}, {"exponent": 1.0}, {"order": 2.0}])
def test_level_has_no_say(options):
    loss = SpectralTransportLoss(**options)
    tone, target = sine(300.0), sine(400.0)
    reference = float(loss(tone, target))
    for level, target_level in ((0.1, 1.0), (0.03, 0.1), (0.1, 0.01)):
        assert float(loss(level * tone, target_level * target)) == pytest.approx(reference, rel=2e-3)


@pytest.mark.parametrize("options", [{}, {"exponent": 1.0}, {"order": 2.0}, {"axis": "hz"}])
@pytest.mark.parametrize("level", [0.0, 1e-30, 1e-12, 1e-7, 1e-4])
def test_silence_weighs_nothing_and_pushes_nowhere_far(options, level):
    loss = SpectralTransportLoss(**options)
    tone, loud = sine(300.0), sine(400.0).requires_grad_()
    loss(loud, tone).backward()
    assert loud.grad is not None
    usual = float(loud.grad.abs().max())
    # The prediction is silent: nothing is said, and the slope is bounded: steepest about 80 dB down.
    whisper = (level * sine(400.0)).requires_grad_()
    value = loss(whisper, tone)
    value.backward()
    assert whisper.grad is not None
    assert float(value.detach()) <= float(loss(loud, tone).detach())
    assert float(whisper.grad.abs().max()) < 1e4 * usual
    # The target is silent: nothing is asked.
    loud = sine(400.0).requires_grad_()
    value = loss(loud, level * tone)
    value.backward()
    assert float(value.detach()) == 0.0
    assert loud.grad is not None
    assert float(loud.grad.abs().max()) == 0.0


def test_a_louder_frame_of_the_target_weighs_more_and_a_silent_one_nothing():
    right, wrong, silence = sine(400.0), sine(800.0), torch.zeros(1, 8000)
    loss = SpectralTransportLoss()
    target = torch.cat([right, silence, 0.03 * right], dim=1)
    in_silence = torch.cat([right, wrong, right], dim=1)
    in_soft = torch.cat([right, silence, wrong], dim=1)
    in_loud = torch.cat([wrong, silence, right], dim=1)
    assert float(loss(in_silence, target)) < 1.2  # what remains are the frames across the edges
    assert float(loss(in_soft, target)) < 0.8 * float(loss(in_loud, target))


@pytest.mark.parametrize("sample_rate", [16000, 44100, 48000])
def test_sizes_follow_the_rate(sample_rate):
    loss = SpectralTransportLoss(sample_rate)
    assert loss.n_fft / sample_rate == pytest.approx(0.128, rel=0.03)
    assert not loss.state_dict()
    time = torch.arange(sample_rate) / sample_rate
    low, high = (torch.sin(2 * torch.pi * f * time)[None] for f in (500.0, 750.0))
    assert float(loss(low, high)) == pytest.approx(12 * math.log2(1.5), abs=0.05)


def test_a_signal_shorter_than_a_frame_is_one_frame():
    loss = SpectralTransportLoss()
    assert float(loss(sine(500.0, 900), sine(1000.0, 900))) == pytest.approx(12.0, abs=0.3)
    assert math.isfinite(float(loss(sine(500.0, 1), sine(1000.0, 1))))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_fft": 2}, "n_fft is 2"),
        ({"hop_length": 0}, "hop_length is 0"),
        ({"order": 0.5}, "order is 0.5"),
        ({"floor_db": 0.0}, "negative floor"),
        ({"f_min_hz": 9000.0}, "below 8000.0 Hz"),
        ({"sample_rate": 0}, "sample_rate is 0"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        SpectralTransportLoss(**options)
