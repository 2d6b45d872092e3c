"""How the cost of the oscillator grows: with the batch, the harmonics, the sample rate and the length."""

from functools import partial

from benchmarks.measure import cpu_forms, measure, table
from benchmarks.oscillator import Workload, ours

_START = Workload()
SETTINGS: dict[str, list[Workload]] = {
    "batch of {.batch_size}": [_START._replace(batch_size=n) for n in (1, 4, 16, 64)],
    "{.n_harmonics} harmonics": [_START._replace(n_harmonics=n) for n in (25, 50, 100, 200, 400)],
    "{0.sample_rate} Hz, hop {0.hop_length}": [
        _START._replace(sample_rate=rate, hop_length=hop_length)
        for rate, hop_length in ((16_000, 64), (44_100, 176), (48_000, 192), (96_000, 384))
    ],
    "{.seconds:g} s": [_START._replace(seconds=seconds) for seconds in (1.0, 4.0, 16.0, 64.0)],
}


def run(quick: bool) -> str:
    """Return the section."""
    best, rows = cpu_forms()[0], []
    for name, workloads in SETTINGS.items():
        for workload in workloads:
            given = workload._replace(batch_size=1, seconds=0.1) if quick else workload
            milliseconds = measure(partial(ours, given, best), quick).milliseconds()
            each = 1e6 * milliseconds / (given.n_samples * given.n_harmonics)
            rows.append([name.format(workload), f"{milliseconds:.1f}", f"{each:.3f}"])
    head = (
        f"Forward and backward of `{best}`. What a row doesn't name is {_START.batch_size} × "
        f"{_START.seconds:g} s, {_START.n_harmonics} harmonics, {_START.sample_rate} Hz and a hop of "
        f"{_START.hop_length}."
    )
    return f"{head}\n\n{table(['setting', 'ms', 'ns per sample and harmonic'], rows)}"
