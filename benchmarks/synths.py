"""One violin, four synthesisers: harmonics, wavetables, FM and pulses through a filter, with one network.

    python -m benchmarks.synths RECORDINGS RESULTS [--steps N] [--seeds N] [--only NAME …] [--write]

Each is trained on RECORDINGS at 16 kHz for N steps, on one thread, beside the same noise and reverb, and is
measured on the last 45 s of the last recording, which chose nothing. Only the source differs; the last row is
the recipe ``fm`` as it is, with a network of its own. RESULTS keeps all figures and instruments: what is
there is not trained again. ``--write`` writes the table into fm.md.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
import yaml
from rich.console import Console

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.data import Dataset, prepare
from oscine.evaluation import evaluate
from oscine.files import write_atomically
from oscine.models import Instrument
from oscine.training import train

PAGE = "fm"
SAMPLE_RATE, HELD_OUT_S = 16_000, 45.0
Figures = dict[str, Any]
RECIPE = "the recipe fm"
PULSES = [{"kind": "pulse"}, {"kind": "filter", "n_bands": 65, "start_db_per_octave": -12.0}]
#: The source of each row.
SOURCES: dict[str, Figures] = {
    "harmonic": {"kind": "harmonic", "n_harmonics": 100},
    "wavetable": {"kind": "wavetable", "n_tables": 20, "n_harmonics": 100},
    "FM": {"kind": "fm", "algorithm": 2, "ratios": [1, 1, 1, 1, 3, 14]},
    "saw": {"kind": "chain", "name": "voiced", "parts": PULSES},
}
NAMES = (*SOURCES, RECIPE)


def recipe(name: str) -> Figures:
    """Return the recipe of a row: one network, noise, reverb and way of training, and its own source."""
    return {
        "name": "compared",
        "description": f"The row {name} of benchmarks/synths.py.",
        "instrument": {
            "inputs": [{"kind": "f0"}, {"kind": "loudness"}],
            "controller": {"hidden_size": 128, "mlp_size": 128, "n_mlp_layers": 1},
            "synth": [SOURCES[name], {"kind": "noise", "n_bands": 65}],
            "effects": [{"kind": "reverb", "ir_s": 1.0}],
        },
        "training": {"batch_size": 4, "crop_s": 1.0, "learning_rate": 3.0e-3, "preroll_s": 0.75},
    }


def run(dataset: Path, folder: Path, name: str, steps: int, seed: int) -> Figures:
    """Train one row into a folder and return its figures."""
    torch.set_num_threads(1)
    chosen: str | Path = "fm"
    if name != RECIPE:
        chosen = folder / "recipe.yaml"
        write_atomically(chosen, yaml.safe_dump(recipe(name)))
    began = time.monotonic()
    result = train(
        dataset,
        folder / "instrument",
        recipe=chosen,
        steps=steps,
        overrides={"training.seed": seed},
        resume="auto",
        console=Console(stderr=True),
    )
    if result.interrupted:
        raise KeyboardInterrupt
    minutes = (time.monotonic() - began) / 60
    instrument = Instrument.from_pretrained(folder / "instrument")
    measured = evaluate(instrument, Dataset.open(dataset), baselines=False)
    line: Figures = {"name": name, "seed": seed, "steps": steps, "minutes": minutes}
    return line | {
        "n_parameters": measured.n_parameters,
        **measured.instrument.model_dump(),
    }


def measured_table(lines: Sequence[Figures]) -> str:
    """Return the held-out figures in Markdown; of several seeds the mean, and the range of the loss."""
    rows = []
    for name in NAMES:
        same = [line for line in lines if line["name"] == name]
        if not same:
            continue
        losses = [line["spectral_loss"] for line in same]
        spread = f" ({min(losses):.2f} to {max(losses):.2f})" if len(same) > 1 else ""
        rows.append(
            [
                name,
                f"{same[0]['n_parameters']:,}",
                f"{same[0]['steps']}",
                f"{mean(line['minutes'] for line in same):.1f}",
                f"{len(same)}",
                f"{mean(losses):.2f}{spread}",
                f"{mean(line['sound']['log_mel_l1_db'] for line in same):.2f}",
                f"{mean(line['mcd_db'] for line in same):.2f}",
                f"{mean(line['loudness_l1_db'] for line in same):.2f}",
                f"{mean(line['f0_median_semitones'] for line in same):.3f}",
            ]
        )
    columns = ["source", "parameters", "steps", "minutes", "seeds", "spectral loss", "log-mel, dB", "MCD, dB"]
    return table([*columns, "loudness L1, dB", "f0 median, semitones"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synths", description=__doc__)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--write", action="store_true", help="write the table into fm.md")
    options = parser.parse_args(arguments)
    dataset = options.results / "dataset"
    if not dataset.exists():
        prepare(options.recordings, dataset, sample_rate=SAMPLE_RATE, held_out_s=HELD_OUT_S)
    lines = []
    for seed in range(options.seeds):
        for name in NAMES:
            folder = options.results / f"{name.replace(' ', '-')}-{options.steps}-{seed}"
            kept = folder / "figures.json"
            if not kept.exists() and name in options.only:
                figures = run(dataset, folder, name, options.steps, seed)
                write_atomically(kept, json.dumps(figures, indent=1) + "\n")
            if kept.exists():
                lines.append(json.loads(kept.read_text()))
    content = measured_table(lines)
    print(content)
    if options.write:
        command = f"python -m benchmarks.synths RECORDINGS RESULTS --steps {options.steps} --seeds"
        write_section("synths", f"{content}\n\n*`{command} {options.seeds}`; {machine()}.*", PAGE)


if __name__ == "__main__":
    main()
