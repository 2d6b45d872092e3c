"""Every form of the bank of sines against the formula in float64."""

import math
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from oscine import kernels
from oscine.functional import harmonic_oscillator
from oscine.functional.harmonic import harmonic_oscillator_step, oscillator_state
from oscine.kernels import harmonic_bank

RATE = 16_000


def _inputs(
    frames: int = 6,
    hop: int = 16,
    partials: int = 20,
    *,
    sines: int = 1,
    highest_hz: float = 900.0,
    given: bool = False,
    dtype: torch.dtype = torch.float64,
) -> list[Any]:
    """Two items whose partials are partly above Nyquist, at frequencies that move from frame to frame."""
    frequency = 50 + highest_hz * torch.rand(2, frames + 1, sines, dtype=torch.float64)
    if sines > 1:
        frequency = frequency * torch.linspace(1, 10, sines, dtype=torch.float64)
    turns = [torch.rand(2, frames, sines, dtype=torch.float64), frequency[:, :-1] / RATE]
    polynomial = torch.stack([*turns, (frequency[:, 1:] - frequency[:, :-1]) / (2 * hop * RATE)], dim=-1)
    return [
        polynomial,
        frequency[:, 1:].to(dtype),
        frequency[:, 0].to(dtype),
        None if given else torch.rand(2, frames, dtype=dtype),
        torch.rand(2, frames, partials, dtype=dtype),
        torch.rand(2, partials, dtype=dtype),
        RATE / 2,
        hop,
    ]


def _differentiable(inputs: list) -> tuple[list, list[Tensor]]:
    """Return copies, and those among them that have a gradient."""
    copies = [x.clone() if isinstance(x, Tensor) else x for x in inputs]
    wanted = [copies[i].requires_grad_() for i in (0, 3, 4, 5) if copies[i] is not None]
    return copies, wanted


def _with_gradients(inputs: list) -> list[Tensor]:
    copies, wanted = _differentiable(inputs)
    audio = harmonic_bank(*copies)
    weights = torch.cos(torch.arange(audio.numel(), dtype=torch.float64)).reshape(audio.shape)
    return [audio.detach(), *torch.autograd.grad((audio * weights.to(audio.dtype)).sum(), wanted)]


def _truth(inputs: list) -> list[Tensor]:
    with kernels.use("oracle"):
        return _with_gradients([x.double() if isinstance(x, Tensor) else x for x in inputs])


def _db(truth: Tensor, ours: Tensor) -> float:
    return float(10 * torch.log10(truth.square().sum() / (ours.double() - truth).square().sum()))


CASES = {
    "small": {},
    "one sample a frame": {"hop": 1},
    "a hop of no vector's length": {"hop": 37},
    "a long hop": {"hop": 200, "frames": 3},
    "one partial": {"partials": 1},
    "twenty-five, a whole block": {"partials": 25, "highest_hz": 200.0},
    "a hundred": {"partials": 100, "highest_hz": 20.0, "hop": 64},
    "three hundred and one": {"partials": 301, "highest_hz": 1.0},
    "all above Nyquist": {"highest_hz": 90000.0},
    "amplitudes given": {"given": True},
    "a phase for each": {"sines": 20},
    "a phase for each, amplitudes given": {"sines": 20, "given": True, "hop": 37},
}


@pytest.mark.parametrize("name", CASES)
def test_every_size_is_the_formula(form: str, name: str) -> None:
    inputs = _inputs(**CASES[name])
    for ours, truth in zip(_with_gradients(inputs), _truth(inputs), strict=True):
        scale = max(1.0, truth.abs().max().item())
        torch.testing.assert_close(ours, truth, rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize("name", CASES)
def test_float32_is_close(form: str, name: str) -> None:
    inputs = _inputs(**CASES[name], dtype=torch.float32)
    ours, truth = _with_gradients(inputs), _truth(inputs)
    assert ours[0].dtype == torch.float32
    if truth[0].any():
        assert _db(truth[0], ours[0]) > 105
    for one, other in zip(ours[1:], truth[1:], strict=True):
        # Of one partial alone the normalised share is 1, and its gradient nothing.
        assert (one.double() - other).norm() <= 3e-5 * max(1.0, other.norm().item())


def test_gradcheck(form: str) -> None:
    for sines in (1, 4):
        inputs = _inputs(frames=3, hop=5, partials=4, sines=sines)
        copies, wanted = _differentiable(inputs)

        def call(*tensors: Tensor, copies: list = copies) -> Tensor:
            polynomial, amplitude, weights, previous = tensors
            return harmonic_bank(polynomial, *copies[1:3], amplitude, weights, previous, *copies[6:])

        assert torch.autograd.gradcheck(call, wanted, atol=1e-4)


def test_above_nyquist_there_is_exactly_nothing(form: str) -> None:
    inputs = _inputs(highest_hz=90000.0, dtype=torch.float32)
    inputs[1], inputs[2] = torch.full_like(inputs[1], 8000.0), torch.full_like(inputs[2], 8000.0)
    assert torch.count_nonzero(harmonic_bank(*inputs)) == 0


def test_every_harmonic_is_right_in_the_sixty_first_second(form: str) -> None:
    # 2 kHz at 48 kHz for a minute, then a second of each harmonic by itself.
    rate, hop, n_harmonics = 48_000, 192, 11
    f0 = torch.full((1, 250), 2000.123)
    state = oscillator_state(1, n_harmonics)
    exact = float(f0[0, 0])
    state = state._replace(
        phase=torch.tensor([[(exact * 60) % 1.0]], dtype=torch.float64),
        frequency_hz=f0[:, :1],
        started=torch.ones(1, dtype=torch.bool),
    )
    minute = harmonic_oscillator_step(
        f0.expand(1, 250).repeat(1, 60), torch.zeros(1, 15_000), torch.ones(1, 15_000, n_harmonics),
        oscillator_state(1, n_harmonics), sample_rate=rate, hop_length=hop,
    )[1]  # fmt: skip
    assert abs((minute.phase - state.phase + 0.5) % 1 - 0.5).max() < 1e-9
    time = 60 + torch.arange(250 * hop, dtype=torch.float64) / rate
    for number in range(1, n_harmonics + 1):
        weights = torch.zeros(1, 250, n_harmonics)
        weights[..., number - 1] = 1
        ours, _ = harmonic_oscillator_step(
            f0, torch.ones(1, 250), weights, minute._replace(amplitudes=weights[:, 0]), sample_rate=rate,
            hop_length=hop,
        )  # fmt: skip
        assert _db(torch.sin(2 * math.pi * number * exact * time), ours[0]) > 95


def test_an_hour_of_streaming_is_in_phase(form: str) -> None:
    # Blocks of a minute; in the last, the sine is where the formula has it after an hour.
    rate, hop, f0_hz = 16_000, 64, 440.25
    block = torch.full((1, 15_000), f0_hz)
    state = oscillator_state(1, 1)
    for _ in range(59):
        _, state = harmonic_oscillator_step(
            block, torch.ones_like(block), torch.ones(1, 15_000, 1), state, sample_rate=rate, hop_length=hop
        )
    last, _ = harmonic_oscillator_step(
        block, torch.ones_like(block), torch.ones(1, 15_000, 1), state, sample_rate=rate, hop_length=hop
    )
    # 440.25 Hz for 59 minutes is a whole number of turns.
    time = torch.arange(15_000 * hop, dtype=torch.float64) / rate
    assert _db(torch.sin(2 * math.pi * f0_hz * time), last[0]) > 105


def test_nan_is_not_silenced(form: str) -> None:
    for which in (0, 4):
        inputs = _inputs(dtype=torch.float32)
        inputs[which][0, 2] = math.nan
        audio = harmonic_bank(*inputs).reshape(2, 6, 16)
        assert torch.isnan(audio[0, 2]).any()
        assert torch.isfinite(audio[1]).all()


def test_threads_change_nothing(compiled: str) -> None:
    inputs = _inputs(frames=100, dtype=torch.float32)
    alone = _with_gradients(inputs)
    try:
        torch.set_num_threads(3)
        shared = _with_gradients(inputs)
    finally:
        torch.set_num_threads(1)
    for one, other in zip(alone, shared, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("transposed", [False, True])
def test_the_operator_is_registered_as_torch_wants_it(form: str, transposed: bool) -> None:
    inputs = _inputs(dtype=torch.float32)
    if transposed:
        for i in (3, 4, 5):
            inputs[i] = inputs[i].transpose(0, -1).contiguous().transpose(0, -1)
    torch.library.opcheck(harmonic_bank, tuple(_differentiable(inputs)[0]))


@pytest.mark.parametrize("which", [0, 1, 2, 3, 4, 5])
def test_shapes_that_do_not_belong_together_are_refused(form: str, which: int) -> None:
    inputs = _inputs(dtype=torch.float32)
    inputs[which] = inputs[which][:1]
    with pytest.raises(ValueError, match="harmonic_bank: "):
        harmonic_bank(*inputs)


def test_half_precision_is_computed_in_single(form: str) -> None:
    inputs = [x.half() if isinstance(x, Tensor) and i else x for i, x in enumerate(_inputs())]
    single = [x.float() if isinstance(x, Tensor) and i else x for i, x in enumerate(inputs)]
    for ours, truth in zip(_with_gradients(inputs), _with_gradients(single), strict=True):
        assert ours.dtype == (torch.float64 if ours.ndim == 4 else torch.float16)
        assert (ours - truth).norm() <= 2e-3 * max(1.0, truth.norm().item())


def test_a_form_may_change_between_forward_and_backward() -> None:
    inputs = _inputs(dtype=torch.float32)
    truth = _with_gradients(inputs)[1:]
    copies, wanted = _differentiable(inputs)
    audio = harmonic_bank(*copies)
    weights = torch.cos(torch.arange(audio.numel(), dtype=torch.float64)).reshape(audio.shape)
    with kernels.use("torch"):
        ours = torch.autograd.grad((audio * weights.float()).sum(), wanted)
    for one, other in zip(ours, truth, strict=True):
        assert (one - other).norm() <= 1e-4 * max(1.0, other.norm().item())


def test_no_frames_have_no_gradient(form: str) -> None:
    copies, wanted = _differentiable(_inputs(frames=0))
    for grad in torch.autograd.grad(harmonic_bank(*copies).sum(), wanted):
        assert torch.count_nonzero(grad) == 0


def _call(f0_hz: Tensor, amplitude: Tensor, weights: Tensor) -> Tensor:
    return harmonic_oscillator(f0_hz, amplitude, weights, sample_rate=RATE, hop_length=64)


def _controls() -> list[Tensor]:
    return [200 + 100 * torch.rand(2, 9), torch.rand(2, 9), torch.rand(2, 9, 12)]


# By itself: the shape checks of the tests are nothing that torch.compile can follow.
COMPILE = """
import torch
from oscine.functional import harmonic_oscillator

def call(f0_hz, amplitude, weights):
    return harmonic_oscillator(f0_hz, amplitude, weights, sample_rate=16000, hop_length=64)

controls = [200 + 100 * torch.rand(2, 9), torch.rand(2, 9), torch.rand(2, 9, 12)]
controls = [x.requires_grad_() for x in controls]
compiled = torch.compile(call, backend="aot_eager", fullgraph=True)
torch.testing.assert_close(compiled(*controls), call(*controls), rtol=0, atol=1e-6)
ours, truth = (torch.autograd.grad(f(*controls).sum(), controls) for f in (compiled, call))
for one, other in zip(ours, truth, strict=True):
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
"""


@pytest.mark.slow
def test_compile_sees_through_it() -> None:
    run = subprocess.run([sys.executable, "-c", COMPILE], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_export_sees_through_it() -> None:
    class Module(torch.nn.Module):
        def forward(self, f0_hz: Tensor, amplitude: Tensor, weights: Tensor) -> Tensor:
            return _call(f0_hz, amplitude, weights)

    controls = _controls()
    program = torch.export.export(Module(), tuple(controls))
    assert "harmonic_bank" in str(program.graph)
    torch.testing.assert_close(program.module()(*controls), _call(*controls), rtol=0, atol=0)


def test_autocast_leaves_it_in_float32() -> None:
    f0, amplitude, weights = _controls()
    with torch.autocast("cpu", torch.bfloat16):
        audio = _call(f0, amplitude.bfloat16(), weights.bfloat16())
    assert audio.dtype == torch.float32
    truth = _call(f0, amplitude.bfloat16().float(), weights.bfloat16().float())
    # The first frame's amplitudes are made outside of the operator, in the precision that is given.
    torch.testing.assert_close(audio, truth, rtol=0, atol=2e-2)
