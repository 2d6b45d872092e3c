"""The pulse train against the sum of its cosines."""

import math

import pytest
import torch
from torch import Tensor

from oscine.functional import accumulate_phase, pulse_train, upsample
from oscine.functional.pulse import Harmonics, pulse_state, pulse_train_step

RATE, HOP = 16_000, 64
BOTH: tuple[Harmonics, ...] = ("all", "odd")


def _constant(value: float, n_frames: int = 250, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.full((1, n_frames), value, dtype=dtype)


def _play(f0_hz: Tensor, harmonics: Harmonics, rate: int = RATE, hop: int = HOP) -> Tensor:
    return pulse_train(f0_hz, torch.ones_like(f0_hz), sample_rate=rate, hop_length=hop, harmonics=harmonics)


def _cosines(f0: float, n: int, harmonics: Harmonics) -> Tensor:
    """The sum of cosines by itself, with the last one fading."""
    phase = 2 * math.pi * f0 * torch.arange(n, dtype=torch.float64) / RATE
    highest = RATE / 2 / f0
    if harmonics == "all":
        numbers, power = range(1, math.floor(highest) + 1), highest
        weights = [min(1.0, highest - k) for k in numbers]
    else:
        power = (highest + 1) / 2
        numbers = range(1, math.floor(highest) + 1, 2)
        weights = [min(1.0, power - (k + 1) / 2) for k in numbers]
    total = torch.zeros_like(phase)
    for weight, k in zip(weights, numbers, strict=True):
        total = total + weight * torch.cos(k * phase)
    return total / math.sqrt(power)


@pytest.mark.parametrize("harmonics", BOTH)
@pytest.mark.parametrize("f0", [40.0, 123.4, 1000.0, 2777.7, 3999.0, 7000.0])
def test_it_is_the_sum_of_its_cosines(harmonics: Harmonics, f0: float) -> None:
    audio = _play(_constant(f0), harmonics)[0]
    torch.testing.assert_close(audio, _cosines(f0, len(audio), harmonics), rtol=0, atol=1e-7)


@pytest.mark.parametrize("harmonics", BOTH)
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("f0", [4001.0, 997.0])
def test_nothing_is_aliased(harmonics: Harmonics, rate: int, f0: float) -> None:
    audio = _play(_constant(f0, rate // 100, torch.float32), harmonics, rate, 100)
    power = (
        torch.fft.rfft(audio[0].double() * torch.blackman_window(rate, False, dtype=torch.float64)).abs() ** 2
    )
    hz = torch.arange(len(power))
    near = (hz % int(f0) <= 4) | (hz % int(f0) >= int(f0) - 4)
    assert 10 * math.log10(power[~near].sum() / power.sum()) < -100


@pytest.mark.parametrize("harmonics", BOTH)
def test_partials_fade_as_they_glide_to_nyquist(harmonics: Harmonics) -> None:
    f0 = 400 * 2 ** (3 * torch.arange(50, dtype=torch.float64) / 50).unsqueeze(0)
    audio = _play(f0, harmonics)[0]
    before = torch.cat([f0[:, :1], f0[:, :-1]], dim=1)
    turns, _ = accumulate_phase(f0, before, torch.zeros(1, dtype=torch.float64), RATE, HOP)
    highest = RATE / 2 / upsample(f0, HOP)[0]
    step = 1 if harmonics == "all" else 2
    # A weight goes from 1 to 0 while the partial's frequency goes through the last ``step`` multiples of f0.
    wanted = sum(
        ((highest - k) / step).clamp(0, 1) * torch.cos(2 * math.pi * k * turns.flatten())
        for k in range(1, 21, step)
    ) / torch.sqrt((highest + step - 1) / step)
    torch.testing.assert_close(audio, wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("harmonics", BOTH)
def test_its_power_is_that_of_a_sine(harmonics: Harmonics) -> None:
    for f0, tolerance in ((50.0, 0.02), (100.0, 0.04), (400.0, 0.15)):
        power = _play(_constant(f0), harmonics).square().mean().item()
        assert power == pytest.approx(0.5, rel=tolerance)


@pytest.mark.parametrize("harmonics", BOTH)
def test_it_is_silent_from_nyquist_up(harmonics: Harmonics) -> None:
    assert torch.count_nonzero(_play(_constant(8000.0), harmonics)) == 0
    assert torch.count_nonzero(_play(_constant(20_000.0), harmonics)) == 0
    # On its way there it fades.
    assert _play(_constant(7999.0), harmonics).abs().max() < 0.01


def test_odd_pulses_alternate() -> None:
    audio = _play(_constant(100.0), "odd")[0]
    period = RATE // 100
    torch.testing.assert_close(audio[: period // 2], -audio[period // 2 : period], rtol=0, atol=1e-9)
    assert audio[0] == audio.max()


def test_phase_is_right_after_a_long_time() -> None:
    f0 = _constant(1000.1, 30, torch.float32)
    _, state = pulse_train_step(f0, torch.zeros(1, 30), pulse_state(1), sample_rate=RATE, hop_length=RATE)
    turns = float(f0[0, 0]) * 30
    assert abs((state.phase.item() - turns + 0.5) % 1 - 0.5) < 1e-9


@pytest.mark.parametrize("harmonics", BOTH)
def test_gradients(harmonics: Harmonics) -> None:
    f0 = (700 + 600 * torch.rand(1, 3, dtype=torch.float64)).requires_grad_()
    amplitude = torch.rand(1, 3, dtype=torch.float64, requires_grad=True)

    def call(f0: Tensor, amplitude: Tensor) -> Tensor:
        return pulse_train(f0, amplitude, sample_rate=8000, hop_length=5, harmonics=harmonics)

    assert torch.autograd.gradcheck(call, (f0, amplitude), atol=1e-4)
