"""An instrument that was never trained on, by fitting its embedding alone: few-minutes.md.

    python -m benchmarks.zero_shot RECORDINGS [--left-out NAME …] [--steps N] [--fit-steps N]
                                   [--results FOLDER] [--write]

RECORDINGS has each instrument's recordings in a folder of its own. Each of them in turn is left out: the
recipe ``tiny`` learns one minute of each of the others as identities at 16 kHz on one thread. Ten seconds of
the instrument that was left out then determine an embedding, and what is held out of it measures the result.
FOLDER keeps datasets and figures: what is there is not made again.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.few_minutes import shortened
from benchmarks.measure import table
from benchmarks.page import machine, write_section
from benchmarks.voices import INPUTS, SAMPLE_RATE
from oscine.analysis import VOICED, Features
from oscine.data import Dataset, Segment, Split, prepare
from oscine.data.manifest import MANIFEST
from oscine.data.statistics import measure_statistics
from oscine.evaluation.metrics import multi_scale_spectral
from oscine.evaluation.sound import compare
from oscine.files import write_atomically
from oscine.models import Instrument, load_recipe
from oscine.models.inputs.identity import EMBEDDING
from oscine.training import TrainingLoop
from oscine.training.schedule import Budget
from oscine.transfer import imitating

SIZES = {"batch_size": 4, "crop_s": 0.5, "preroll_s": 0.25, "n_validations": 1}
LEARNED_MINUTES, GIVEN_MINUTES, TESTED_MINUTES = 1.0, 10 / 60, 0.5
NEAREST, MEAN = "the nearest trained one", "the mean of the embeddings"
FITTED, EVERYTHING = "its embedding fitted", "everything fitted"
Figures = dict[str, Any]


def part(split: Split, frame_rate: float, minutes: float) -> Split:
    """Return so many minutes of a part, or all of it if there is less."""
    there = split.n_frames / frame_rate / 60
    return split if there <= minutes else Split(shortened(split, frame_rate, minutes), split.hop_length)


def learned(parts: Sequence[Split], names: Sequence[str], steps: int) -> Instrument:
    """Return one instrument of several identities, each of which is a part."""
    segments: list[Segment] = []
    for number, split in enumerate(parts):
        for one in split.segments:
            one.identity = number
            segments.append(one)
    hop_length = parts[0].hop_length
    every = Features.concatenate([one.features() for one in segments])
    f0_hz, confidence, loudness_db = every.f0_hz.numpy(), every.confidence.numpy(), every.loudness_db.numpy()
    recipe = load_recipe("tiny", {"instrument.inputs": INPUTS})
    config = recipe.instrument.fit(SAMPLE_RATE, hop_length, (), names)
    torch.manual_seed(0)
    rate = SAMPLE_RATE / hop_length
    band = Instrument(config, measure_statistics(f0_hz, confidence, loudness_db, rate, VOICED))
    return trained(band, Split(segments, hop_length), steps, recipe.training.learning_rate)


def trained(instrument: Instrument, split: Split, steps: int, learning_rate: float) -> Instrument:
    """Return an instrument after so many steps; only what requires a gradient changes."""
    update = {**SIZES, "learning_rate": learning_rate}
    settings = load_recipe("tiny").training.model_copy(update=update)
    TrainingLoop(instrument, split, split, settings, Budget(None, steps)).run()
    return instrument.eval()


def with_embedding(band: Instrument, embedding: Tensor) -> Instrument:
    """Return the instrument with one identity in place of all.

    Args:
        band: Of several identities.
        embedding: Of the one, (channel,).
    """
    return imitating.with_embedding(band, embedding, "new")


def fitted(band: Instrument, given: Split, steps: int, everything: bool) -> Instrument:
    """Return the instrument with an embedding that was fitted, from the mean of all, to an unknown one.

    Args:
        band: Of several identities.
        given: Recordings of another.
        steps: Of the fit.
        everything: Train all weights and not only the embedding.
    """
    one = with_embedding(band, band.state_dict()[EMBEDDING].mean(1))
    for name, weight in one.named_parameters():
        weight.requires_grad_(everything or name == EMBEDDING)
    return trained(one, given, steps, 1e-3 if everything else 3e-2)


@torch.no_grad()
def measured(instrument: Instrument, split: Split) -> Figures:
    """Return the distances of an instrument's only identity from recordings."""
    outputs, targets, features = [], [], []
    for one in split.segments:
        heard, audio = one.features(), one.audio()
        given = {name: getattr(heard, name)[None] for name in ("f0_hz", "confidence", "loudness_db")}
        conditions = instrument.conditions(audio[None], given, {"identity": torch.tensor([0])})
        outputs.append(instrument(**conditions)[0])
        targets.append(audio)
        features.append(heard)
    output, target = torch.cat(outputs), torch.cat(targets)
    sound = compare(output, target, Features.concatenate(features))
    loss = multi_scale_spectral(output, target, SAMPLE_RATE)
    return {"spectral_loss": loss, "log_mel_db": sound.log_mel_l1_db, "told_apart": sound.realism}


def run(datasets: dict[str, Dataset], left_out: str, steps: int, fit_steps: int) -> Figures:
    """Return the figures of an instrument that was left out, by what plays it."""
    rate = SAMPLE_RATE / datasets[left_out].hop_length
    names = [name for name in datasets if name != left_out]
    band = learned([part(datasets[name].train, rate, LEARNED_MINUTES) for name in names], names, steps)
    given = part(datasets[left_out].train, rate, GIVEN_MINUTES)
    test = part(datasets[left_out].held_out, rate, TESTED_MINUTES)
    embeddings = band.state_dict()[EMBEDDING]
    each = [with_embedding(band, embedding) for embedding in embeddings.T]
    losses = [measured(one, given)["spectral_loss"] for one in each]
    nearest = losses.index(min(losses))
    players = {
        f"{NEAREST}, {names[nearest]}": each[nearest],
        MEAN: with_embedding(band, embeddings.mean(1)),
        FITTED: fitted(band, given, fit_steps, everything=False),
        EVERYTHING: fitted(band, given, fit_steps, everything=True),
    }
    return {name: measured(one, given) | {"test": measured(one, test)} for name, one in players.items()}


def as_table(found: dict[str, Figures]) -> str:
    """Return the figures in Markdown, by the name of what was left out."""
    rows = []
    for name, lines in found.items():
        for way, line in lines.items():
            test = line["test"]
            told = "–" if test["told_apart"] is None else f"{100 * test['told_apart']:.0f}"
            cells = [line["spectral_loss"], test["spectral_loss"], test["log_mel_db"]]
            rows.append([f"{name}, {way}", *(f"{cell:.2f}" for cell in cells), told])
    columns = ["instrument, played by", "spectral loss on the 10 s", "held out: spectral loss", "log-mel, dB"]
    return table([*columns, "told apart, %"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zero_shot", description=__doc__)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--left-out", nargs="+", default=[], metavar="NAME", help="all in turn if left out")
    parser.add_argument("--steps", type=int, default=1000, help="(%(default)s)")
    parser.add_argument("--fit-steps", type=int, default=200, help="(%(default)s)")
    parser.add_argument("--results", type=Path, default=Path("build/zero-shot"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="write few-minutes.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    folder: Path = options.results
    datasets: dict[str, Dataset] = {}
    for source in sorted(path for path in options.recordings.iterdir() if path.is_dir()):
        place = folder / "datasets" / source.name
        if not (place / MANIFEST).exists():
            prepare(source, place, sample_rate=SAMPLE_RATE, n_workers=1)
        datasets[source.name] = Dataset.open(place)
    found: dict[str, Figures] = {}
    for name in options.left_out or datasets:
        path = folder / f"{name}-{options.steps}-{options.fit_steps}.json"
        if not path.exists():
            line = run(datasets, name, options.steps, options.fit_steps)
            write_atomically(path, json.dumps(line, indent=1) + "\n")
        found[name] = json.loads(path.read_text(encoding="utf-8"))
    content = as_table(found)
    print(content)
    if options.write:
        which = "".join(f" --left-out {name}" for name in found if options.left_out)
        command = f"python -m benchmarks.zero_shot RECORDINGS{which} --steps {options.steps} --write"
        content += f"\n\n*{machine()}, one thread; `{command}`.*"
        write_section("zero-shot", content, "few-minutes")


if __name__ == "__main__":
    main()
