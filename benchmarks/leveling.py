"""How far the loudness of an instrument's notes is from its target, by passes of leveling.

python -m benchmarks.leveling INSTRUMENT PERFORMANCE…
"""

import sys
import time
from pathlib import Path

import torch

import oscine
from benchmarks.measure import table
from oscine.analysis import analyze
from oscine.transfer import Options, transfer
from oscine.transfer.transferring import prepare

COLUMNS = ["performance", "passes", "mean distance, dB", "mean difference, dB", "seconds"]


def main() -> None:
    """Print a row for each performance and number of passes."""
    torch.set_num_threads(1)
    folder, *performances = sys.argv[1:]
    instrument = oscine.load(folder)
    rows = []
    for performance in performances:
        _, matched, _, _ = prepare(instrument, performance, Options())
        for n_passes in range(4):
            began = time.perf_counter()
            audio, rate = transfer(instrument, performance, Options(level_passes=n_passes))
            took = time.perf_counter() - began
            heard = analyze(audio, rate, instrument.hop_length).loudness_db
            error = (heard - matched.target_loudness_db)[matched.on_notes]
            figures = f"{error.abs().mean():.2f}", f"{error.mean():+.2f}", f"{took:.1f}"
            rows.append([Path(performance).name, str(n_passes), *figures])
    sys.stdout.write(table(COLUMNS, rows) + "\n")


if __name__ == "__main__":
    main()
