"""How often training fails, and how far apart seeds are: stability.md.

    python -m benchmarks.stability [--seeds N] [--steps N] [--results FOLDER] [--write]

The recipe ``default`` learns the violin of the package at 16 kHz on one thread, from N seeds in each of
several ways (benchmarks/training_ways.py). The validation part chooses the checkpoint, and the figures are of
the held-out part. FOLDER keeps them: what is there is not trained again.
"""

import argparse
import copy
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, stdev

import torch

from benchmarks.ensemble import Figures, mean_control, measured
from benchmarks.measure import table
from benchmarks.page import machine, write_section
from benchmarks.training_ways import AS_IT_IS, GUARDS, WAYS, train
from oscine import recordings
from oscine.data import Dataset, prepare
from oscine.data.manifest import MANIFEST
from oscine.files import write_atomically
from oscine.models import Instrument

RATE, N_TOGETHER = 16_000, 3
#: A branch that is so far below its median level of the runs as they are has collapsed.
COLLAPSED_DB = -20.0


def run(dataset: Dataset, name: str, seed: int, steps: int, folder: Path, guard: str) -> Figures:
    """Train one instrument and return its figures; as it is, also those of its last and averaged weights."""
    loop, kept = train(dataset, WAYS[name], seed, steps, guard)
    counters, instrument = loop.counters, loop.instrument
    line: Figures = {"skipped": counters.n_skipped, "rolled_back": counters.n_rolled_back}
    line["diverged"] = not kept.last < kept.first
    if name == AS_IT_IS and kept.average is not None:
        averages = kept.average.module
        assert isinstance(averages, Instrument)
        for which, one in (("last weights", instrument), ("weights averaged", averages)):
            line[which] = {"validation_loss": loop.validate(one).loss, **measured([one], dataset)}
    if kept.weights:
        instrument.load_state_dict(kept.weights)
    if name == AS_IT_IS:
        line["mean_control"] = mean_control(instrument, dataset)
        instrument.save_pretrained(folder / f"{seed}")
    return line | {"validation_loss": kept.best, **measured([instrument], dataset)}


def kept(dataset: Dataset, name: str, seed: int, steps: int, folder: Path, guard: str) -> Figures:
    """Return the figures that a folder keeps, or those of a new run."""
    path = folder / f"{re.sub('[ ,×]+', '-', name + guard)}-{seed}.json"
    if not path.exists():
        write_atomically(path, json.dumps(run(dataset, name, seed, steps, folder, guard), indent=1) + "\n")
        print(path.stem, flush=True)
    return json.loads(path.read_text(encoding="utf-8"))


def together(dataset: Dataset, folder: Path, seeds: int) -> dict[str, list[Figures]]:
    """Return the figures of ensembles of the instruments that were trained as it is."""
    players = [Instrument.from_pretrained(folder / f"{seed}") for seed in range(seeds)]
    chosen = copy.copy(dataset)
    chosen.held_out = dataset.validation
    threes = [[players[(i + k) % seeds] for k in range(N_TOGETHER)] for i in range(seeds)]
    groups = {f"ensembles of {N_TOGETHER}": threes, f"ensemble of {seeds}": [players]}
    return {
        name: [
            {**measured(one, dataset), "validation_loss": measured(one, chosen)["spectral_loss"]}
            for one in group
        ]
        for name, group in groups.items()
    }


def as_table(ways: dict[str, list[Figures]]) -> str:
    """Return the rows of all ways in Markdown: counts, and mean and deviation of the runs' figures."""
    normal = ways[AS_IT_IS]
    most_loss = mean(line["mean_control"] for line in normal)
    least_db = [median(line["branches_db"][i] for line in normal) + COLLAPSED_DB for i in range(2)]

    def is_collapsed(line: Figures) -> bool:
        levels = line["branches_db"] or (-math.inf, -math.inf)
        return (
            line["spectral_loss"] is None
            or line["spectral_loss"] > most_loss
            or any(a < b for a, b in zip(levels, least_db, strict=True))
        )

    rows = []
    for name, lines in ways.items():
        whole = [line for line in lines if line["spectral_loss"] is not None]
        losses, validated, noise_db, told = (
            spread([read(line) for line in whole], form)
            for read, form in (
                (lambda line: line["spectral_loss"], ".3f"),
                (lambda line: line["validation_loss"], ".3f"),
                (lambda line: line["branches_db"][1], ".1f"),
                (lambda line: 100 * (line["told_apart"] or math.nan), ".0f"),
            )
        )
        counts = [len(lines), sum(line.get("rolled_back", 0) > 0 for line in lines)]
        counts += [sum(line.get("diverged", False) for line in lines), sum(map(is_collapsed, lines))]
        skipped = mean(line.get("skipped", 0) for line in lines)
        cells = [f"{counts[0]}", f"{skipped:.1f}", *map(str, counts[1:]), validated, losses, noise_db, told]
        rows.append([name, *cells])
    columns = ["training", "runs", "skipped steps", "rolled back", "diverged", "collapsed", "validation loss"]
    content = table([*columns, "spectral loss", "noise, dB", "told apart, %"], rows)
    return f"{content}\n\nThe spectral loss of the mean control is {most_loss:.2f}."


def spread(values: Sequence[float], form: str) -> str:
    """Return mean and standard deviation."""
    if len(values) < 2:
        return f"{values[0]:{form}}" if values else "–"
    return f"{mean(values):{form}} ± {stdev(values):{form}}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stability", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="(%(default)s)")
    parser.add_argument("--steps", type=int, default=250, help="of each run (%(default)s)")
    parser.add_argument("--results", type=Path, default=Path("build/stability"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="write stability.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    folder: Path = options.results / f"{options.steps}"
    if not (options.results / "dataset" / MANIFEST).exists():
        prepare(recordings.path("violin"), options.results / "dataset", sample_rate=RATE, n_workers=1)
    dataset = Dataset.open(options.results / "dataset")
    ways: dict[str, list[Figures]] = {}
    for name, way in WAYS.items():
        whole: list[Figures] = []
        for guard in GUARDS:
            lines, is_row = [], guard == GUARDS[0]
            for seed in range(min(options.seeds, way.most_seeds)):
                # Where the part of the guard that is left out did nothing, the run is the same without it.
                acted = is_row or whole[seed]["rolled_back" if guard == GUARDS[1] else "skipped"]
                line = kept(dataset, name, seed, options.steps, folder, guard) if acted else whole[seed]
                lines.append(line)
            whole = whole or lines
            if is_row or any(line is not one for line, one in zip(lines, whole, strict=True)):
                ways[name + guard] = lines
    for which in ("last weights", "weights averaged"):
        ways[which] = [line[which] for line in ways[AS_IT_IS]]
    content = as_table(ways | together(dataset, folder, options.seeds))
    print(content)
    if options.write:
        command = f"python -m benchmarks.stability --steps {options.steps} --write"
        content += f"\n\n*{machine()}, one thread; `{command}`.*"
        write_section("stability", content, "stability")


if __name__ == "__main__":
    main()
