"""A few minutes of a new instrument, started from a trained one or from nothing: few-minutes.md.

    python -m benchmarks.few_minutes START DATASET … [--minutes M …] [--steps N] [--seeds N] [--choose]
                                     [--results FOLDER] [--write]

START is a trained instrument, and each DATASET is what `oscine prepare` makes of a new one at START's rate.
From M minutes of it an instrument is learned in N steps on one thread, from START and from nothing by the
recipe ``default``, and measured on half a minute that chose nothing. ``--choose`` compares in place of that
how to train from START, by the validation loss alone. FOLDER keeps all figures: what is there is not trained
again, and the table is of all that is there with as many steps. ``--write`` writes it into the page.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from rich.console import Console

from benchmarks.measure import alone, table
from benchmarks.page import machine, write_section
from oscine.analysis import VOICED
from oscine.analysis.features import FEATURES
from oscine.data import Dataset, Segment, Split
from oscine.data.segment import ArrayPart
from oscine.data.statistics import measure_statistics
from oscine.evaluation import evaluate
from oscine.files import write_atomically
from oscine.models import Instrument
from oscine.processors import Reverb
from oscine.training import Callback, TrainingLoop, train

RECIPE, N_VALIDATIONS = "default", 6
VALIDATION_MINUTES, HELD_OUT_MINUTES = 0.25, 0.5
Figures = dict[str, Any]
FROM_START, FROM_NOTHING, AS_IT_IS = "from the start", "from nothing", "the start as it is"
#: What is chosen between: how training from a start differs from what `oscine train --from` does.
CHOICES: dict[str, Figures] = {
    "as it is done": {},
    **{f"learning rate {rate:g}": {"training.learning_rate": rate} for rate in (3e-4, 3e-3)},
    "room of the start": {},
}


class KeptRoom(Callback):
    """Begins with the reverb of the instrument that is started from.

    Args:
        start: That instrument.
    """

    def __init__(self, start: Instrument) -> None:
        self.rooms = [module for module in start.modules() if isinstance(module, Reverb)]

    @torch.no_grad()
    def on_start(self, loop: TrainingLoop) -> None:
        """Hand over the taps, unless the run goes on."""
        if loop.counters.step:
            return
        rooms = [module for module in loop.instrument.modules() if isinstance(module, Reverb)]
        for ours, theirs in zip(rooms, self.rooms, strict=True):
            ours.impulse_response.copy_(theirs.impulse_response)


def shortened(split: Split, frame_rate: float, minutes: float) -> list[Segment]:
    """Return so many minutes of a part: recordings evenly taken over their pitches, of each the beginning."""
    wanted = round(60 * minutes * frame_rate)
    pitches = [float(np.median(one.slice("f0_hz", 0, one.n_frames))) for one in split.segments]
    order = sorted(range(len(pitches)), key=lambda number: pitches[number])
    for count in range(1, len(order) + 1):
        chosen = [split.segments[order[int((i + 0.5) * len(order) / count)]] for i in range(count)]
        if sum(one.n_frames for one in chosen) >= wanted:
            break
    else:
        raise ValueError(f"there are less than {minutes:g} minutes")
    share = wanted / sum(one.n_frames for one in chosen)
    return [_beginning(one, round(share * one.n_frames), split.hop_length, frame_rate) for one in chosen]


def _beginning(segment: Segment, n_frames: int, hop_length: int, frame_rate: float) -> Segment:
    columns = {name: np.array(segment.slice(name, 0, n_frames)) for name in ("audio", *FEATURES)}
    rate = round(frame_rate * hop_length)
    return Segment(segment.name, [ArrayPart(columns, n_frames)], rate, hop_length)


def few_minutes(dataset: Dataset, minutes: float) -> Dataset:
    """Return a dataset with as many minutes to train on, and short parts to choose and to measure by."""
    rate = dataset.sample_rate / dataset.hop_length
    parts = shortened(dataset.train, rate, minutes)
    f0_hz, confidence, loudness_db = (
        np.concatenate([one.slice(name, 0, one.n_frames) for one in parts])
        for name in ("f0_hz", "confidence", "loudness_db")
    )
    return Dataset(
        name=dataset.name,
        sample_rate=dataset.sample_rate,
        hop_length=dataset.hop_length,
        train=parts,
        validation=shortened(dataset.validation, rate, VALIDATION_MINUTES),
        held_out=shortened(dataset.held_out, rate, HELD_OUT_MINUTES),
        statistics=measure_statistics(f0_hz, confidence, loudness_db, rate, VOICED),
        fingerprint=f"{dataset.fingerprint}-{minutes:g}",
    )


def run(start: Path, place: Path, minutes: float, way: str, seed: int, steps: int, folder: Path) -> Figures:
    """Train one instrument into a folder and return its figures; of a choice, the validation loss."""
    torch.set_num_threads(1)
    dataset = few_minutes(Dataset.open(place), minutes)
    line: Figures = {"instrument": place.name, "minutes": minutes, "way": way, "seed": seed, "steps": steps}
    if way == AS_IT_IS:
        return line | _figures(Instrument.from_pretrained(start), dataset)
    keeps_room = way == "room of the start"
    result = train(
        dataset,
        folder,
        recipe=RECIPE if way == FROM_NOTHING else None,
        start_from=None if way == FROM_NOTHING else start,
        steps=steps,
        overrides={"training.seed": seed, "training.n_validations": N_VALIDATIONS, **CHOICES.get(way, {})},
        callbacks=[KeptRoom(Instrument.from_pretrained(start))] if keeps_room else (),
        resume="auto",
        console=Console(stderr=True),
    )
    if result.interrupted:
        raise KeyboardInterrupt
    line["validation_loss"] = result.validation_loss
    return line if way in CHOICES else line | _figures(Instrument.from_pretrained(folder), dataset)


def _figures(instrument: Instrument, dataset: Dataset) -> Figures:
    return evaluate(instrument, dataset, baselines=False).instrument.model_dump()


def measured_table(lines: Sequence[Figures]) -> str:
    """Return the held-out figures in Markdown; of several seeds the mean, and the range of the loss."""
    rows = []
    for key in dict.fromkeys((line["instrument"], line["minutes"], line["way"]) for line in lines):
        same = [line for line in lines if (line["instrument"], line["minutes"], line["way"]) == key]
        losses = [line["spectral_loss"] for line in same]
        spread = f" ({min(losses):.2f} to {max(losses):.2f})" if len(same) > 1 else ""
        rows.append(
            [
                f"{key[0]}, {key[2]}",
                f"{key[1]:g}" if key[2] != AS_IT_IS else "0",
                f"{len(same)}",
                f"{mean(losses):.2f}{spread}",
                f"{mean(line['sound']['log_mel_l1_db'] for line in same):.2f}",
                f"{mean(line['mcd_db'] for line in same):.2f}",
                f"{mean(line['loudness_l1_db'] for line in same):.2f}",
                f"{mean(line['f0_median_semitones'] for line in same):.3f}",
            ]
        )
    columns = ["new instrument", "minutes of it", "seeds", "spectral loss", "log-mel, dB", "MCD, dB"]
    return table([*columns, "loudness L1, dB", "f0 median, semitones"], rows)


def choices_table(lines: Sequence[Figures]) -> str:
    """Return the validation losses of what was chosen between in Markdown, the mean of several seeds."""
    cells = sorted({(line["instrument"], line["minutes"]) for line in lines})
    rows = []
    for way in CHOICES:
        row = [way]
        for cell in cells:
            losses = [
                line["validation_loss"]
                for line in lines
                if (line["instrument"], line["minutes"], line["way"]) == (*cell, way)
            ]
            row.append(f"{mean(losses):.3f}" if losses else "–")
        rows.append(row)
    return table(["training", *(f"{name}, {minutes:g} min" for name, minutes in cells)], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.few_minutes", description=__doc__)
    parser.add_argument("start", type=Path)
    parser.add_argument("datasets", type=Path, nargs="+", metavar="DATASET")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 3.0], help="(%(default)s)")
    parser.add_argument("--steps", type=int, default=400, help="of each run (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--choose", action="store_true", help="compare how to train from the start")
    parser.add_argument("--results", type=Path, default=Path("build/few-minutes"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="write few-minutes.md")
    options = parser.parse_args(arguments)
    ways = list(CHOICES) if options.choose else [AS_IT_IS, FROM_START, FROM_NOTHING]
    for seed in range(options.seeds):
        for place in options.datasets:
            for minutes in options.minutes:
                for way in ways:
                    if way == AS_IT_IS and (seed, minutes) != (0, options.minutes[0]):
                        continue
                    name = f"{place.name}-{minutes:g}-{way.replace(' ', '-')}-{seed}-{options.steps}"
                    path = options.results / f"{name}.json"
                    if not path.exists():
                        task = options.start, place, minutes, way, seed, options.steps, options.results / name
                        write_atomically(path, json.dumps(alone(run, *task), indent=1) + "\n")
    lines = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(options.results.glob("*.json"))]
    lines = [line for line in lines if line["steps"] == options.steps and line["way"] in ways]
    content = choices_table(lines) if options.choose else measured_table(_in_order(lines))
    print(content)
    if options.write:
        command = f"python -m benchmarks.few_minutes START DATASET … --steps {options.steps}"
        command += f"{' --choose' if options.choose else ''} --write"
        section, page = "choices" if options.choose else "few-minutes", "few-minutes"
        write_section(section, f"{content}\n\n*{machine()}, one thread; `{command}`.*", page)


def _in_order(lines: Sequence[Figures]) -> list[Figures]:
    """Return the lines by instrument, the start as it is before the others, more minutes behind fewer."""
    names = list(dict.fromkeys(line["instrument"] for line in lines))
    return sorted(
        lines, key=lambda one: (names.index(one["instrument"]), one["way"] != AS_IT_IS, one["minutes"])
    )


if __name__ == "__main__":
    main()
