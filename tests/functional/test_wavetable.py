"""The wavetable oscillator against the sum of its partials, and learning its tables."""

import math

import pytest
import torch
from torch import Tensor

from oscine.functional import cycle_coefficients, harmonic_oscillator, sampled_cycles, wavetable_oscillator
from oscine.functional.wavetable import wavetable_oscillator_step, wavetable_state
from oscine.processors import Wavetable

RATE, HOP = 16_000, 64


def _constant(value: float, n_frames: int = 250, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.full((1, n_frames), value, dtype=dtype)


def _play(
    f0_hz: Tensor, tables: Tensor, weights: Tensor | None = None, rate: int = RATE, hop: int = HOP
) -> Tensor:
    if weights is None:
        weights = torch.ones(*f0_hz.shape, 1, dtype=f0_hz.dtype)
    amplitude = torch.ones_like(f0_hz)
    return wavetable_oscillator(f0_hz, amplitude, weights, tables, sample_rate=rate, hop_length=hop)


def test_it_is_the_sum_of_its_cosines_and_sines() -> None:
    tables = torch.randn(1, 2, 12, dtype=torch.float64)
    phase = 2 * math.pi * 321.5 * torch.arange(16_000, dtype=torch.float64) / RATE
    wanted = sum(
        tables[0, 0, k - 1] * torch.cos(k * phase) + tables[0, 1, k - 1] * torch.sin(k * phase)
        for k in range(1, 13)
    )
    torch.testing.assert_close(_play(_constant(321.5), tables)[0], wanted, rtol=0, atol=1e-9)


def test_sine_tables_are_a_harmonic_oscillator() -> None:
    f0 = 100 + 500 * torch.rand(2, 20, dtype=torch.float64)
    shares = torch.rand(9, dtype=torch.float64)
    shares = shares / shares.sum()
    tables = torch.stack([torch.zeros_like(shares), shares]).unsqueeze(0)
    wanted = harmonic_oscillator(
        f0, torch.ones_like(f0), shares.expand(2, 20, 9), sample_rate=RATE, hop_length=HOP
    )
    torch.testing.assert_close(_play(f0, tables), wanted, rtol=0, atol=1e-9)


def test_the_mixture_moves_in_a_line_between_frames() -> None:
    tables = torch.tensor([[[1.0], [0.0]], [[0.0], [1.0]]], dtype=torch.float64)
    weights = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    audio = _play(_constant(500.0, 2), tables, weights)[0]
    phase = 2 * math.pi * 500 * torch.arange(2 * HOP, dtype=torch.float64) / RATE
    share = torch.cat([torch.zeros(HOP), torch.arange(HOP) / HOP]).double()
    wanted = (1 - share) * torch.cos(phase) + share * torch.sin(phase)
    torch.testing.assert_close(audio, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("f0", [4001.0, 1763.0])
def test_nothing_is_aliased(rate: int, f0: float) -> None:
    """Energy between the partials, of a table with 100 strong harmonics, in single precision."""
    tables = torch.randn(1, 2, 100) + 2
    audio = _play(_constant(f0, rate // 100, torch.float32), tables, rate=rate, hop=100)
    power = (
        torch.fft.rfft(audio[0].double() * torch.blackman_window(rate, False, dtype=torch.float64)).abs() ** 2
    )
    hz = torch.arange(len(power))
    near = (hz % int(f0) <= 4) | (hz % int(f0) >= int(f0) - 4)
    assert 10 * math.log10(power[~near].sum() / power.sum()) < -100


def test_a_partial_that_reaches_nyquist_is_silent() -> None:
    tables = torch.zeros(1, 2, 4, dtype=torch.float64)
    tables[0, :, 1] = 1
    assert torch.count_nonzero(_play(_constant(4000.0), tables)) == 0
    assert _play(_constant(3999.0), tables).abs().max() > 1
    assert torch.count_nonzero(_play(_constant(8000.0), tables + 1)) == 0


def test_cycles_and_coefficients_are_each_others_inverse() -> None:
    tables = torch.randn(3, 2, 10, dtype=torch.float64)
    for n_samples in (21, 64, 101):
        torch.testing.assert_close(cycle_coefficients(sampled_cycles(tables, n_samples), 10), tables)
    # A period of audio is the sampled cycle.
    audio = _play(_constant(160.0), tables[:1])[0]
    torch.testing.assert_close(audio[:100], sampled_cycles(tables[:1], 100)[0], rtol=0, atol=1e-9)


def test_a_short_cycle_leaves_out_what_it_cannot_hold() -> None:
    tables = torch.randn(1, 2, 10, dtype=torch.float64)
    torch.testing.assert_close(sampled_cycles(tables, 12), sampled_cycles(tables[..., :5], 12))


def test_cycles_that_are_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match=r"16 samples do not determine 8 harmonics; give at least 17"):
        cycle_coefficients(torch.zeros(1, 16), 8)


def test_phase_is_right_after_a_long_time() -> None:
    # Ten minutes in frames of a second: a float32 phase would be off by turns.
    state = wavetable_state(1, 1)._replace(phase=torch.tensor([0.25], dtype=torch.float64))
    f0 = _constant(1000.1, 600, torch.float32)
    ones, tables = torch.ones(1, 600, 1), torch.tensor([[[0.0], [1.0]]])
    _, state = wavetable_oscillator_step(
        f0, torch.zeros(1, 600), ones, tables, state, sample_rate=RATE, hop_length=RATE
    )
    turns = 0.25 + float(f0[0, 0]) * 600
    assert abs((state.phase.item() - turns + 0.5) % 1 - 0.5) < 1e-7


def test_gradients() -> None:
    f0 = (300 + 200 * torch.rand(1, 3, dtype=torch.float64)).requires_grad_()
    amplitude = torch.rand(1, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(1, 3, 2, dtype=torch.float64, requires_grad=True)
    tables = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)

    def call(*inputs: Tensor) -> Tensor:
        return wavetable_oscillator(*inputs, sample_rate=8000, hop_length=5)

    assert torch.autograd.gradcheck(call, (f0, amplitude, weights, tables), atol=1e-4)


def test_gradient_descent_recovers_target_cycles() -> None:
    """Two unknown cycles, one after the other and mixed in between, at a start phase that is unknown too."""
    k = torch.arange(1, 7)
    magnitudes = torch.stack([1.0 / k, (k % 2) / k.sqrt()])
    angles = 2 * math.pi * torch.rand(2, 6)
    targets = torch.stack([magnitudes * torch.cos(angles), magnitudes * torch.sin(angles)], dim=1)
    targets = targets / torch.linalg.vector_norm(targets, dim=(1, 2), keepdim=True)
    f0, amplitude = torch.linspace(150, 250, 60).unsqueeze(0), torch.ones(1, 60)
    share = torch.linspace(-1, 2, 60).clamp(0, 1)
    weights = torch.stack([1 - share, share], dim=-1).unsqueeze(0)
    start = wavetable_state(1, 6)._replace(phase=torch.tensor([0.37], dtype=torch.float64))
    sound, _ = wavetable_oscillator_step(
        f0, amplitude, weights, targets, start, sample_rate=RATE, hop_length=HOP
    )

    oscillator = Wavetable(2, 6, RATE, HOP)
    wanted = sampled_cycles(targets, 256)
    assert min(_similarities(oscillator, wanted)) < 0.95
    optimizer = torch.optim.Adam(oscillator.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        (oscillator(f0, amplitude, weights) - sound).square().mean().backward()
        optimizer.step()
    assert min(_similarities(oscillator, wanted)) > 0.99


def _similarities(oscillator: Wavetable, wanted: Tensor) -> list[float]:
    cycles = sampled_cycles(oscillator.tables().detach(), wanted.shape[-1])
    return [_similarity_up_to_rotation(ours, theirs) for ours, theirs in zip(cycles, wanted, strict=True)]


def _similarity_up_to_rotation(x: Tensor, y: Tensor) -> float:
    correlation = torch.fft.irfft(torch.fft.rfft(x) * torch.fft.rfft(y).conj(), len(x))
    return float(correlation.max() / (x.norm() * y.norm()))
