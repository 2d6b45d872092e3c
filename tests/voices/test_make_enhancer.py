"""The enhancer's training: its noise, its mixtures and its distance."""

import numpy as np
import pytest
import torch
from tools.make_enhancer import Distance, Mixer, Speech, at_speeds
from tools.noises import Noises

from oscine.voices import Enhancer, EnhancerConfig
from oscine.voices.enhancer import CleanSpeech

CONFIG = EnhancerConfig(width=8, n_layers=2)
RATE, HOP = CONFIG.sample_rate, CONFIG.hop_length


def speech() -> Speech:
    """A tone of 200 Hz that comes and goes, and its analysis."""
    time_s = torch.arange(8 * RATE) / RATE
    sound = 0.1 * torch.sin(2 * torch.pi * 200 * time_s) * (torch.sin(2 * torch.pi * 1.5 * time_s) > 0)
    return at_speeds(sound.numpy(), torch.full((800,), 200.0), CONFIG)[1]


def noises(seed: int = 0) -> Noises:
    recorded = torch.randn(4 * RATE, generator=torch.Generator().manual_seed(5)).half()
    return Noises(speech().audio, recorded, RATE, seed)


@pytest.mark.parametrize("kind", ["coloured", "babble", "tones", "hits", "cut"])
def test_noise_of_each_kind_is_a_sound_and_no_crop_is_another(kind):
    made = getattr(noises(), kind)(6, RATE)
    assert made.shape == (6, RATE)
    assert bool(made.isfinite().all())
    power = made.square().mean(1)
    assert float(power.min()) > 0
    normal = made / power.sqrt()[:, None]
    alike = (normal @ normal.T / RATE - torch.eye(6)).abs().max()
    assert float(alike) < 0.9


def test_a_batch_of_noise_has_power_one_and_follows_the_seed():
    made = noises().batch(16, RATE)
    torch.testing.assert_close(made.square().mean(1), torch.ones(16))
    torch.testing.assert_close(noises().batch(16, RATE), made)
    assert not torch.allclose(noises(1).batch(16, RATE), made)


def test_faster_speech_has_a_higher_pitch():
    time_s = np.arange(2 * RATE) / RATE
    sound = (0.1 * np.sin(2 * np.pi * 200 * time_s)).astype(np.float32)
    for one, expected in zip(
        at_speeds(sound, torch.full((200,), 200.0), CONFIG), (176, 200, 226), strict=True
    ):
        assert len(one.audio) == len(one.density_db) * HOP
        spectrum = torch.fft.rfft(one.audio.float()[:RATE] * torch.hann_window(RATE)).abs()
        assert int(spectrum.argmax()) == expected


def test_a_mixture_is_the_speech_and_noise_within_the_range_of_levels():
    mixture = Mixer(speech(), torch.zeros(0), CONFIG, 0).batch(12)
    noise = mixture.noisy - mixture.speech
    powers = [one.square().mean(1) for one in (mixture.speech, noise)]
    ratio_db = 10 * torch.log10(powers[0] / powers[1])
    assert float(ratio_db.min()) > -5.1
    assert float(ratio_db.max()) < 20.1
    assert mixture.right.density_db.shape == (12, 300, CONFIG.n_bands)


@pytest.mark.parametrize("part", range(3))
def test_what_is_right_is_nearer_than_anything_else(part):
    mixture = Mixer(speech(), torch.zeros(0), CONFIG, 0).batch(4)
    distance = Distance(CONFIG, torch.device("cpu"))
    right = mixture.right._replace(noise_ratio_db=mixture.right.noise_ratio_db.clamp(-25, 25))
    wrong = list(right)
    wrong[part] = wrong[part].roll(40, 1)
    assert float(distance(right, mixture)) < float(distance(CleanSpeech(*wrong), mixture)) - 0.05


def test_silence_has_a_gradient_that_is_finite():
    n_frames = 1000
    silence = Speech(
        torch.zeros(n_frames * HOP), torch.full((n_frames, 80), -140.0), torch.zeros(n_frames, 80)
    )
    mixture = Mixer(silence, torch.zeros(0), CONFIG, 0).batch(2)
    enhancer = Enhancer(CONFIG)
    Distance(CONFIG, torch.device("cpu"))(enhancer(mixture.noisy), mixture).backward()
    assert all(bool(one.grad.isfinite().all()) for one in enhancer.parameters() if one.grad is not None)
