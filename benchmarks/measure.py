"""How things are measured: each contender in a fresh process, one thread, medians of several rounds."""

import ctypes
import math
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, ParamSpec, TypeVar

import torch
from torch import Tensor

from oscine import kernels

Call = Callable[[], Any]
#: Makes its inputs and returns the calls that are timed. A function at the top of a module, or a
#: `functools.partial` of one, so that a fresh process can find it.
Contender = Callable[[], Sequence[Call]]
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

#: The columns of `cost_row`.
DIFFERENTIABLE = [
    "form",
    "forward ms",
    "forward + backward ms",
    "MB",
    "SNR dB",
    "× textbook: forward / both / MB",
]

_SECONDS, _LEAST_ROUNDS, _MOST_ROUNDS = 3.0, 3, 50
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Measurement(NamedTuple):
    """What one contender cost."""

    rounds: list[list[float]]
    """Milliseconds of each call, round by round."""
    megabytes: float
    """By how much the calls raised the memory of the process, at its peak; NaN where Linux doesn't tell."""
    result: Any
    """What the first call returned."""

    def milliseconds(self, call: int = 0) -> float:
        """Return the median time of a call."""
        return median(times[call] for times in self.rounds)

    def ratio(self, call: int, other: int) -> float:
        """Return how many times as long a call takes as another of the same round, the median."""
        return median(times[call] / times[other] for times in self.rounds)


class Outcome(NamedTuple):
    """What a differentiable function gave, forward and backward."""

    value: Tensor
    gradients: tuple[Tensor, ...]


def alone(
    function: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
) -> Result:
    """Return the function's result from a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **options).result()


def measure(contender: Contender, quick: bool) -> Measurement:
    """Return times, memory and result of a contender; a quick run is one round in this process."""
    return _measure(contender, 1) if quick else alone(_measure, contender, _MOST_ROUNDS)


def _measure(contender: Contender, most_rounds: int) -> Measurement:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    calls = contender()
    for call in calls:  # what is loaded, compiled or kept at the first call is not what a call costs
        call()
    before = _settled_megabytes()
    rounds, result, began = [], None, time.perf_counter()
    while len(rounds) < most_rounds and (
        len(rounds) < _LEAST_ROUNDS or time.perf_counter() - began < _SECONDS
    ):
        # Calls take turns, so that a slow moment of the machine meets all of them.
        times = []
        for number, call in enumerate(calls):
            start = time.perf_counter()
            output = call()
            times.append(1e3 * (time.perf_counter() - start))
            result = output if number == 0 else result
            del output
        rounds.append(times)
    return Measurement(rounds, peak_megabytes() - before, result)


def _settled_megabytes() -> float:
    """Return the memory of the process now, what is free given back; peaks are counted from here."""
    if not _CLEAR.exists():
        return math.nan
    ctypes.CDLL(None).malloc_trim(0)
    _CLEAR.write_text("5")
    return peak_megabytes()


def peak_megabytes() -> float:
    """Return the highest memory of this process; NaN where Linux doesn't tell.

    Not `resource.getrusage`: a process that was started anew inherits its parent's peak there.
    """
    lines = _STATUS.read_text().splitlines() if _STATUS.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), math.nan)


def both_ways(form: Callable[..., Tensor], inputs: Sequence[Tensor], upstream: Tensor) -> list[Call]:
    """Return two calls: forward and backward, which gives an `Outcome`; and forward alone.

    Args:
        form: What is measured.
        inputs: Its arguments; gradients are taken of those that require them.
        upstream: Gradient of the form's result.
    """
    wanted = [x for x in inputs if x.requires_grad]

    def both() -> Outcome:
        value = form(*inputs)
        return Outcome(value.detach(), torch.autograd.grad(value, wanted, upstream))

    return [both, torch.no_grad()(lambda: form(*inputs))]


def by_form(form: str, calls: Sequence[Call]) -> list[Call]:
    """Return the calls, each with its kernels in one form."""

    def with_form(call: Call) -> Call:
        def run() -> Any:
            with kernels.use(form):
                return call()

        return run

    return [with_form(call) for call in calls]


def cpu_forms() -> list[str]:
    """Return the forms of the kernels that a CPU would be given, the fastest first."""
    return [form for form in kernels.available() if form not in ("triton", "oracle")]


def random_like(*shape: int, seed: int = 1) -> Tensor:
    """Return normal noise that is the same in every process."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def signal_to_noise_db(result: Tensor, truth: Tensor) -> float:
    """Return the energy of the truth over that of the difference, dB."""
    truth = truth.double()
    noise = (result.double() - truth).square().sum().clamp(min=1e-300)
    return float(10 * torch.log10(truth.square().sum() / noise))


def relative_error(result: Tensor, truth: Tensor) -> float:
    """Return the norm of the difference over that of the truth."""
    truth = truth.double()
    return float((result.double() - truth).norm() / truth.norm())


def ratios(ours: Measurement, theirs: Measurement) -> str:
    """Return how many times as costly theirs is: forward, forward + backward, memory."""
    figures = (
        theirs.milliseconds(1) / ours.milliseconds(1),
        theirs.milliseconds() / ours.milliseconds(),
        theirs.megabytes / ours.megabytes if ours.megabytes > 0 else math.nan,
    )
    return " / ".join(f"{figure:.3g}" for figure in figures)


def cost_row(name: str, cost: Measurement, error: str, theirs: Measurement) -> list[str]:
    """Return the row of a contender that was measured `both_ways`."""
    return [
        name,
        f"{cost.milliseconds(1):.1f}",
        f"{cost.milliseconds():.1f}",
        f"{cost.megabytes:.0f}",
        error,
        ratios(cost, theirs),
    ]


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    rule = ["---"] + ["---:"] * (len(headings) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [headings, rule, *rows])
