"""The recipe `glottal` beside `pulse-filter` on recordings of a voice, at equal steps; in glottal.md.

    python -m benchmarks.glottal DATASET [--steps N] [--seeds N] [--what WORDS] [--write]

DATASET is a folder from `oscine prepare`. Both recipes are given residual timbre (z) beside pitch and
loudness: without it no instrument knows the vowels of speech. Training chooses its checkpoint by the
validation part; the figures are of the held-out part.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from rich.console import Console

from benchmarks.measure import alone, table
from benchmarks.page import machine, write_section
from oscine.data import Dataset
from oscine.evaluation import evaluate
from oscine.models import Instrument
from oscine.training import train

PAGE = "glottal"
RECIPES = ("pulse-filter", "glottal")
_Z = {"kind": "z", "encoder": {"kind": "gru", "z_size": 16, "hidden_size": 64}}


def run(recipe: str, dataset: Path, steps: int, seed: int) -> dict[str, float]:
    """Train a recipe and return its figures."""
    torch.set_num_threads(1)
    overrides: dict[str, Any] = {
        "instrument.inputs": [{"kind": "f0"}, {"kind": "loudness"}, _Z],
        "training.seed": seed,
    }
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        train(
            dataset,
            Path(folder) / "instrument",
            recipe=recipe,
            steps=steps,
            overrides=overrides,
            console=Console(stderr=True),
        )
        seconds = time.process_time() - began
        instrument = Instrument.from_pretrained(Path(folder) / "instrument")
    figures = evaluate(instrument, Dataset.open(dataset), baselines=False).instrument
    return {
        "spectral": figures.spectral_loss,
        "cepstral": figures.mcd_db,
        "loudness": figures.loudness_l1_db,
        "seconds": seconds,
        "parameters": sum(one.numel() for one in instrument.parameters()),
    }


def _spread(values: list[float], digits: int) -> str:
    each = ", ".join(f"{value:.{digits}f}" for value in values)
    return f"{mean(values):.{digits}f} ({each})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.glottal", description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--what", default="", help="words about the recordings, for the page")
    parser.add_argument("--write", action="store_true", help="write glottal.md")
    options = parser.parse_args(arguments)
    rows, losses = [], []
    for recipe in RECIPES:
        every = [alone(run, recipe, options.dataset, options.steps, seed) for seed in range(options.seeds)]
        losses.append(mean(one["spectral"] for one in every))
        rows.append(
            [
                f"`{recipe}`",
                *(_spread([one[key] for one in every], 2) for key in ("spectral", "cepstral", "loudness")),
                f"{mean(one['seconds'] for one in every) / options.steps:.2f}",
                f"{every[0]['parameters']:,.0f}",
            ]
        )
        print(*rows[-1], sep="  ", flush=True)
    columns = ["recipe", "spectral loss", "mel-cepstral distortion, dB", "loudness L1, dB"]
    columns += ["CPU s a step, all of the training", "parameters"]
    what = f"{options.what}; " if options.what else ""
    more = 100 * (losses[1] / losses[0] - 1)
    content = (
        f"{table(columns, rows)}\n\nMeans (and each seed) on the held-out part; {what}{options.steps} steps "
        f"on one thread. The spectral loss of `{RECIPES[1]}` differs from that of `{RECIPES[0]}` by "
        f"{more:+.1f} %.\n\n"
        f"*{machine()}; `python -m benchmarks.glottal DATASET --steps {options.steps} --write`.*"
    )
    print(content)
    if options.write:
        write_section("learning", content, PAGE)


if __name__ == "__main__":
    main()
