"""The paper's table on NSynth or a set like it, and what teaches a network to hear pitch, in nsynth.md.

    python -m benchmarks.nsynth DATASET RESULTS NAME … [--minutes M] [--notes N] [--threads T] [--write]

DATASET is what `oscine prepare` makes of an NSynth folder. Trains the variants that are named (``models`` and
``ablation`` are all of a table), each for as many minutes, and measures them on every note of the
instruments that are held out, or on N of them. RESULTS keeps every instrument with its figures: a variant
that is there is not trained again, one that was cut off goes on, and figures of an older version are measured
anew. ``--write`` writes their tables, of all that is kept, into the page.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.data import Dataset, Split
from oscine.evaluation import ExampleMetrics, Metrics, evaluate
from oscine.files import write_atomically
from oscine.models import Instrument
from oscine.training import train

NSYNTH_PAGE = "nsynth"

Settings = dict[str, Any]
_CROPS: Settings = {
    "training.batch_size": 4,
    "training.crop_s": 2.0,
    "training.learning_rate": 2e-3,
    "training.n_validations": 10,
}
_SMALL: Settings = _CROPS | {
    "instrument.inputs": [
        *({"kind": "f0"}, {"kind": "loudness"}, {"kind": "paper_loudness"}),
        {"kind": "z", "encoder": {"kind": "gru", "z_size": 16, "hidden_size": 128}},
    ],
    "instrument.controller.hidden_size": 256,
    "instrument.controller.mlp_size": 256,
    "instrument.controller.n_mlp_layers": 1,
}
_ENCODED: Settings = {
    "instrument.inputs.f0.encoder.resnet": "tiny",
    "instrument.controller.hidden_size": 128,
    "instrument.controller.mlp_size": 128,
    "instrument.controller.n_mlp_layers": 1,
    "training.batch_size": 8,
    "training.crop_s": 1.0,
    "training.n_validations": 10,
}
_TAUGHT: dict[str, Settings] = {
    "pre-training": {"training.pretraining_share": 0.6, "training.synthetic_share": 0.4},
    "transport": {"training.transport_weight": 0.3},
    "perception": {"training.perceptual_weight": 0.3},
}


def _by(*names: str) -> tuple[str, Settings]:
    """Return the unsupervised recipe with these of what teaches it to hear pitch, the others at nothing."""
    settings = {
        key: value if name in names else 0.0 for name, part in _TAUGHT.items() for key, value in part.items()
    }
    # Where something else teaches the pitch, the spectral loss takes it over bit by bit.
    handed_over = {"training.handover_share": 1.0 if {"pre-training", "transport"} & set(names) else 0.0}
    return "unsupervised", _ENCODED | settings | handed_over


#: Recipe and what differs from it.
MODELS: dict[str, tuple[str, Settings]] = {
    "supervised": ("autoencoder", _SMALL),
    "supervised, the paper's size": ("autoencoder", _CROPS | {"training.learning_rate": 1e-3}),
    "unsupervised": _by("pre-training"),
}
ABLATION: dict[str, tuple[str, Settings]] = {
    "nothing": _by(),
    **{f"{name} alone": _by(name) for name in _TAUGHT},
    "pre-training and transport": _by("pre-training", "transport"),
    "pre-training and perception": _by("pre-training", "perception"),
    "transport and perception": _by("transport", "perception"),
    "all three": _by(*_TAUGHT),
}
TABLES = {"models": MODELS, "ablation": ABLATION}
PAPER = (
    ("*DDSP, supervised, NSynth*", "7 M", "0.07", "0.07", "0.3"),
    ("*DDSP, unsupervised, NSynth*", "12 M", "0.09", "0.80", "4"),
    ("*WaveRNN, NSynth*", "23 M", "0.10", "1.00", "7"),
)


def run(name: str, dataset: Dataset, folder: Path, minutes: float, n_notes: int | None) -> Settings:
    """Train a variant into a folder, measure it, and return its figures."""
    recipe, overrides = (MODELS | ABLATION)[name]
    result = train(
        dataset,
        folder / "instrument",
        recipe=recipe,
        minutes=minutes,
        overrides=overrides,
        resume="auto",
        console=Console(stderr=True),
    )
    if result.interrupted:
        raise KeyboardInterrupt
    learning = {"name": name, "minutes": result.minutes, "steps": result.steps}
    instrument = Instrument.from_pretrained(folder / "instrument")
    return learning | measured(instrument, thinned(dataset, n_notes), ceiling=name in MODELS)


def measured(instrument: Instrument, dataset: Dataset, *, ceiling: bool) -> Settings:
    """Return an instrument's figures and, if asked for, those of the recordings' own harmonics."""
    figures = evaluate(instrument, dataset, baselines=ceiling)
    return {
        "threads": torch.get_num_threads(),
        "seconds": figures.seconds,
        "n_parameters": figures.n_parameters,
        **figures.instrument.model_dump(),
        "examples": figures.examples.model_dump(),
        "ceiling": figures.harmonic_ceiling and figures.harmonic_ceiling.model_dump(),
    }


def is_whole(figures: Settings) -> bool:
    """Return whether figures that were kept have all that is measured today."""
    by_example = ExampleMetrics.model_fields.keys() - figures["examples"].keys()
    return not by_example and figures.keys() >= Metrics.model_fields.keys() | {"ceiling"}


def thinned(dataset: Dataset, n_notes: int | None) -> Dataset:
    """Return the dataset with about as many notes held out, evenly taken."""
    segments = dataset.held_out.segments
    if n_notes is not None:
        step = max(1.0, len(segments) / n_notes)
        chosen = [segments[round(i * step)] for i in range(min(n_notes, len(segments)))]
        dataset.held_out = Split(chosen, dataset.hop_length)
    return dataset


def as_table(lines: Sequence[Settings], published: Sequence[tuple[str, ...]] = ()) -> str:
    """Return the figures in Markdown, those published behind them."""
    rows = []
    for line in lines:
        by_example = line["examples"]
        rows.append(
            [
                line["name"],
                f"{line['n_parameters'] / 1e6:.2f} M",
                f"{line['minutes']:.0f}",
                f"{line['steps']}",
                f"{by_example['n_examples']}",
                f"{by_example['loudness_l1_deviations']:.3f}",
                f"{by_example['loudness_l1_db']:.2f}",
                *_pitch(line),
                _figure(by_example["f0_l1_semitones"], 1),
                _figure(by_example["f0_outliers"], 100),
                _figure(by_example["f0_unheard"], 100),
            ]
        )
    ceiling = next((line["ceiling"] for line in lines if line["ceiling"]), None)
    if ceiling:
        loudness = f"{ceiling['loudness_l1_db']:.2f}"
        rows.append(["the recordings' harmonics", *5 * [""], loudness, *_pitch(ceiling), *3 * [""]])
    rows += [
        [name, size, *3 * [""], loudness, "", f0, outliers, *5 * [""]]
        for name, size, loudness, f0, outliers in published
    ]
    columns = [
        *("model", "parameters", "minutes", "steps", "notes", "loudness L1, deviations", "loudness L1, dB"),
        *("f0 L1, semitones", "outliers, %", "lost, %", "unsure, %", "f0 L1 by notes"),
        *("outliers, % of notes", "unheard, % of notes"),
    ]
    return table(columns, rows)


def _pitch(line: Settings) -> list[str]:
    shares = [_figure(line[name], 100) for name in ("f0_outliers", "f0_lost", "f0_unsure")]
    return [_figure(line["f0_l1_semitones"], 1), *shares]


def _figure(value: float | None, scale: float) -> str:
    return "–" if value is None else f"{scale * value:.3f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nsynth", description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("names", nargs="+", metavar="NAME", help=", ".join([*TABLES, *MODELS, *ABLATION]))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--notes", type=int, default=None, help="to measure on; all if not said")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    names = [one for name in options.names for one in TABLES.get(name, [name])]
    unknown = sorted(set(names) - set(MODELS | ABLATION))
    if unknown:
        parser.error(
            f"there is no variant {unknown[0]!r}: choose of {', '.join([*TABLES, *MODELS, *ABLATION])}"
        )
    if options.notes is not None and options.notes < 1:
        parser.error("--notes needs at least one")
    torch.set_num_threads(options.threads)
    for name in names:
        folder = options.results / name.replace(" ", "_").replace(",", "").replace("'", "")
        kept = folder / "figures.json"
        if not kept.exists() or not is_whole(json.loads(kept.read_text())):
            figures = run(name, Dataset.open(options.dataset), folder, options.minutes, options.notes)
            write_atomically(kept, json.dumps(figures, indent=1))
    lines = [json.loads(path.read_text()) for path in sorted(options.results.glob("*/figures.json"))]
    lines = [line for line in lines if is_whole(line)]
    for section, variants in TABLES.items():
        if set(variants).isdisjoint(names):
            continue
        found = [line for name in variants for line in lines if line["name"] == name]
        content = as_table(found, PAPER if section == "models" else ())
        print(f"{section}\n\n{content}\n")
        if options.write:
            threads = ", ".join(sorted({str(line["threads"]) for line in found}))
            source = (
                f"*{machine()}, threads: {threads}; `python -m benchmarks.nsynth DATASET RESULTS {section}`.*"
            )
            write_section(section, f"{content}\n\n{source}", NSYNTH_PAGE)


if __name__ == "__main__":
    main()
