"""Noise bands: one moving filter is the sum of all band noises, and a band is where it says."""

import inspect

import pytest
import torch

from oscine.functional import noise_bands, noise_bands_step, noise_state, uniform_noise, upsample
from oscine.functional.noise import band_centers_hz, band_taps

RATE, HOP, BANDS, TAPS = 16_000, 50, 12, 40
RATES = {"sample_rate": RATE, "hop_length": HOP}


def test_it_is_the_sum_of_band_noises_each_times_its_gain():
    gains = torch.rand(2, 9, BANDS, dtype=torch.float64)
    half = band_taps(BANDS, TAPS, RATE)
    filters = torch.cat([half[:, 1:].flip(-1), half], -1)
    n_samples, reach = 9 * HOP, TAPS - 1
    seed, start = torch.tensor([5, 6]), torch.full((2,), -reach)
    white = uniform_noise(seed, start, n_samples + 2 * reach, torch.float64)
    bands = torch.nn.functional.conv1d(white[:, None], filters[:, None])
    expected = (bands.transpose(1, 2) * upsample(gains, HOP)).sum(-1)
    audio = noise_bands(gains, **RATES, n_taps=TAPS, seed=5)
    torch.testing.assert_close(audio, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_bands", "n_taps"), [(2, 2), (12, 40), (256, 1024), (1024, 64)])
def test_all_bands_together_are_white_noise(n_bands, n_taps):
    audio = noise_bands(torch.ones(1, 5, n_bands, dtype=torch.float64), **RATES, n_taps=n_taps, seed=3)
    zero = torch.zeros(1, dtype=torch.int64)
    white = uniform_noise(zero + 3, zero, 5 * HOP, torch.float64)
    torch.testing.assert_close(audio, white, rtol=0, atol=1e-9)


@pytest.mark.parametrize("band", [10, 40, 80, 127])
def test_a_band_sounds_at_its_centre_and_not_elsewhere(band):
    half = band_taps(128, 2048, RATE)[band]
    n_fft = 1 << 14
    response = half[0] + 2 * (
        half[1:, None]
        * torch.cos(2 * torch.pi / n_fft * torch.arange(1.0, 2048)[:, None] * torch.arange(n_fft // 2 + 1))
    ).sum(0)
    hz = torch.arange(n_fft // 2 + 1) * RATE / n_fft
    centers = band_centers_hz(128, RATE)
    assert float(hz[response.argmax()]) == pytest.approx(float(centers[band]), abs=8.0)
    beyond = (hz < centers[max(0, band - 3)]) | (hz > centers[min(127, band + 3)])
    assert float(response[beyond].abs().max()) < 1e-3 * float(response.max())


def test_bands_are_equally_wide_in_mel():
    centers = band_centers_hz(64, RATE)
    assert (float(centers[0]), float(centers[-1])) == pytest.approx((0.0, RATE / 2), abs=1e-6)
    steps = (2595 * torch.log10(1 + centers / 700)).diff()
    torch.testing.assert_close(steps, steps.mean().expand(63), rtol=1e-9, atol=0)


def test_the_noise_is_the_one_of_its_place_far_into_a_stream():
    state = noise_state(1, BANDS, seed=9)._replace(sample=torch.tensor([2**33 + 17]))
    audio, after = noise_bands_step(torch.ones(1, 4, BANDS), state, **RATES, n_taps=TAPS)
    white = uniform_noise(torch.tensor([9]), torch.tensor([2**33 + 17]), 4 * HOP)
    torch.testing.assert_close(audio, white, rtol=0, atol=1e-5)
    assert int(after.sample) == 2**33 + 17 + 4 * HOP


def test_gradients():
    gains = torch.rand(1, 3, 4, dtype=torch.float64, requires_grad=True)

    def sound(gains):
        return noise_bands(gains, sample_rate=RATE, hop_length=5, n_taps=6)

    assert torch.autograd.gradcheck(sound, gains)


@pytest.mark.parametrize(
    ("shape", "options", "reason"),
    [
        ((1, 4, 1), {}, "1 bands and 1024 taps; give at least 2"),
        ((1, 4, 8), {"n_taps": 1}, "8 bands and 1 taps; give at least 2"),
        ((4, 8), {}, "gains has 2 axes"),
        ((1, 0, 8), {}, "no axis of which is empty"),
        ((1, 4, 8), {"hop_length": 0}, "hop_length is 0"),
    ],
)
def test_bad_arguments_are_refused(shape, options, reason):
    with pytest.raises(ValueError, match=reason):
        inspect.unwrap(noise_bands)(torch.ones(shape), **{**RATES, **options})
