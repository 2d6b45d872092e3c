"""A neural source filter with and without its source, beside harmonics and noise: nsf.md.

    python -m benchmarks.nsf DATASET [--seconds S] [--seeds N] [--results FOLDER] [--write]

Trains each way for S seconds of the process's CPU time on one thread, once per seed, and measures it on the
held-out part of DATASET. "Without the source" is the recipe `nsf` with noise alone in front of the filter;
its controller still reads f0. With --write the table goes into nsf.md.
"""

import argparse
from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.cpu_time import ByCpuTime
from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.data import Dataset
from oscine.evaluation import evaluate
from oscine.models import Instrument
from oscine.training import train

PAGE = "nsf"
NOISE = [{"kind": "noise", "n_bands": 65}]
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "harmonics and noise (`default`)": ("default", {}),
    "`nsf`": ("nsf", {}),
    "`nsf` without the source": ("nsf", {"instrument.synth": NOISE}),
}
SETTINGS: dict[str, Any] = {"training.n_validations": 4}
FIGURES = {
    "spectral loss": 3,
    "log-mel, dB": 3,
    "f0 outliers, %": 1,
    "f0 lost, %": 1,
    "f0 median, cents": 1,
    "real time, stream": 0,
}


def trained(
    dataset: Dataset, folder: Path, recipe: str, changes: dict[str, Any], seconds: float, seed: int
) -> tuple[Instrument, int]:
    """Return an instrument and the steps that its training took; what is there is not made again."""
    kept = folder / "steps.txt"
    if not kept.exists():
        counter = ByCpuTime(seconds)
        train(
            dataset,
            folder,
            recipe=recipe,
            steps=1_000_000,
            overrides=SETTINGS | changes | {"training.seed": seed},
            callbacks=[counter],
            console=Console(stderr=True),
        )
        kept.write_text(str(counter.steps))
    return Instrument.from_pretrained(folder).eval(), int(kept.read_text())


def measured(instrument: Instrument, dataset: Dataset) -> dict[str, float]:
    """Return the figures of the held-out part."""
    result = evaluate(instrument, dataset, baselines=False)
    own = result.instrument
    given = (
        own.spectral_loss,
        own.sound.log_mel_l1_db,
        _times(100, own.f0_outliers),
        _times(100, own.f0_lost),
        _times(100, own.f0_median_semitones),
        1 / result.real_time_factor_streaming,
    )
    return {name: nan if one is None else one for name, one in zip(FIGURES, given, strict=True)}


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nsf", description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--seconds", type=float, default=150.0, help="of CPU time (%(default)g)")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each way (%(default)d)")
    parser.add_argument("--results", type=Path, default=Path("build/nsf"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="put the table into nsf.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    dataset, lines = Dataset.open(options.dataset), list[list[str]]()
    made: dict[str, list[tuple[Instrument, int]]] = {name: [] for name in WAYS}
    for seed in range(options.seeds):
        for i, (name, (recipe, changes)) in enumerate(WAYS.items()):
            folder = options.results / f"{i}-seed-{seed}"
            made[name].append(trained(dataset, folder, recipe, changes, options.seconds, seed))
    for name, each in made.items():
        figures = [measured(instrument, dataset) for instrument, _ in each]
        line = [name, " / ".join(str(n) for _, n in each)]
        line += [" / ".join(f"{one[key]:.{digits}f}" for one in figures) for key, digits in FIGURES.items()]
        lines.append(line)
    held_out_s = dataset.held_out.n_frames * dataset.hop_length / dataset.sample_rate
    told = (
        f"{options.seconds:g} s of CPU time each, one thread; {held_out_s:.0f} s held out; one figure per "
        f"seed. {machine()}."
    )
    content = f"{told}\n\n{table(['way', 'steps', *FIGURES], lines)}"
    Console().print(content, markup=False, soft_wrap=True)
    if options.write:
        write_section("nsf", content, PAGE)


if __name__ == "__main__":
    main()
