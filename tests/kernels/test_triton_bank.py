"""The Triton kernels against the formula in float64: on a GPU, or without one in Triton's interpreter.

The interpreter is for whole processes: without a GPU, one test runs all the others in a process of their own.
"""

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from oscine.kernels import oracle, tiled, triton_bank
from oscine.kernels.choice import use
from oscine.kernels.frames import Inputs
from oscine.kernels.harmonic_bank import harmonic_bank

if importlib.util.find_spec("triton") is None:
    pytest.skip("Triton, which comes with torch for CUDA, isn't installed", allow_module_level=True)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
HERE = triton_bank.runs_on(DEVICE)
runs_here = pytest.mark.skipif(
    not HERE, reason="no GPU: runs in Triton's interpreter, in a process of its own"
)
SAMPLE_RATE = 16000


@pytest.mark.skipif(HERE, reason="the tests run in this process")
def test_in_the_interpreter():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", __file__],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def _inputs(
    hop: int,
    partials: int,
    free: bool = False,
    normalised: bool = True,
    low: float = 40,
    high: float = 300,
    size: tuple[int, int] = (2, 3),
) -> Inputs:
    """Random controls that float32 can hold, in float64; size is of batch and frames."""
    sines = partials if free else 1
    hz = (low + (high - low) * torch.rand(size[0], size[1] + 1, sines)).double()
    if free:
        hz *= torch.linspace(1, 40, sines, dtype=torch.float64)
        hz = hz.float().double()
    before, now = hz[:, :-1], hz[:, 1:]
    turns = before / SAMPLE_RATE
    polynomial = torch.stack(
        [torch.rand_like(turns), turns, (now - before) / SAMPLE_RATE / (2 * hop)], dim=-1
    )
    amplitude = torch.rand(size).double() if normalised else None
    weights = torch.rand(*size, partials).double()
    previous = (torch.rand(size[0], partials) / partials).double()
    return Inputs(polynomial, now, before[:, 0], amplitude, weights, previous, SAMPLE_RATE / 2, hop)


def _float32(inputs: Inputs) -> Inputs:
    """The inputs as a GPU gets them: all but the polynomial in float32."""
    names = ("frequency_hz", "previous_hz", "amplitude", "weights", "previous_amplitudes")
    given = {name: getattr(inputs, name) for name in names}
    moved = {name: None if x is None else x.to(DEVICE, torch.float32) for name, x in given.items()}
    return inputs._replace(polynomial=inputs.polynomial.to(DEVICE), **moved)


def _snr_db(ours: Tensor, truth: Tensor, dim: tuple[int, ...] = (0, 1, 2)) -> Tensor:
    error = ours.cpu().double() - truth
    return 10 * torch.log10(truth.square().sum(dim) / error.square().sum(dim))


def _check(inputs: Inputs) -> None:
    truth = oracle.forward(inputs)
    audio = triton_bank.forward(_float32(inputs))
    assert audio.dtype == torch.float32
    assert _snr_db(audio, truth) > 105
    grad = torch.randn(truth.shape)
    ours = triton_bank.backward(_float32(inputs), grad.to(DEVICE), True)
    for a, b in zip(ours, oracle.backward(inputs, grad.double(), True), strict=True):
        assert a.shape == b.shape
        assert a.is_contiguous()
        # A single weight is normalised away: its gradient is zero but for rounding.
        assert (a.cpu().double() - b).norm() <= 3e-5 * b.norm() + 1e-6


@runs_here
@pytest.mark.parametrize(
    ("hop", "partials", "normalised"),
    [
        (5, 1, True),
        (5, 100, False),
        (64, 7, True),
        (64, 100, True),
        (176, 130, True),
        (441, 100, False),
        (441, 7, True),
    ],
)
def test_harmonics(hop: int, partials: int, normalised: bool):
    _check(_inputs(hop, partials, normalised=normalised))


@runs_here
@pytest.mark.parametrize(
    ("hop", "partials", "normalised"),
    [(5, 2, True), (64, 7, True), (64, 100, False), (176, 7, False), (441, 9, True)],
)
def test_partials_with_their_own_phases(hop: int, partials: int, normalised: bool):
    _check(_inputs(hop, partials, free=True, normalised=normalised))


@runs_here
def test_long_frames_and_a_thousand_harmonics():
    _check(_inputs(2048, 3, size=(1, 1)))
    _check(_inputs(5, 1000, low=5, high=12, size=(1, 2)))


@runs_here
def test_frames_that_differ_in_what_is_below_nyquist():
    inputs = _inputs(64, 20, low=300, high=900)
    audible = (inputs.frequency_hz * torch.arange(1, 21) < inputs.nyquist).sum(dim=-1)
    assert len(audible.unique()) > 2
    _check(inputs)


@runs_here
@pytest.mark.parametrize(("partials", "low"), [(100, 70.0), (1000, 7.0)])
def test_every_harmonic_is_exact(partials: int, low: float):
    # One harmonic at a time: an error at the hundredth must not hide behind the first.
    numbers = torch.tensor([1, 2, 50, 99, 100, 501, 1000])
    numbers = numbers[numbers <= partials]
    inputs = _inputs(64, partials, normalised=False, low=low, high=low * 1.1)
    one = torch.nn.functional.one_hot(numbers - 1, partials).double().unsqueeze(1)
    first = {name: getattr(inputs, name)[:1, :1] for name in ("polynomial", "frequency_hz")}
    first = {name: x.expand(len(numbers), *x.shape[1:]) for name, x in first.items()}
    previous = inputs.previous_hz[:1].expand(len(numbers), 1)
    inputs = inputs._replace(**first, previous_hz=previous, weights=one, previous_amplitudes=one[:, 0])
    snr = _snr_db(triton_bank.forward(_float32(inputs)), oracle.forward(inputs), dim=(1, 2))
    assert snr.min() > 95


@runs_here
@pytest.mark.parametrize("free", [False, True])
def test_above_nyquist_is_silence(free: bool):
    inputs = _inputs(16, 5, free=free, low=8000, high=9000)
    assert not triton_bank.forward(_float32(inputs)).any()
    for x in triton_bank.backward(_float32(inputs), torch.randn(2, 3, 16, device=DEVICE), True):
        assert not x.any()


@runs_here
@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("field", ["polynomial", "amplitude", "weights", "previous_amplitudes"])
def test_nan_stays_nan_in_the_frames_that_it_reaches(field: str, free: bool):
    # In a partial above Nyquist too, which is as silent as can be.
    inputs = _inputs(16, 20, free=free, low=450, high=500)
    place = {
        "previous_amplitudes": (1, 19),
        "weights": (1, 1, 19),
        "amplitude": (1, 1),
        "polynomial": (1, 1, -1, 0),
    }
    getattr(inputs, field)[place[field]] = math.nan
    audio = triton_bank.forward(_float32(inputs)).cpu()
    assert audio.isnan().any()
    assert torch.equal(audio.isnan(), oracle.forward(inputs).isnan())
    grads = triton_bank.backward(_float32(inputs), torch.randn(2, 3, 16, device=DEVICE), True)
    assert any(x.isnan().any() for x in grads)


@runs_here
def test_the_operator_and_its_gradients():
    def gradients(given: Inputs, form: str) -> tuple[Tensor, ...]:
        names = ("polynomial", "amplitude", "weights", "previous_amplitudes")
        leaves = {name: getattr(given, name).clone().requires_grad_() for name in names}
        with use(form):
            audio = harmonic_bank(*given._replace(**leaves))
            loss = (audio * torch.linspace(-1, 1, audio.shape[1], device=audio.device)).sum()
            return torch.autograd.grad(loss, list(leaves.values()))

    inputs = _inputs(64, 30)
    for a, b in zip(gradients(_float32(inputs), "triton"), gradients(inputs, "oracle"), strict=True):
        assert (a.cpu().double() - b).norm() < 3e-5 * b.norm()


@runs_here
def test_a_polynomial_that_is_not_wanted():
    inputs, grad = _float32(_inputs(64, 7)), torch.randn(2, 3, 64, device=DEVICE)
    nothing, *rest = triton_bank.backward(inputs, grad, False)
    assert nothing.numel() == 0
    for a, b in zip(rest, triton_bank.backward(inputs, grad, True)[1:], strict=True):
        assert torch.equal(a, b)


@runs_here
def test_float64_and_no_frames_are_left_to_torch():
    inputs = _inputs(64, 7)
    assert torch.equal(triton_bank.forward(inputs), tiled.forward(inputs))
    none = inputs._replace(
        polynomial=inputs.polynomial[:, :0],
        frequency_hz=inputs.frequency_hz[:, :0],
        amplitude=inputs.weights[:, :0, 0],
        weights=inputs.weights[:, :0],
    )
    assert triton_bank.forward(_float32(none)).shape == (2, 0, 64)


def test_importing_oscine_does_not_import_triton():
    code = "import sys, oscine, oscine.kernels.harmonic_bank; print('triton' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
