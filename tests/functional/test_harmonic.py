"""The oscillators against physics: tones where they should be, silence where it should be."""

import math

import pytest
import torch
from torch import Tensor

from oscine.functional import harmonic_amplitudes, harmonic_oscillator, partial_ratios, sinusoidal_oscillator

RATE, HOP = 16_000, 64


def _constant(value: float, n_frames: int = 250, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.full((1, n_frames), value, dtype=dtype)


def _oscillate(f0: Tensor, amplitude: Tensor, weights: Tensor, **extra: Tensor) -> Tensor:
    return harmonic_oscillator(f0, amplitude, weights, sample_rate=RATE, hop_length=HOP, **extra)


def _level(audio: Tensor, frequency_hz: float) -> float:
    """Return the amplitude of the sine at a frequency of whole cycles per second, over the last second."""
    n = torch.arange(audio.shape[-1], dtype=torch.float64)[-RATE:]
    turn = torch.exp(-2j * math.pi * frequency_hz * n / RATE)
    return 2 * abs((audio[0, -RATE:].double() * turn).mean().item())


def test_a_sine_is_a_sine_from_its_first_sample() -> None:
    audio = _oscillate(_constant(440.0), _constant(0.5), torch.ones(1, 250, 1, dtype=torch.float64))
    n = torch.arange(16_000, dtype=torch.float64)
    torch.testing.assert_close(audio[0], 0.5 * torch.sin(2 * math.pi * 440 * n / RATE), rtol=0, atol=1e-11)


def test_harmonics_have_the_amplitudes_of_their_weights() -> None:
    weights = torch.tensor([4.0, 0.0, 3.0, 1.0], dtype=torch.float64).expand(1, 250, 4)
    audio = _oscillate(_constant(300.0), _constant(0.8), weights)
    for number, level in ((1, 0.4), (2, 0.0), (3, 0.3), (4, 0.1)):
        assert _level(audio, 300.0 * number) == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_from_nyquist_up_there_is_exactly_nothing(dtype: torch.dtype) -> None:
    weights = torch.zeros(1, 250, 10, dtype=dtype)
    weights[..., 4:] = 1
    # 5 × 1600 Hz is Nyquist itself.
    assert (
        torch.count_nonzero(_oscillate(_constant(1600.0, dtype=dtype), _constant(1.0, dtype=dtype), weights))
        == 0
    )
    below = _oscillate(_constant(1599.0, dtype=dtype), _constant(1.0, dtype=dtype), weights)
    assert _level(below, 7995.0) == pytest.approx(1.0, rel=2e-3)


def test_a_glide_through_nyquist_leaves_no_alias() -> None:
    f0 = torch.linspace(1500, 1700, 250, dtype=torch.float64).unsqueeze(0)
    weights = torch.zeros(1, 250, 5, dtype=torch.float64)
    weights[..., 4] = 1
    audio = _oscillate(f0, _constant(1.0), weights)
    crossed = int((5 * f0 >= RATE / 2).int().argmax()) * HOP
    assert torch.count_nonzero(audio[:, crossed:]) == 0
    assert audio[:, : crossed - HOP].abs().max() > 0.9


def test_masked_partials_give_their_share_to_the_others() -> None:
    amplitudes = harmonic_amplitudes(
        _constant(3000.0), _constant(1.0), torch.ones(1, 250, 4, dtype=torch.float64), RATE
    )
    torch.testing.assert_close(amplitudes[0, 0], torch.tensor([0.5, 0.5, 0, 0], dtype=torch.float64))


def test_a_silent_distribution_is_silent_and_has_a_gradient() -> None:
    weights = torch.zeros(1, 5, 4, requires_grad=True)
    audio = _oscillate(_constant(100.0, 5, torch.float32), _constant(1.0, 5, torch.float32), weights)
    assert torch.count_nonzero(audio) == 0
    audio.sum().backward()
    assert weights.grad is not None
    assert torch.isfinite(weights.grad).all()


def test_phase_is_right_after_an_hour() -> None:
    # 2 kHz for an hour in frames of a second each: 7.2 million turns, in float32 controls.
    n_frames, hop = 3600, 16_000
    f0 = torch.full((1, n_frames), 2000.123)
    from oscine.functional import accumulate_phase

    exact = float(f0[0, 0])
    _, end = accumulate_phase(f0, f0, torch.zeros(1, dtype=torch.float64), RATE, hop)
    turns = exact * n_frames * hop / RATE
    difference = (end.item() - turns + 0.5) % 1 - 0.5
    assert abs(difference) < 1e-6


def test_vibrato_follows_the_integral_of_f0() -> None:
    time = (torch.arange(250, dtype=torch.float64) + 1) * HOP / RATE
    f0 = 440 + 10 * torch.sin(2 * math.pi * 5 * time)
    audio = _oscillate(f0.unsqueeze(0), _constant(1.0), torch.ones(1, 250, 1, dtype=torch.float64))
    n = torch.arange(16_000, dtype=torch.float64) / RATE
    phase = 440 * n + 10 / (2 * math.pi * 5) * (1 - torch.cos(2 * math.pi * 5 * n))
    # f0 is sampled every 4 ms and joined by lines; the first frame is held.
    assert (audio[0] - torch.sin(2 * math.pi * phase)).abs().max() < 0.02


def test_start_phase() -> None:
    audio = _oscillate(
        _constant(440.0), _constant(1.0), torch.ones(1, 250, 1, dtype=torch.float64), phase=_constant(0.25)
    )
    n = torch.arange(16_000, dtype=torch.float64)
    torch.testing.assert_close(audio[0], torch.cos(2 * math.pi * 440 * n / RATE), rtol=0, atol=1e-11)


def test_a_moving_phase_is_a_frequency() -> None:
    # One turn in 100 frames of 4 ms: 2.5 Hz.
    ramp = torch.arange(250, dtype=torch.float64).unsqueeze(0) / 100
    audio = _oscillate(
        _constant(437.5), _constant(1.0), torch.ones(1, 250, 1, dtype=torch.float64), phase=ramp
    )
    assert _level(audio[:, HOP:], 440.0) > 0.99


def test_inharmonic_partials_are_a_stiff_strings() -> None:
    b = 1e-3
    weights = torch.ones(1, 500, 6, dtype=torch.float64)
    audio = _oscillate(_constant(200.0, 500), _constant(6.0, 500), weights, inharmonicity=_constant(b, 500))
    spectrum = torch.fft.rfft(audio[0] * torch.hann_window(32_000, dtype=torch.float64)).abs()
    for k in range(1, 7):
        wanted = 200 * k * math.sqrt(1 + b * k**2)
        near = slice(int(2 * wanted) - 20, int(2 * wanted) + 20)
        peak = (near.start + int(spectrum[near].argmax())) / 2
        assert abs(peak - wanted) <= 0.5


def test_no_inharmonicity_is_harmonic() -> None:
    f0 = 100 + 300 * torch.rand(2, 20, dtype=torch.float64)
    amplitude, weights = torch.rand(2, 20, dtype=torch.float64), torch.rand(2, 20, 9, dtype=torch.float64)
    offset = torch.rand(2, 20, dtype=torch.float64)
    free = _oscillate(f0, amplitude, weights, inharmonicity=torch.zeros_like(f0), phase=offset)
    torch.testing.assert_close(free, _oscillate(f0, amplitude, weights, phase=offset), rtol=0, atol=1e-9)
    assert partial_ratios(weights).tolist() == list(range(1, 10))


def test_free_sinusoids() -> None:
    frequencies = torch.tensor([1000.0, 3123.0, 8000.0], dtype=torch.float64).expand(1, 250, 3)
    levels = torch.tensor([0.1, 0.7, 0.9], dtype=torch.float64).expand(1, 250, 3)
    audio = sinusoidal_oscillator(frequencies, levels, sample_rate=RATE, hop_length=HOP)
    assert _level(audio, 1000.0) == pytest.approx(0.1, abs=1e-9)
    assert _level(audio, 3123.0) == pytest.approx(0.7, abs=1e-9)
    n = torch.arange(16_000, dtype=torch.float64) / RATE
    rest = audio[0] - 0.1 * torch.sin(2 * math.pi * 1000 * n) - 0.7 * torch.sin(2 * math.pi * 3123 * n)
    assert rest.abs().max() < 1e-9


@pytest.mark.parametrize("inharmonic", [False, True])
def test_gradients(inharmonic: bool) -> None:
    f0 = (100 + 200 * torch.rand(1, 3, dtype=torch.float64)).requires_grad_()
    others = [torch.rand(1, 3, *size, dtype=torch.float64, requires_grad=True) for size in ((), (4,), ())]
    inharmonicity = (0.01 * torch.rand(1, 3, dtype=torch.float64)).requires_grad_()

    def call(f0: Tensor, amplitude: Tensor, weights: Tensor, phase: Tensor, inharmonicity: Tensor) -> Tensor:
        extra = {"inharmonicity": inharmonicity} if inharmonic else {}
        return harmonic_oscillator(
            f0, amplitude, weights, sample_rate=8000, hop_length=5, phase=phase, **extra
        )

    inputs = (f0, *others, inharmonicity if inharmonic else inharmonicity.detach())
    assert torch.autograd.gradcheck(call, inputs, atol=1e-4)
