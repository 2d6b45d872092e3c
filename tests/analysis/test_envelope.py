"""The measured envelope against sounds whose envelope is known."""

import math

import numpy as np
import pytest
import torch

from oscine.analysis import spectral_envelope
from oscine.functional import envelope_grid_hz, envelope_oscillator, read_envelope

RATE, HOP, N_BANDS = 16_000, 80, 80


def _density_db() -> torch.Tensor:
    grid = envelope_grid_hz(N_BANDS, RATE)
    formants = sum(20 * torch.exp(-(((grid - hz) / 250) ** 2)) for hz in (600.0, 1700.0, 2800.0))
    return (-60 - 3 * (grid.clamp(min=100.0) / 100).log2() + formants).float()


def _sound(f0_hz: torch.Tensor, ratio_db: float) -> np.ndarray:
    curves = _density_db().expand(1, len(f0_hz), -1)
    audio = envelope_oscillator(
        f0_hz[None],
        curves,
        torch.full_like(curves, ratio_db),
        n_partials=130,
        n_noise_bands=257,
        sample_rate=RATE,
        hop_length=HOP,
    )
    return audio[0].numpy()


def _measured(f0_hz: torch.Tensor, ratio_db: float) -> tuple[torch.Tensor, torch.Tensor]:
    both = spectral_envelope(_sound(f0_hz, ratio_db), f0_hz, RATE, HOP, N_BANDS)
    density_db, noise_ratio_db = both[20:-20].split(N_BANDS, -1)
    return density_db, noise_ratio_db


@pytest.mark.parametrize("f0_hz", [90.0, 130.0, 220.0])
def test_the_envelope_of_partials_is_found(f0_hz: float):
    density_db, ratio_db = _measured(torch.full((200,), f0_hz), -100.0)
    # Between two partials, and below the first, nobody knows the envelope; a formant may be missed there.
    partials = torch.arange(1, int(7000 / f0_hz)) * f0_hz
    at = (read_envelope(x, partials[None].expand(len(x), -1), RATE) for x in (density_db, ratio_db))
    found, noise = next(at), next(at)
    known = read_envelope(_density_db()[None], partials[None], RATE)
    assert float((found - known).abs().mean()) < 1.0
    assert float(noise.median()) < -40


def test_vibrato_does_not_count_as_noise():
    time = torch.arange(1, 401) * HOP / RATE
    f0_hz = 150 * torch.exp2(torch.sin(2 * math.pi * 5.5 * time) / 12)
    _, ratio_db = _measured(f0_hz, -100.0)
    below_4k = envelope_grid_hz(N_BANDS, RATE) < 4000
    assert float(ratio_db[:, below_4k].median()) < -30


def test_noise_has_its_envelope_and_a_high_ratio():
    density_db, ratio_db = _measured(torch.full((600,), 150.0), 100.0)
    inside = slice(8, N_BANDS - 3)
    mean_db = 10 * torch.log10((10 ** (density_db / 10)).mean(0))
    assert float((mean_db - _density_db())[inside].abs().mean()) < 1.5
    assert float(ratio_db[:, inside].mean()) > 0


def test_the_ratio_rises_with_the_noise():
    ratios = [
        float(_measured(torch.full((200,), 150.0), x)[1].mean()) for x in (-40.0, -20.0, -10.0, 0.0, 20.0)
    ]
    assert ratios == sorted(ratios)
    assert ratios[-1] - ratios[0] > 25


def test_a_frame_stands_at_its_instant():
    # A pulse train of which only the middle sounds: what is measured begins and ends with it.
    audio = _sound(torch.full((200,), 200.0), -100.0)
    audio[: 60 * HOP] = audio[140 * HOP :] = 0
    density_db = spectral_envelope(audio, torch.full((200,), 200.0), RATE, HOP, N_BANDS)[:, 20]
    loud = torch.nonzero(density_db > density_db.max() - 6).flatten() + 1
    assert abs(int(loud.min()) - 60) <= 1
    assert abs(int(loud.max()) - 140) <= 1


def test_silence_is_at_the_floor_and_an_edge_is_no_error():
    both = spectral_envelope(np.zeros(10, np.float32), torch.full((3,), 20.0), RATE, HOP, N_BANDS)
    assert both.shape == (3, 2 * N_BANDS)
    assert float(both[:, :N_BANDS].max()) == -140


def test_no_frame_is_refused():
    with pytest.raises(ValueError, match="a frame and 2 bands"):
        spectral_envelope(np.zeros(10, np.float32), torch.zeros(0), RATE, HOP, N_BANDS)
