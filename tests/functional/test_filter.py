"""Moving filters against convolutions, cepstra and tones."""

import math

import numpy as np
import pytest
import torch
from scipy import signal
from torch import Tensor

from oscine.functional import fft_convolve, minimum_phase_taps, moving_filter, zero_phase_taps
from oscine.functional.filter import LOG_OFFSET
from oscine.functional.noise import filter_taps

HOP = 32


def _formants(n_bands: int = 65) -> Tensor:
    hz = torch.linspace(0, 8000, n_bands, dtype=torch.float64)
    peaks = ((600, 60, 1.0), (1200, 80, 0.5), (2500, 120, 0.3))
    return 1e-3 + torch.stack([a / (1 + ((hz - c) / b) ** 2) for c, b, a in peaks]).sum(0)


def _smoothed(bands: Tensor) -> Tensor:
    """A quarter, a half and a quarter of neighbouring bands; the spectrum goes on as its mirror image."""
    around = torch.cat([bands[1:2], bands, bands[-2:-1]])
    return 0.25 * around[:-2] + 0.5 * around[1:-1] + 0.25 * around[2:]


def test_zero_phase_taps_have_the_magnitudes_and_a_pure_delay() -> None:
    magnitudes = torch.rand(33, dtype=torch.float64)
    taps = zero_phase_taps(magnitudes)
    assert taps.shape == (65,)
    torch.testing.assert_close(taps, taps.flip(0))
    torch.testing.assert_close(_real_response(taps), _smoothed(magnitudes), rtol=0, atol=1e-12)


def _real_response(taps: Tensor) -> Tensor:
    """The real response at the bands of a symmetric filter."""
    half = (len(taps) - 1) // 2
    band = torch.arange(half + 1, dtype=torch.float64).unsqueeze(-1)
    lag = torch.arange(-half, half + 1, dtype=torch.float64)
    return (taps * torch.cos(math.pi * band * lag / half)).sum(-1)


def test_flat_magnitudes_pass_everything() -> None:
    audio = torch.randn(1, 10 * HOP, dtype=torch.float64)
    ones = torch.ones(1, 10, 17, dtype=torch.float64)
    late = moving_filter(audio, zero_phase_taps(ones), hop_length=HOP)
    torch.testing.assert_close(late[:, 16:], audio[:, :-16], rtol=0, atol=1e-12)
    at_once = moving_filter(audio, minimum_phase_taps(ones), hop_length=HOP)
    torch.testing.assert_close(at_once, audio * (1 + LOG_OFFSET), rtol=0, atol=1e-12)


def test_minimum_phase_taps_have_the_magnitudes() -> None:
    magnitudes = _formants()
    taps = minimum_phase_taps(magnitudes)
    wanted = torch.exp(_smoothed(torch.log(magnitudes + LOG_OFFSET)))
    measured = torch.fft.rfft(taps, 1024)[::8].abs()
    ratio_db = 20 * torch.log10(measured / wanted)
    assert ratio_db.abs().max() < 0.1


def test_minimum_phase_taps_are_minimum_phase() -> None:
    taps = minimum_phase_taps(_formants(17))
    zeros = np.roots(taps.numpy())
    assert np.abs(zeros).max() < 1
    # No filter of these magnitudes has its energy earlier.
    symmetric = zero_phase_taps(_formants(17))
    assert (
        taps[:8].square().sum() / taps.square().sum()
        > symmetric[:8].square().sum() / symmetric.square().sum()
    )


def _by_recursion(magnitudes: Tensor, n_taps: int) -> Tensor:
    """The power series of exp of the causal cepstrum: n h[n] = Σ_k k ĉ[k] h[n − k]; nothing wraps around."""
    cepstrum = 2 * torch.log(magnitudes + LOG_OFFSET) @ filter_taps(len(magnitudes))
    taps = [math.exp(cepstrum[0].item() / 2)]
    for n in range(1, n_taps):
        terms = range(1, min(n, len(cepstrum) - 1) + 1)
        taps.append(sum(k * cepstrum[k].item() * taps[n - k] for k in terms) / n)
    return torch.tensor(taps, dtype=torch.float64)


@pytest.mark.parametrize("shape", ["formants", "random", "comb", "one band", "silent"])
def test_minimum_phase_taps_are_exact_where_magnitudes_jump(shape: str) -> None:
    band = torch.arange(65)
    magnitudes = {
        "formants": _formants(),
        "random": 2 * torch.rand(65, dtype=torch.float64),
        "comb": torch.where((band // 2) % 2 == 0, 2.0, 0.0).double(),
        "one band": torch.where(band == 20, 2.0, 0.0).double(),
        "silent": torch.zeros(65, dtype=torch.float64),
    }[shape]
    taps = minimum_phase_taps(magnitudes)
    wanted = _by_recursion(magnitudes, len(taps))
    torch.testing.assert_close(taps, wanted, rtol=0, atol=1e-5 * wanted.abs().max().item())


def test_a_constant_filter_is_a_convolution() -> None:
    audio = torch.randn(2, 12 * HOP, dtype=torch.float64)
    taps = torch.randn(19, dtype=torch.float64)
    wanted = torch.from_numpy(signal.lfilter(taps.numpy(), [1.0], audio.numpy()))
    moved = moving_filter(audio, taps.expand(2, 12, 19), hop_length=HOP)
    torch.testing.assert_close(moved, wanted, rtol=0, atol=1e-12)


def test_two_filters_are_cross_faded_inside_a_frame() -> None:
    audio = torch.randn(1, 3 * HOP, dtype=torch.float64)
    taps = torch.randn(1, 3, 9, dtype=torch.float64)
    moved = moving_filter(audio, taps, hop_length=HOP)[0]
    each = [fft_convolve(audio[0], taps[0, t])[: 3 * HOP] for t in range(3)]
    for n in range(3 * HOP):
        t, w = n // HOP, n % HOP / HOP
        before = each[max(0, t - 1)][n]
        assert moved[n].item() == pytest.approx(((1 - w) * before + w * each[t][n]).item(), abs=1e-12)


def test_a_tone_in_a_stopped_band_is_killed_and_another_kept() -> None:
    n = torch.arange(100 * HOP, dtype=torch.float64)
    magnitudes = torch.where(torch.arange(65) < 32, 1.0, 0.0).double().expand(1, 100, 65)
    for taps in (zero_phase_taps(magnitudes), minimum_phase_taps(magnitudes)):
        for hz, level in ((1000.0, 1.0), (6500.0, 0.0)):
            tone = torch.sin(2 * math.pi * hz * n / 16_000).unsqueeze(0)
            passed = moving_filter(tone, taps, hop_length=HOP)[0, 1000:]
            assert passed.square().mean().mul(2).sqrt().item() == pytest.approx(level, abs=2e-3)


def test_audio_of_another_length_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"audio is \(1, 100\); beside taps of .* hops of 32 give \(1, 96\)\."
    ):
        moving_filter(torch.zeros(1, 100), torch.zeros(1, 3, 5), hop_length=HOP)


def test_gradients() -> None:
    audio = torch.randn(1, 12, dtype=torch.float64, requires_grad=True)
    magnitudes = torch.rand(1, 3, 4, dtype=torch.float64, requires_grad=True)
    for make in (zero_phase_taps, minimum_phase_taps):

        def call(audio: Tensor, magnitudes: Tensor, make=make) -> Tensor:
            return moving_filter(audio, make(magnitudes), hop_length=4)

        assert torch.autograd.gradcheck(call, (audio, magnitudes))


def test_a_silent_band_has_a_gradient() -> None:
    magnitudes = torch.zeros(1, 2, 9, requires_grad=True)
    moving_filter(torch.randn(1, 2 * HOP), minimum_phase_taps(magnitudes), hop_length=HOP).sum().backward()
    assert magnitudes.grad is not None
    assert torch.isfinite(magnitudes.grad).all()
