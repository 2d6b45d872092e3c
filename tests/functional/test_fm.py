"""FM against Bessel functions, a plain loop, and itself at a higher rate."""

import math

import pytest
import torch
from benchmarks.fm import constant_tone, folded_db, recover
from scipy.special import jv
from torch import Tensor

from oscine.functional import (
    dx7_algorithm,
    fm_carriers,
    fm_oscillator,
    fm_oscillator_step,
    fm_state,
    limit_fm_levels,
)

RATE, HOP = 16_000, 64
PAIR = ((2,), ())
# Number of carriers of each algorithm, as on the front panel of the instrument.
N_CARRIERS = [2, 2, 2, 2, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 3, 3, 4, 4, 4, 5, 5, 3, 3, 3, 4, 4, 5, 6]


def test_the_algorithms_are_the_dx7s() -> None:
    algorithms = [dx7_algorithm(number) for number in range(1, 33)]
    assert [len(fm_carriers(one)) for one in algorithms] == N_CARRIERS
    for one in algorithms:
        assert all(source > number for number, sources in enumerate(one, 1) for source in sources)
    assert algorithms[0] == algorithms[1]  # they differ in the feedback
    assert algorithms[15] == ((2, 3, 5), (), (4,), (), (6,), ())
    assert algorithms[21] == ((2,), (), (6,), (6,), (6,), ())
    for wrong in (0, 33):
        with pytest.raises(ValueError, match=f"There is no algorithm {wrong}; give 1 … 32"):
            dx7_algorithm(wrong)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("index", [0.1, 0.5, 2.0, 7.0])
def test_the_partials_are_bessel_functions_of_the_index(index: float, dtype: torch.dtype) -> None:
    f0_hz = torch.full((1, RATE // HOP), 100.0, dtype=dtype)
    levels = torch.tensor([1.0, index], dtype=dtype).expand(1, RATE // HOP, 2)
    audio = fm_oscillator(f0_hz, levels, ratios=(30, 1), modulators=PAIR, sample_rate=RATE, hop_length=HOP)
    assert audio.dtype == dtype
    # sin(a + I sin b) = Σ_n J_n(I) sin(a + n b), and a sine of amplitude 1 has −i / 2 at its bin.
    sines = -2 * torch.fft.rfft(audio[0].double()).imag / RATE
    for n in range(-29, 50):
        given = index if dtype == torch.float64 else float(torch.tensor(index))
        assert sines[100 * (30 + n)].item() == pytest.approx(jv(n, given) - jv(-60 - n, given), abs=1e-6)


def _loop(
    f0_hz: Tensor, levels: Tensor, ratios: tuple[float, ...], modulators: tuple[tuple[int, ...], ...]
) -> Tensor:
    """Sample by sample, every operator with a running phase."""
    phases = [0.0] * len(ratios)
    carriers = fm_carriers(modulators)
    audio = []
    n_frames = len(f0_hz)
    for sample in range(n_frames * HOP):
        frame, i = divmod(sample, HOP)
        weight = i / HOP
        before = max(frame - 1, 0)
        hz, next_hz = (
            float(f0_hz[before] + w * (f0_hz[frame] - f0_hz[before])) for w in (weight, (i + 1) / HOP)
        )
        sounds: dict[int, float] = {}
        for number in reversed(range(1, len(ratios) + 1)):
            first, last = float(levels[before, number - 1]), float(levels[frame, number - 1])
            angle = 2 * math.pi * phases[number - 1] + sum(sounds[j] for j in modulators[number - 1])
            sounds[number] = (first + weight * (last - first)) * math.sin(angle)
        audio.append(sum(sounds[carrier] for carrier in carriers))
        phases = [
            (phase + ratio * (hz + next_hz) / 2 / RATE) % 1
            for phase, ratio in zip(phases, ratios, strict=True)
        ]
    return torch.tensor(audio, dtype=torch.float64)


@pytest.mark.parametrize("number", [2, 16, 22, 32])
def test_it_is_a_loop_over_samples(number: int) -> None:
    modulators, ratios = dx7_algorithm(number), (1.0, 1.0, 0.5, 1.37, 2.0, 3.01)
    f0_hz = 40 * 2 ** torch.rand(9, dtype=torch.float64)
    levels = 0.8 * torch.rand(9, 6, dtype=torch.float64)
    sound = fm_oscillator(
        f0_hz[None], levels[None], ratios=ratios, modulators=modulators, sample_rate=RATE, hop_length=HOP
    )
    # So low that nothing is limited.
    torch.testing.assert_close(sound[0], _loop(f0_hz, levels, ratios, modulators), rtol=0, atol=1e-9)


def test_a_phase_is_right_after_a_long_time() -> None:
    ratios = (1.0, 1.37)
    f0_hz = torch.full((1, 30), 440.1)
    _, state = fm_oscillator_step(
        f0_hz,
        torch.ones(1, 30, 2),
        fm_state(1, 2),
        ratios=ratios,
        modulators=PAIR,
        sample_rate=RATE,
        hop_length=RATE,
    )
    for phase, ratio in zip(state.phase[0], ratios, strict=True):
        turns = ratio * float(f0_hz[0, 0]) * 30
        assert abs((phase.item() - turns + 0.5) % 1 - 0.5) < 1e-8


def _limited(f0_hz: float, levels: tuple[float, ...], ratios: tuple[float, ...], modulators) -> list[float]:
    one = torch.tensor(levels, dtype=torch.float64).expand(1, 1, -1)
    f0 = torch.full((1, 1), f0_hz, dtype=torch.float64)
    return limit_fm_levels(f0, one, ratios=ratios, modulators=modulators, sample_rate=RATE)[0, 0].tolist()


def test_an_index_ends_where_the_band_does() -> None:
    # 2 D + 1 sidebands of 1000 Hz between 1000 and 8000 Hz.
    assert _limited(1000.0, (1.0, 9.0), (1, 1), PAIR) == pytest.approx([1.0, 3.0])
    assert _limited(1000.0, (1.0, 2.0), (1, 1), PAIR) == pytest.approx([1.0, 2.0])
    # There is no room for a single one.
    assert _limited(1000.0, (1.0, 9.0), (1, 8), PAIR) == [1.0, 0.0]
    # A stack: the first modulator takes 5 of the 7 kHz for its index of 2; what modulates it is heard five
    # times as strongly, and of its own sidebands of 1 kHz two have room.
    stack = ((2,), (3,), ())
    assert _limited(1000.0, (1.0, 2.0, 9.0), (1, 1, 1), stack) == pytest.approx([1.0, 2.0, 0.1])
    # What modulates a silent operator takes nothing from the next modulator.
    branches = ((2, 4), (3,), (), ())
    assert _limited(1000.0, (1.0, 0.0, 9.0, 9.0), (1, 1, 1, 1), branches)[3] == pytest.approx(3.0)
    # Of two carriers the one with less room decides.
    shared = ((3,), (3,), ())
    assert _limited(1000.0, (1.0, 1.0, 9.0), (1, 5, 1), shared) == pytest.approx([1.0, 1.0, 1.0])


def test_a_carrier_fades_out_at_nyquist() -> None:
    assert _limited(7600.0, (1.0,), (1,), ((),)) == pytest.approx([0.5])
    f0_hz = torch.full((1, 5), 8000.0)
    routing = {"ratios": (1, 1), "modulators": PAIR}
    sound = fm_oscillator(f0_hz, torch.ones(1, 5, 2), **routing, sample_rate=RATE, hop_length=HOP)
    assert torch.count_nonzero(sound) == 0


@pytest.mark.parametrize(
    ("number", "ratios"), [(2, (1, 1, 1, 1, 3, 14)), (16, (1, 1, 1, 2, 2, 1.5)), (22, (1, 1, 1, 1, 1, 5))]
)
def test_what_folds_back_is_not_heard(number: int, ratios: tuple[float, ...]) -> None:
    levels = 12 * torch.rand(4, 6)
    for f0_hz in (210, 790):
        assert folded_db(number, ratios, f0_hz, levels).max() < -25
    # Without the limit much of it would be.
    assert folded_db(number, ratios, 790, levels, is_limited=False).min() > -15


def test_the_benchmarks_tone_is_the_oscillators() -> None:
    levels = 0.5 + torch.rand(6)
    ratios = (1.0, 2.0, 1.0, 3.0, 1.0, 1.5)
    ours = fm_oscillator(
        torch.full((1, 64), 100.0),
        levels.expand(1, 64, 6),
        ratios=ratios,
        modulators=dx7_algorithm(5),
        sample_rate=RATE,
        hop_length=HOP,
    )
    torch.testing.assert_close(constant_tone(100 * torch.tensor(ratios), levels, 5), ours, rtol=0, atol=1e-6)


def test_levels_are_found_by_gradient_while_the_ratios_are_fixed() -> None:
    assert recover(0, free_ratios=False).index_error < 0.05
    assert recover(0, free_ratios=True).index_error > 0.2


def test_gradients() -> None:
    f0_hz = (70 + 60 * torch.rand(1, 3, dtype=torch.float64)).requires_grad_()
    # The last modulators are limited, the others are not.
    levels = (0.3 + torch.tensor([1, 1, 1, 1, 40, 40]) * torch.rand(1, 3, 6).double()).requires_grad_()

    def call(f0_hz: Tensor, levels: Tensor) -> Tensor:
        return fm_oscillator(
            f0_hz,
            levels,
            ratios=(1, 1, 1.5, 2, 1, 3),
            modulators=dx7_algorithm(16),
            sample_rate=4000,
            hop_length=5,
        )

    assert torch.autograd.gradcheck(call, (f0_hz, levels), atol=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    f0_hz, levels = torch.full((1, 3), 100.0), torch.ones(1, 3, 2)
    rates = {"sample_rate": RATE, "hop_length": HOP}
    with pytest.raises(ValueError, match="There are 2 levels, 3 ratios and the modulators of 2 operators"):
        fm_oscillator(f0_hz, levels, ratios=(1, 1, 1), modulators=PAIR, **rates)
    with pytest.raises(ValueError, match="Operator 2 is modulated by 2; give numbers from 3 to 2"):
        fm_oscillator(f0_hz, levels, ratios=(1, 1), modulators=((2,), (2,)), **rates)
