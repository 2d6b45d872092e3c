"""Recipes of pitched instruments on one violin at equal CPU time: the second table of systems.md.

    python -m benchmarks.systems RECORDINGS RESULTS [--seconds S] [--only NAME …] [--write]

Each recipe learns RECORDINGS at 16 kHz for S seconds of the process's CPU time, on one thread, and is
measured on the last 45 s of the last recording, which chose nothing. RESULTS keeps the figures and the
instruments: what is there is not trained again. ``--write`` writes the table into systems.md.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console

from benchmarks.cpu_time import ByCpuTime
from benchmarks.measure import table
from benchmarks.page import machine, write_section
from benchmarks.refiner import held_out_figures, refined
from oscine.data import Dataset, prepare
from oscine.errors import InputError
from oscine.evaluation.evaluation import streaming_real_time_factor
from oscine.files import write_atomically
from oscine.models import Instrument
from oscine.training import train

PAGE = "systems"
SAMPLE_RATE, HELD_OUT_S = 16_000, 45.0
Figures = dict[str, Any]
#: A recipe, and the system that it stands for. A refiner is trained behind `default` for as long again.
SYSTEMS = {
    "default": "DDSP, harmonics and noise that shimmer",
    "tiny": "DDSP, the paper's tiny size",
    "solo": "DDSP, the paper's size",
    "wavetable": "differentiable wavetables",
    "fm": "DDX7",
    "pulse-filter": "SawSing's kind: pulses through a filter",
    "nsf": "NSF",
    "glottal": "GOLF's kind: glottal cycles, all-pole filter",
    "default-refined": "`default` and a refiner",
}


def learned(dataset: Dataset, folder: Path, name: str, seconds: float) -> tuple[Instrument, int]:
    """Return an instrument that has learned for some seconds, and its steps."""
    counter, recipe = ByCpuTime(seconds), name.removesuffix("-refined")
    train(
        dataset,
        folder,
        recipe=recipe,
        steps=1_000_000,
        overrides={"training.n_validations": 4},
        callbacks=[counter],
        console=Console(stderr=True),
    )
    instrument, steps = Instrument.from_pretrained(folder).eval(), counter.steps
    if recipe != name:
        instrument, more = refined(dataset, instrument, folder / "refined", 0.0, seconds, seed=0)
        steps += more
    return instrument, steps


def measured(dataset: Dataset, folder: Path, name: str, seconds: float) -> Figures:
    """Train one system and return its figures."""
    torch.set_num_threads(1)
    instrument, steps = learned(dataset, folder / "instrument", name, seconds)
    line: Figures = {"name": name, "steps": steps, "n_parameters": instrument.n_parameters}
    return line | held_out_figures(instrument, dataset)


def speed(instrument: Instrument) -> float:
    """Return how many times real time an instrument streams frame by frame on one thread."""
    n_frames = 2 * instrument.sample_rate // instrument.hop_length
    steady = {"f0_hz": torch.full((1, n_frames), 330.0), "loudness_db": torch.full((1, n_frames), -20.0)}
    return 1 / median(streaming_real_time_factor(instrument, steady) for _ in range(3))


def systems_table(lines: Sequence[Figures]) -> str:
    """Return the figures in Markdown."""
    columns = ["recipe", "system", "parameters", "steps", "spectral loss", "log-mel, dB", "told apart, %"]
    columns += ["f0 median, cents", "× real time, stream"]
    rows = [
        [
            "" if line["name"].endswith("-refined") else f"`{line['name']}`",
            SYSTEMS[line["name"]],
            f"{line['n_parameters']:,}",
            f"{line['steps']:,}",
            f"{line['spectral loss']:.2f}",
            f"{line['log-mel, dB']:.2f}",
            f"{line['told apart, %']:.0f}",
            f"{line['f0 median, cents']:.1f}",
            f"{line['real time, stream']:.1f}",
        ]
        for line in lines
    ]
    return table(columns, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.systems", description=__doc__)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seconds", type=float, default=150.0, help="of CPU time (%(default)g)")
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--write", action="store_true", help="write the table into systems.md")
    options = parser.parse_args(arguments)
    place = options.results / "dataset"
    if not place.exists():
        prepare(options.recordings, place, sample_rate=SAMPLE_RATE, held_out_s=HELD_OUT_S)
    dataset, lines = Dataset.open(place), list[Figures]()
    for name in SYSTEMS:
        folder = options.results / f"{name}-{options.seconds:g}"
        kept = folder / "figures.json"
        if not kept.exists() and name in options.only:
            figures = measured(dataset, folder, name, options.seconds)
            write_atomically(kept, json.dumps(figures, indent=1) + "\n")
        if kept.exists():
            line, place = json.loads(kept.read_text()), folder / "instrument"
            at = place / "refined" if name.endswith("-refined") else place
            # All in one run, since the machine may have had other work while they were trained.
            lines.append(line | {"real time, stream": speed(Instrument.from_pretrained(at).eval())})
    if not lines:
        raise InputError(f"{options.results} has no figures yet.")
    content = systems_table(lines)
    print(content)
    if options.write:
        told = (
            f"*`python -m benchmarks.systems RECORDINGS RESULTS --seconds {options.seconds:g}`; {machine()}.*"
        )
        write_section("systems", f"{content}\n\n{told}", PAGE)


if __name__ == "__main__":
    main()
