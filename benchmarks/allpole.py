"""The moving all-pole filter: C++ against torch, error beside speed; in glottal.md.

    python -m benchmarks.allpole [--quick] [--write]

The direct form is what other libraries have: each sample's polynomial by Levinson's recursion, and
``y[n] = x[n] − Σ a_i[n] y[n − i]`` in blocks, by triangular systems. It is another filter while coefficients
move, so it has no error here.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from benchmarks.measure import (
    Call,
    Measurement,
    both_ways,
    by_form,
    cpu_forms,
    measure,
    random_like,
    relative_error,
    table,
)
from benchmarks.page import machine, write_section
from oscine import kernels
from oscine.functional import allpole, reflection_to_lpc, upsample

PAGE = "glottal"
BATCH_SIZE, SECONDS, BLOCK = 4, 1.0, 64
#: Sample rate, hop length, poles.
SIZES = ((16_000, 64, 22), (44_100, 176, 44))
_DIRECT = "direct form"


def direct_form(audio: Tensor, reflection: Tensor, *, hop_length: int) -> Tensor:
    """Return the audio through the filter in its direct form, in blocks."""
    a = reflection_to_lpc(upsample(reflection, hop_length).double())
    batch, n_samples, order = a.shape
    missing = -n_samples % BLOCK
    x = torch.nn.functional.pad(audio.double(), (0, missing)).unflatten(1, (-1, BLOCK))
    a = torch.nn.functional.pad(a, (0, 0, 0, missing)).unflatten(1, (-1, BLOCK))
    # Row i of a block: a_M … a_1, the last one beside the diagonal; the first M columns are what was before.
    column = torch.arange(BLOCK)[:, None] + torch.arange(order - 1, -1, -1)
    rows = torch.zeros(*x.shape, BLOCK + order, dtype=a.dtype).scatter(-1, column.expand_as(a), a)
    past, outputs = torch.zeros(batch, order, 1, dtype=a.dtype), []
    for given, row in zip(x.unbind(1), rows.unbind(1), strict=True):
        known = given.unsqueeze(-1) - row[..., :order] @ past
        y = torch.linalg.solve_triangular(row[..., order:], known, upper=False, unitriangular=True)
        past = torch.cat([past, y], 1)[:, -order:]
        outputs.append(y[..., 0])
    return torch.cat(outputs, 1)[:, :n_samples].to(audio.dtype)


def _given(sample_rate: int, hop_length: int, order: int, seconds: float) -> tuple[Tensor, Tensor]:
    n_frames = round(seconds * sample_rate / hop_length)
    # As a voice moves: slowly, the first coefficients far and the others near 0.
    raw = random_like(BATCH_SIZE, n_frames, order).cumsum(1) / 10
    reflection = 0.9 * torch.tanh(raw) / torch.arange(1, order + 1).sqrt()
    return random_like(BATCH_SIZE, n_frames * hop_length, seed=2), reflection


def contender(form: str, sample_rate: int, hop_length: int, order: int, seconds: float) -> list[Call]:
    """One of the forms, by name."""
    audio, reflection = (x.requires_grad_() for x in _given(sample_rate, hop_length, order, seconds))
    function: Callable[..., Tensor] = direct_form if form == _DIRECT else allpole
    calls = both_ways(
        partial(function, hop_length=hop_length), [audio, reflection], random_like(*audio.shape, seed=3)
    )
    return calls if form == _DIRECT else by_form(form, calls)


def run(quick: bool) -> str:
    """Return the table."""
    rows = []
    forms = [*cpu_forms(), _DIRECT]
    for size in SIZES:
        seconds = 0.02 if quick else SECONDS
        costs = {form: measure(partial(contender, form, *size, seconds), quick) for form in forms}
        with kernels.use("torch"):
            audio, reflection = (x.double().requires_grad_() for x in _given(*size, seconds))
            truth = allpole(audio, reflection, hop_length=size[1])
            upstream = random_like(*audio.shape, seed=3).double()
            gradients = torch.autograd.grad(truth, [audio, reflection], upstream)
        for form, cost in costs.items():
            rows.append(_row(f"{size[0]} Hz, {size[2]} poles: {form}", cost, costs["torch"]))
            errors = ["–", "–"]
            if form != _DIRECT:
                own = [relative_error(cost.result.value, truth.detach())]
                own += [relative_error(*pair) for pair in zip(cost.result.gradients, gradients, strict=True)]
                errors = [f"{own[0]:.0e}", f"{max(own[1:]):.0e}"]
            rows[-1] += errors
    columns = ["form", "forward ms", "forward + backward ms", "× torch: forward / both"]
    return table([*columns, "error of the audio", "of the gradients"], rows)


def _row(name: str, cost: Measurement, theirs: Measurement) -> list[str]:
    ratios = [theirs.milliseconds(call) / cost.milliseconds(call) for call in (1, 0)]
    times = [f"{cost.milliseconds(call):.1f}" for call in (1, 0)]
    return [name, *times, " / ".join(f"{ratio:.3g}" for ratio in ratios)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.allpole", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny problems, to see that it runs")
    parser.add_argument("--write", action="store_true", help="write glottal.md")
    options = parser.parse_args(arguments)
    content = (
        f"{run(options.quick)}\n\n{BATCH_SIZE} × {SECONDS:g} s, float32 given, one thread; errors "
        f"relative to the norm, against float64.\n\n*{machine()}; `python -m benchmarks.allpole --write`.*"
    )
    print(content)
    if options.write and not options.quick:
        write_section("allpole", content, PAGE)


if __name__ == "__main__":
    main()
