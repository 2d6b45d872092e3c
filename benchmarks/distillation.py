"""Students of a violin, with and without its teacher, and short weights: the tables of distillation.md.

    python -m benchmarks.distillation [NAME …] [--steps N] [--seeds N] [--results FOLDER] [--write]

Trains the teacher, then the students that have a NAME in theirs, all if none, for as many steps each
on one thread, and prints the tables. FOLDER keeps the dataset and every instrument with its figures: what is
there is not trained again, what was cut off goes on. ``--write`` writes the tables of what is kept.

50 s are held out. The first half chooses the checkpoints of all runs, and the figures are of the second half,
by which nothing was chosen.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from rich.console import Console

from benchmarks.measure import alone, table
from benchmarks.page import machine, write_section
from oscine import recordings
from oscine.analysis.features import FEATURES
from oscine.data import Dataset, Segment, prepare
from oscine.data.manifest import MANIFEST
from oscine.data.segment import ArrayPart
from oscine.evaluation import evaluate, multi_scale_spectral
from oscine.files import write_atomically
from oscine.models import DistillationConfig, Instrument
from oscine.runtime import Engine
from oscine.training import TrainResult, distill, train
from oscine.training.conditions import batch_conditions
from oscine.training.teacher import Teacher

SAMPLE_RATE, HELD_OUT_S, GAP_S = 16_000, 50.0, 0.25
TEACHER, TEACHER_STEPS = "tiny", 4000
RECIPES = ("student10", "student100")
_ALONE = "alone"
#: How a student is trained, and what then differs from the recipe.
WAYS: dict[str, dict[str, Any]] = {
    _ALONE: {},
    "distilled": {},
    "distilled, effects fixed": {"distillation.trains_effects": False},
    "distilled, a quarter varied": {"distillation.varied_share": 0.25},
    "the teacher's effects alone": {"distillation.sound_share": 0.0, "distillation.control_weight": 0.0},
}
_CROPS, _CROP_S = 8, 3.0
_TO_TEACHER = "to_teacher", "to_teacher_varied", "to_teacher_dry"
_CARD = {"licence": "cc-by-3.0", "credit": "John Garner (violin)"}

Figures = dict[str, Any]


def parts(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """Return a dataset with the first half of its held-out part, for validation, and one with the second."""
    whole = dataset.held_out.segments[0]
    middle, gap = whole.n_frames // 2, round(GAP_S * dataset.sample_rate / dataset.hop_length)

    def with_held_out(start: int, stop: int) -> Dataset:
        columns = {name: np.array(whole.slice(name, start, stop)) for name in ("audio", *FEATURES)}
        part = ArrayPart(columns, stop - start)
        return Dataset(
            name=dataset.name,
            sample_rate=dataset.sample_rate,
            hop_length=dataset.hop_length,
            train=dataset.train.segments,
            held_out=[Segment(whole.name, [part], dataset.sample_rate, dataset.hop_length)],
            statistics=dataset.statistics,
            fingerprint=dataset.fingerprint,
        )

    return with_held_out(0, middle - gap), with_held_out(middle, whole.n_frames)


def train_teacher(results: Path, steps: int) -> None:
    """Train the teacher, or go on with it."""
    torch.set_num_threads(1)
    validation, _ = parts(Dataset.open(results / "dataset"))
    console = Console(stderr=True)
    folder = results / "teacher"
    _require_end(
        train(validation, folder, recipe=TEACHER, steps=steps, resume="auto", console=console, card=_CARD)
    )


def run(results: Path, folder: Path, recipe: str, way: str, seed: int, steps: int) -> Figures:
    """Train a student into a folder and return its figures."""
    torch.set_num_threads(1)
    validation, test = parts(Dataset.open(results / "dataset"))
    teacher = Instrument.from_pretrained(results / "teacher")
    settings = {"training.seed": seed, **WAYS[way]}
    options: dict[str, Any] = {"recipe": recipe, "steps": steps, "overrides": settings, "resume": "auto"}
    options["console"] = Console(stderr=True)
    if way == _ALONE:
        _require_end(train(validation, folder, card=_CARD, **options))
    else:
        _require_end(distill(teacher, folder, validation, **options))
    student = Instrument.from_pretrained(folder)
    return {
        "recipe": recipe,
        "way": way,
        "seed": seed,
        "steps": steps,
        "n_parameters": student.n_parameters,
        **evaluate(student, test, baselines=False).instrument.model_dump(),
        **distance_to_teacher(student, teacher, test),
        "machine": machine(),
    }


def _require_end(result: TrainResult) -> None:
    if result.interrupted:
        raise KeyboardInterrupt


@torch.no_grad()
def distance_to_teacher(student: Instrument, teacher: Instrument, dataset: Dataset) -> Figures:
    """Return the spectral loss between both sounds for held-out curves: as recorded, varied, and dry."""
    taught = Teacher(teacher, student, dataset, DistillationConfig())
    n_frames = round(_CROP_S * dataset.sample_rate / dataset.hop_length)
    batch = dataset.held_out.batch(0, 0, _CROPS, n_frames)
    figures = {}
    for name, is_varied, dry in zip(_TO_TEACHER, (False, True, False), (False, False, True), strict=True):
        lesson = taught.lesson(batch, is_varied=is_varied)
        theirs = taught.instrument.synthesize(lesson.controls, dry=dry)
        ours = student(**batch_conditions(student, lesson.batch), dry=dry)
        figures[name] = multi_scale_spectral(ours.flatten(), theirs.flatten(), dataset.sample_rate)
    return figures


@torch.no_grad()
def weights(results: Path, folder: Path) -> list[Figures]:
    """Return the size of an instrument's program file and what its weights cost in quality, by their type."""
    torch.set_num_threads(1)
    _, test = parts(Dataset.open(results / "dataset"))
    instrument = Instrument.from_pretrained(folder)
    segment = test.held_out.segments[0]
    features, target = segment.features(), segment.audio()
    measured = {
        "f0_hz": features.f0_hz,
        "confidence": features.confidence,
        "loudness_db": features.loudness_db,
    }
    curves = {name: curve[None] for name, curve in measured.items()}
    conditions = instrument.conditions(target[None], curves)
    lines = []
    exact = None
    for dtype in ("float32", "float16", "int8"):
        content = instrument.program().to_bytes(dtype)
        audio = Engine(content).play(conditions)[0]
        exact = audio if exact is None else exact
        error = float((audio - exact).square().mean() / exact.square().mean())
        lines.append(
            {
                "weights": dtype,
                "n_bytes": len(instrument.program(dry=True).to_bytes(dtype)),
                "spectral_loss": multi_scale_spectral(audio, target, test.sample_rate),
                "error_db": 10 * np.log10(error) if error else None,
            }
        )
    return lines


def students_table(lines: list[Figures], teacher: Figures) -> str:
    """Return the figures of teacher and students in Markdown; of several seeds mean and deviation."""
    columns = ["instrument", "parameters", "seeds", "spectral loss", "above the teacher's, %", "MCD, dB"]
    columns += ["loudness L1, dB", "f0 median, semitones", "to the teacher", "to the teacher, varied"]
    columns += ["to the teacher, dry"]
    rows = [["teacher", f"{teacher['n_parameters']:,}", "1", f"{teacher['spectral_loss']:.3f}", ""]]
    rows[0] += [f"{teacher[name]:.{digits}f}" for name, digits in _COLUMNS.items()] + ["0"] * 3
    for recipe in RECIPES:
        for way in WAYS:
            same = [line for line in lines if (line["recipe"], line["way"]) == (recipe, way)]
            if not same:
                continue
            losses = [line["spectral_loss"] for line in same]
            rows.append(
                [
                    f"{recipe}, {way}",
                    f"{same[0]['n_parameters']:,}",
                    f"{len(same)}",
                    _spread(losses),
                    f"{100 * (mean(losses) / teacher['spectral_loss'] - 1):.1f}",
                    *(f"{mean(line[name] for line in same):.{digits}f}" for name, digits in _COLUMNS.items()),
                    *(_spread([line[name] for line in same]) for name in _TO_TEACHER),
                ]
            )
    return table(columns, rows)


_COLUMNS = {"mcd_db": 2, "loudness_l1_db": 2, "f0_median_semitones": 4}


def _spread(values: list[float]) -> str:
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


def weights_table(by_name: dict[str, list[Figures]]) -> str:
    """Return the figures of stored weights in Markdown."""
    columns = ["instrument", "weights", "kB, dry", "spectral loss", "error, dB"]
    rows = [
        [
            name,
            line["weights"],
            f"{line['n_bytes'] / 1000:.1f}",
            f"{line['spectral_loss']:.4f}",
            "" if line["error_db"] is None else f"{line['error_db']:.0f}",
        ]
        for name, lines in by_name.items()
        for line in lines
    ]
    return table(columns, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line names, or everything that is not there yet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distillation", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of students, or part of some; all if none")
    parser.add_argument("--steps", type=int, default=1000, help="of each student (%(default)s)")
    parser.add_argument("--teacher-steps", type=int, default=TEACHER_STEPS, help="(%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--results", type=Path, default=Path("build/distillation"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="write distillation.md")
    options = parser.parse_args(arguments)
    results: Path = options.results
    # Once: what is kept in a folder has learned from the same, whatever has become of the analysis since.
    if not (results / "dataset" / MANIFEST).exists():
        prepare(
            recordings.path("violin"), results / "dataset", sample_rate=SAMPLE_RATE, held_out_s=HELD_OUT_S
        )
    alone(train_teacher, results, options.teacher_steps)
    teacher = _kept(results / "teacher.json", _teachers_figures, results)
    lines = []
    for seed in range(options.seeds):
        for recipe in RECIPES:
            for way in WAYS:
                name = f"{recipe}, {way}"
                folder = results / f"{name.replace(', ', '-').replace(' ', '-')}-{options.steps}-{seed}"
                path = folder.with_suffix(".json")
                if path.exists() or _is_chosen(name, options.names):
                    arguments_ = results, folder, recipe, way, seed, options.steps
                    lines.append(_kept(path, run, *arguments_))
                    print(f"{name}, seed {seed}: {lines[-1]['spectral_loss']:.3f}", flush=True)
    _show("students", f"{students_table(lines, teacher)}\n\n*{_origin(options, teacher)}*", options.write)
    by_name = {TEACHER: results / "teacher"}
    by_name |= {recipe: results / f"{recipe}-distilled-{options.steps}-0" for recipe in RECIPES}
    measured = {name: alone(weights, results, folder) for name, folder in by_name.items() if folder.exists()}
    _show("weights", f"{weights_table(measured)}\n\n*{_origin(options, teacher)}*", options.write)


def _is_chosen(name: str, parts: Sequence[str]) -> bool:
    """Return whether a student is called so, or has a part that is no student's whole name in its own."""
    known = [f"{recipe}, {way}" for recipe in RECIPES for way in WAYS]
    return not parts or any(name == part if part in known else part in name for part in parts)


def _teachers_figures(results: Path) -> Figures:
    torch.set_num_threads(1)
    teacher = Instrument.from_pretrained(results / "teacher")
    _, test = parts(Dataset.open(results / "dataset"))
    figures = evaluate(teacher, test, baselines=False).instrument.model_dump()
    return {"n_parameters": teacher.n_parameters, **figures, "machine": machine()}


def _kept(path: Path, function: Any, *arguments: Any) -> Figures:
    """Return the figures in a file, or those of a function in a fresh process, which the file then keeps."""
    if not path.exists():
        write_atomically(path, json.dumps(alone(function, *arguments), indent=1) + "\n")
    return json.loads(path.read_text(encoding="utf-8"))


def _origin(options: argparse.Namespace, teacher: Figures) -> str:
    return f"{teacher['machine']}; `python -m benchmarks.distillation --steps {options.steps} --write`."


def _show(name: str, content: str, write: bool) -> None:
    print(f"{content}\n", flush=True)
    if write:
        write_section(name, content, "distillation")


if __name__ == "__main__":
    main()
