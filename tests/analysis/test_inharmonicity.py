"""B of a stiff string from its peaks: strings whose B is known, noise, harmonic tones, and no tone."""

import math

import pytest
import torch

from oscine.analysis import string_partials


def string(f0_hz, coefficient, rate=16000, seconds=1.0, noise_db=-50.0, strongest=1):
    """A plucked string; partials below `strongest` are 20 dB weaker."""
    random = torch.Generator().manual_seed(0)
    time_s = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    number = torch.arange(1, 81, dtype=torch.float64)[:, None]
    hz = number * f0_hz * torch.sqrt(1 + coefficient * number**2)
    level = (torch.sin(0.6 * number).abs() + 0.02) / number * (hz < 0.49 * rate)
    level = torch.where(number < strongest, 0.1 * level, level)
    turns = hz * time_s + torch.rand(80, 1, generator=random, dtype=torch.float64)
    note = (level * torch.exp(-(1 + number / 10) * time_s) * torch.sin(2 * torch.pi * turns)).sum(0)
    noise = 10 ** (noise_db / 20) * torch.randn(len(note), generator=random, dtype=torch.float64)
    return (0.5 * note / note.abs().max() + noise).float()


@pytest.mark.parametrize("f0_hz", [80.0, 220.0, 600.0])
@pytest.mark.parametrize("coefficient", [1e-5, 1e-4, 1e-3])
def test_the_coefficient_of_a_string_is_found(f0_hz, coefficient):
    for off in (0.985, 1.02):  # a tracker's pitch is not f0
        found = string_partials(string(f0_hz, coefficient), 16000, off * f0_hz)
        assert found is not None
        assert found.inharmonicity == pytest.approx(coefficient, rel=0.02)
        assert found.f0_hz == pytest.approx(f0_hz, rel=1e-4)
        assert found.n_partials >= 10


def test_noise_a_short_note_another_rate_and_a_weak_fundamental():
    for sound, rate in (
        (string(165.0, 3e-4, noise_db=-30.0), 16000),
        (string(165.0, 3e-4, seconds=0.25), 16000),
        (string(165.0, 3e-4, rate=44100), 44100),
        (string(165.0, 3e-4, strongest=4), 16000),
    ):
        found = string_partials(sound, rate, 166.0)
        assert found is not None
        assert found.inharmonicity == pytest.approx(3e-4, rel=0.05)


def test_a_harmonic_tone_has_none():
    found = string_partials(string(220.0, 0.0), 16000, 221.0)
    assert found is not None
    assert found.inharmonicity < 1e-6


def test_the_peaks_tell_it_not_the_given_pitch():
    low, high = (string_partials(string(110.0, 2e-4), 16000, one) for one in (108.0, 112.5))
    assert low is not None
    assert high is not None
    assert math.isclose(low.inharmonicity, high.inharmonicity, rel_tol=1e-3)


def test_without_clear_partials_there_is_nothing_to_tell():
    noise = 0.1 * torch.randn(16000, generator=torch.Generator().manual_seed(1))
    assert string_partials(torch.zeros(16000), 16000, 220.0) is None
    assert string_partials(string(220.0, 1e-4)[:300], 16000, 220.0) is None  # four periods
    assert string_partials(string(3000.0, 1e-4), 16000, 3000.0) is None  # two partials
    sine = 0.5 * torch.sin(2 * torch.pi * 220 / 16000 * torch.arange(16000.0)) + 0.01 * noise
    assert string_partials(sine, 16000, 220.0) is None
