"""Noise: white, reproducible, the same in any blocking; its filter: the response that was asked for."""

import inspect
import itertools
import math

import numpy as np
import pytest
import torch

from oscine.functional import filtered_noise, noise_state, uniform_noise
from oscine.functional.noise import item_seeds


def _noise(seed: int, start: int, n: int) -> torch.Tensor:
    return uniform_noise(torch.tensor([seed]), torch.tensor([start]), n, torch.float64)[0]


def test_noise_is_a_function_of_the_samples_number() -> None:
    whole = _noise(7, 0, 1000)
    for start in (0, 1, 337, 999):
        torch.testing.assert_close(_noise(7, start, 1000 - start), whole[start:], rtol=0, atol=0)
    torch.testing.assert_close(_noise(7, -50, 1050)[50:], whole, rtol=0, atol=0)


def test_noise_is_uniform_and_white() -> None:
    noise = _noise(3, 0, 200_000)
    assert noise.abs().max() <= 1
    assert abs(noise.mean()) < 0.005
    assert noise.var() == pytest.approx(1 / 3, rel=0.01)
    counts = torch.histc(noise, 20, -1, 1)
    # 10 000 expected in each bin: five standard deviations are 490.
    assert (counts - 10_000).abs().max() < 490
    for lag in (1, 2, 3, 64, 4096):
        correlation = (noise[lag:] * noise[:-lag]).mean() / noise.var()
        assert abs(correlation) < 0.012


def test_seeds_are_independent() -> None:
    noises = torch.stack([_noise(seed, 0, 50_000) for seed in (0, 1, 2, 2**32, -1)])
    correlation = torch.corrcoef(noises) - torch.eye(5, dtype=torch.float64)
    assert correlation.abs().max() < 0.025


def test_any_whole_number_is_a_seed() -> None:
    for seed, seeds in (
        (-3, [-3, -2]),
        ((1 << 64) + 5, [5, 6]),
        ((1 << 63) - 1, [(1 << 63) - 1, -(1 << 63)]),
    ):
        assert noise_state(2, 4, seed).seed.tolist() == seeds
    assert noise_state(1, 4, 10**30).seed.dtype == torch.int64
    bare = inspect.unwrap(item_seeds)
    assert bare(np.int64(3), 2).tolist() == [3, 4]
    for wrong in (0.5, "3", True):
        with pytest.raises(ValueError, match=r"give a whole number\.$"):
            bare(wrong, 2)


def test_noise_does_not_repeat_beyond_32_bits() -> None:
    assert (_noise(0, 2**32, 100) - _noise(0, 0, 100)).abs().min() > 0


def test_flat_magnitudes_are_the_noise_itself_without_delay() -> None:
    audio = filtered_noise(torch.ones(2, 20, 65, dtype=torch.float64), hop_length=64, seed=5)
    truth = uniform_noise(torch.tensor([5, 6]), torch.zeros(2, dtype=torch.int64), 1280, torch.float64)
    torch.testing.assert_close(audio, truth, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_bands", "hop"), [(65, 64), (33, 100), (129, 176)])
def test_the_filter_passes_what_its_bands_say(n_bands: int, hop: int) -> None:
    # A band-pass: a plateau from a quarter to a half of the range.
    magnitudes = torch.zeros(n_bands, dtype=torch.float64)
    magnitudes[n_bands // 4 : n_bands // 2] = 1
    n_frames = 100_000 // hop
    audio = filtered_noise(magnitudes.expand(1, n_frames, n_bands), hop_length=hop)[0]
    power = torch.fft.rfft(audio).abs().square()
    edges = (torch.tensor([0, 0.2, 0.29, 0.46, 0.56, 1.0]) * (len(power) - 1)).long().tolist()
    low, _, middle, _, high = (power[a:b].mean() for a, b in itertools.pairwise(edges))
    white = len(audio) / 3
    assert middle / white == pytest.approx(1, rel=0.06)
    assert max(low, high) / white < 1e-3


def test_magnitudes_move_in_straight_lines() -> None:
    # Silence at frame 0 and full level at frame 1: the envelope of the noise inside frame 1 is the ramp.
    magnitudes = torch.stack([torch.zeros(65), torch.ones(65)]).double().unsqueeze(0)
    audio = filtered_noise(magnitudes, hop_length=64)[0]
    truth = uniform_noise(torch.tensor([0]), torch.tensor([0]), 128, torch.float64)[0]
    assert audio[:65].abs().max() < 1e-12
    torch.testing.assert_close(audio[64:], truth[64:] * torch.arange(64) / 64, rtol=0, atol=1e-12)


def test_the_filter_has_no_delay() -> None:
    magnitudes = torch.rand(1, 1, 65, dtype=torch.float64).expand(1, 200, 65)
    audio = filtered_noise(magnitudes, hop_length=64)[0]
    noise = uniform_noise(torch.tensor([0]), torch.tensor([0]), len(audio), torch.float64)[0]
    cross = torch.fft.irfft(torch.fft.rfft(audio) * torch.fft.rfft(noise).conj())
    assert int(cross.argmax()) == 0
    assert abs(cross[1] - cross[-1]) < 0.05 * cross[0]


def test_gradients() -> None:
    magnitudes = torch.rand(2, 3, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m: filtered_noise(m, hop_length=7), magnitudes)


def test_level_of_white_noise() -> None:
    audio = filtered_noise(torch.full((1, 500, 65), 0.1), hop_length=64)
    assert audio.square().mean().sqrt().item() == pytest.approx(0.1 / math.sqrt(3), rel=0.02)
