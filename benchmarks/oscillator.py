"""The harmonic oscillator: every form of its kernel, the textbook form, and that form compiled by torch."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks import textbook
from benchmarks.measure import (
    Call,
    Measurement,
    Outcome,
    both_ways,
    by_form,
    cpu_forms,
    measure,
    random_like,
    ratios,
    relative_error,
    signal_to_noise_db,
    table,
)
from benchmarks.peak import compiler, multiply_adds_per_second
from oscine.functional import harmonic_oscillator

EAGER, COMPILED = "textbook, eager torch", "textbook, torch.compile"


class Workload(NamedTuple):
    """A batch of tones whose partials all sound and slowly vary."""

    sample_rate: int = 16_000
    hop_length: int = 64
    n_harmonics: int = 100
    batch_size: int = 16
    seconds: float = 4.0

    @property
    def n_frames(self) -> int:
        """Frames of an item."""
        return round(self.seconds * self.sample_rate / self.hop_length)

    @property
    def n_samples(self) -> int:
        """Samples of the whole batch."""
        return self.batch_size * self.n_frames * self.hop_length

    def inputs(self) -> list[Tensor]:
        """Return f0 in Hz, amplitude and distribution, each of which wants a gradient."""
        random = torch.Generator().manual_seed(0)
        time = torch.arange(self.n_frames) * (self.hop_length / self.sample_rate)
        # The last partial stays below Nyquist; with few of them the fundamental is no higher than with 100.
        highest_hz = 0.98 * self.sample_rate / 2 / max(100, self.n_harmonics)
        tune = 0.5 + 0.48 * torch.rand(self.batch_size, 1, generator=random)
        f0_hz = highest_hz * tune * (1 + 0.02 * torch.sin(2 * torch.pi * 5 * time))
        phase = 2 * torch.pi * torch.rand(self.batch_size, 1, self.n_harmonics, generator=random)
        distribution = 1 + 0.9 * torch.sin(2 * torch.pi * 2 * time.unsqueeze(-1) + phase)
        amplitude = (0.5 + 0.4 * torch.sin(2 * torch.pi * time)).expand(self.batch_size, -1)
        return [x.contiguous().requires_grad_() for x in (f0_hz, amplitude, distribution)]

    def upstream(self) -> Tensor:
        """Return the gradient that the audio is given."""
        return random_like(self.batch_size, self.n_frames * self.hop_length)

    def quick(self) -> "Workload":
        """Return a small one."""
        return self._replace(batch_size=2, seconds=0.1)


WORKLOADS = (Workload(), Workload(sample_rate=48_000, hop_length=192))


def ours(workload: Workload, form: str) -> list[Call]:
    """Oscine's oscillator by a form of its kernel."""
    play = partial(harmonic_oscillator, sample_rate=workload.sample_rate, hop_length=workload.hop_length)
    return by_form(form, both_ways(play, workload.inputs(), workload.upstream()))


def _textbook(workload: Workload) -> Callable[..., Tensor]:
    return partial(textbook.oscillator, sample_rate=workload.sample_rate, hop_length=workload.hop_length)


def eager(workload: Workload) -> list[Call]:
    """The textbook form."""
    return both_ways(_textbook(workload), workload.inputs(), workload.upstream())


def compiled(workload: Workload) -> list[Call]:
    """The textbook form through torch.compile, for these shapes alone."""
    form = torch.compile(_textbook(workload), dynamic=False)
    return both_ways(form, workload.inputs(), workload.upstream())


def threads(workload: Workload, form: str) -> list[Call]:
    """Forward and backward, then forward alone: each with one thread, then with two."""

    def with_threads(call: Call, n_threads: int) -> Call:
        def run() -> Outcome | Tensor:
            torch.set_num_threads(n_threads)
            return call()

        return run

    return [with_threads(call, n_threads) for call in ours(workload, form) for n_threads in (1, 2)]


def truth(workload: Workload) -> Outcome:
    """Return the textbook form's result in float64, item by item to spare memory."""
    inputs = [x.detach().double() for x in workload.inputs()]
    items = zip(*(x.split(1) for x in [*inputs, workload.upstream().double()]), strict=True)
    outcomes = [
        both_ways(_textbook(workload), [x.requires_grad_() for x in item], upstream)[0]()
        for *item, upstream in items
    ]
    gradients = zip(*(outcome.gradients for outcome in outcomes), strict=True)
    return Outcome(
        torch.cat([outcome.value for outcome in outcomes]), tuple(torch.cat(parts) for parts in gradients)
    )


def multiply_adds(workload: Workload) -> int:
    """Return those of a forward pass, by the layout of kernels/native/bank.h.

    Partials lie in blocks of 2 J + 1. Each sample takes 4 J for a block's sums, which are of both the frame's
    ends, and once 4 J to make the sines and cosines of 1 … J.
    """
    n_blocks = -(-workload.n_harmonics // 25)
    reach = -(-workload.n_harmonics // n_blocks) // 2
    return workload.n_samples * 4 * reach * (n_blocks + 1)


def _share_of_peak(workload: Workload, milliseconds: float) -> str:
    peak = multiply_adds_per_second()
    if peak is None:
        return "The core's peak was not measured: there is no g++."
    rate = multiply_adds(workload) / milliseconds * 1e3
    return (
        f"Forward, {rate / 1e9:.1f} billion multiply-adds a second are {100 * rate / peak:.0f} % of the "
        f"{peak / 1e9:.1f} billion that the core was measured to do."
    )


def _row(name: str, cost: Measurement, right: Outcome, others: list[Measurement | None]) -> list[str]:
    errors = map(relative_error, cost.result.gradients, right.gradients)
    return [
        name,
        f"{cost.milliseconds(1):.1f}",
        f"{cost.milliseconds():.1f}",
        f"{cost.megabytes:.0f}",
        f"{signal_to_noise_db(cost.result.value, right.value):.0f}",
        f"{max(errors):.1e}",
        *("–" if other is None else ratios(cost, other) for other in others),
    ]


def _section(workload: Workload, quick: bool) -> str:
    costs = {form: measure(partial(ours, workload, form), quick) for form in cpu_forms()}
    # Compiling takes longer than all else in a quick run.
    if compiler() and not quick:
        costs[COMPILED] = measure(partial(compiled, workload), quick)
    costs[EAGER] = measure(partial(eager, workload), quick)
    right = truth(workload)
    others = [costs[EAGER], costs.get(COMPILED)]
    rows = [_row(name, cost, right, others) for name, cost in costs.items()]
    if COMPILED not in costs:
        reason = "in a quick run" if compiler() else "for want of g++"
        rows.append([f"{COMPILED}: not measured {reason}", *["–"] * 7])
    best = cpu_forms()[0]
    pairs = measure(partial(threads, workload, best), quick)
    columns = [
        "form",
        "forward ms",
        "forward + backward ms",
        "MB",
        "SNR dB",
        "gradient error",
        "× eager: forward / both / MB",
        "× torch.compile: the same",
    ]
    head = (
        f"{workload.batch_size} × {workload.n_frames} frames of {workload.hop_length} samples at "
        f"{workload.sample_rate} Hz, {workload.n_harmonics} harmonics, all below Nyquist."
    )
    threaded = (
        f"Two threads of `{best}` are {pairs.ratio(2, 3):.2f} × as fast as one forward, "
        f"{pairs.ratio(0, 1):.2f} × forward and backward."
    )
    share = _share_of_peak(workload, costs[best].milliseconds(1))
    return f"{head}\n\n{table(columns, rows)}\n\n{threaded} {share}"


def run(quick: bool) -> str:
    """Return the section."""
    return "\n\n".join(_section(one.quick() if quick else one, quick) for one in WORKLOADS)
