"""The oscillator on a GPU, when there is one: by Triton and by the textbook, beside what the card can do."""

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import torch

from benchmarks import textbook
from benchmarks.measure import Call, both_ways, by_form, table
from benchmarks.oscillator import Workload
from oscine.functional import harmonic_oscillator


def _seconds(call: Callable[[], object], n_calls: int = 20) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(3 + n_calls):
        torch.cuda.synchronize()
        began = time.perf_counter()
        call()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return median(times[3:])


def _contenders(workload: Workload) -> dict[str, Call]:
    inputs = [x.detach().cuda().requires_grad_() for x in workload.inputs()]
    upstream, sizes = workload.upstream().cuda(), (workload.sample_rate, workload.hop_length)
    ours = partial(harmonic_oscillator, sample_rate=sizes[0], hop_length=sizes[1])
    eager = partial(textbook.oscillator, sample_rate=sizes[0], hop_length=sizes[1])
    return {
        "Triton": by_form("triton", both_ways(ours, inputs, upstream))[0],
        "textbook, eager torch": both_ways(eager, inputs, upstream)[0],
    }


def run(quick: bool) -> str:
    """Return the section."""
    if not torch.cuda.is_available():
        return "There was no GPU, so nothing was measured here."
    workload = Workload().quick() if quick else Workload()
    seconds = {name: _seconds(call) for name, call in _contenders(workload).items()}
    source = torch.empty(1 << 28, dtype=torch.uint8, device="cuda")
    target, square = torch.empty_like(source), torch.randn(4096, 4096, device="cuda")
    # A copy reads and writes; a product of n × n takes n³ multiply-adds.
    bandwidth = 2 * source.numel() / _seconds(lambda: target.copy_(source))
    rate = square.shape[0] ** 3 / _seconds(lambda: square @ square)
    # Weights, audio, and the gradients of both, once each; and what the sums alone take: a multiply-add for
    # each end of the frame forward, two backward.
    n_bytes = 2 * 4 * (workload.batch_size * workload.n_frames * workload.n_harmonics + workload.n_samples)
    n_multiply_adds = 6 * workload.n_samples * workload.n_harmonics
    rows = [
        [
            name,
            f"{1e3 * took:.3f}",
            f"{seconds['textbook, eager torch'] / took:.1f}",
            f"{100 * n_bytes / bandwidth / took:.1f}",
            f"{100 * n_multiply_adds / rate / took:.1f}",
        ]
        for name, took in seconds.items()
    ]
    columns = ["form", "forward + backward ms", "× eager", "% of bandwidth", "% of arithmetic"]
    head = (
        f"{torch.cuda.get_device_name()}, the first workload of the oscillator. It was measured to copy at "
        f"{bandwidth / 1e9:.0f} GB/s, and at {rate / 1e12:.1f}e12 multiply-adds/s in products of float32."
    )
    return f"{head}\n\n{table(columns, rows)}"
