"""How things are measured: each contender in a fresh process, one thread, the median of several runs."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import torch

#: Makes its inputs and returns what is timed; that returns a tensor, from which the error is told.
Contender = Callable[[bool], Callable[[], torch.Tensor]]


class Measurement(NamedTuple):
    """What one contender cost."""

    milliseconds: float
    megabytes: float
    result: torch.Tensor


def measure(contender: Contender, quick: bool = False) -> Measurement:
    """Return time, memory and result of a contender.

    Args:
        contender: A function at the top of a module, so that a fresh process can find it.
        quick: Passed to the contender, which then takes a small problem; and fewer runs.

    Returns:
        The median time of a call; the memory that the calls added at their peak; the result of the last one.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_measure_here, contender, quick).result()


def _measure_here(contender: Contender, quick: bool) -> Measurement:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    call = contender(quick)
    before = _peak_megabytes()
    result = call()
    megabytes = _peak_megabytes() - before
    times = []
    began = time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - began < (0.2 if quick else 5.0) and len(times) < 50):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return Measurement(sorted(times)[len(times) // 2] * 1e3, megabytes, result.detach())


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def signal_to_noise_db(result: torch.Tensor, truth: torch.Tensor) -> float:
    """Return the energy of the truth over that of the difference, dB."""
    truth = truth.double()
    noise = (result.double() - truth).square().sum().clamp(min=1e-300)
    return float(10 * torch.log10(truth.square().sum() / noise))


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    rule = ["---"] + ["---:"] * (len(headings) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [headings, rule, *rows])
