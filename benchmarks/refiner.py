"""A refiner behind an instrument, without and with discriminators at equal CPU time: refiner.md.

    python -m benchmarks.refiner DATASET INSTRUMENT [--unseen FOLDER…] [--seconds S] [--seeds N]
                                 [--results FOLDER] [--write NAME]

Trains refiners behind INSTRUMENT, all else as it is, on one thread: with the spectral loss for S seconds of
the process's CPU time, and for as long with the adversarial loss in the second half. Measures them on the
held-out part of DATASET and, by file, on what is in each FOLDER of --unseen: recordings of one speaker. STOI,
ESTOI and PESQ need the packages pystoi and pesq, and speech at 16 kHz. With --write the tables go into that
section of refiner.md.
"""

import argparse
import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from benchmarks.cpu_time import ByCpuTime
from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.analysis import VOICED, Features, analyze
from oscine.audio import read_audio
from oscine.data import Dataset
from oscine.errors import InputError
from oscine.evaluation import evaluate
from oscine.evaluation.metrics import multi_scale_spectral
from oscine.losses import LogMelLoss
from oscine.models import Instrument
from oscine.models.conditioning import held
from oscine.training import train

PAGE = "refiner"
SETTINGS: dict[str, Any] = {
    "training.trains": "effects",
    "training.learning_rate": 2e-3,
    "training.n_validations": 4,
    "training.crop_s": 0.5,
}
WAYS = {"spectral loss": 0.0, "and discriminators": 0.5}
SPEECH = ("PESQ", "STOI", "ESTOI")


def refined(
    dataset: Dataset, base: Instrument, folder: Path, weight: float, seconds: float, seed: int
) -> tuple[Instrument, int]:
    """Return a refined instrument, and the steps that its training took; what is there is not made again."""
    counter = ByCpuTime(seconds)
    kept = folder / "steps.txt"
    if not kept.exists():
        effects = [*base.config.model_dump(mode="json")["effects"], {"kind": "refiner"}]
        train(
            dataset,
            folder,
            start_from=base,
            steps=1_000_000,
            overrides=SETTINGS
            | {
                "instrument.effects": effects,
                "training.adversarial_weight": weight,
                "training.seed": seed,
                "training.preroll_s": 0.75 if effects[:-1] else 0.15,
            },
            callbacks=[counter],
            console=Console(stderr=True),
        )
        kept.write_text(str(counter.steps))
    return Instrument.from_pretrained(folder).eval(), int(kept.read_text())


@torch.no_grad()
def played(instrument: Instrument, audio: Tensor, features: Features) -> Tensor:
    """Return what an instrument makes of a recording, in time with it."""
    given = {name: getattr(features, name)[None] for name in ("f0_hz", "confidence", "loudness_db")}
    conditions = instrument.conditions(audio[None], given)
    n_late = instrument.latency
    sound = instrument(**held(conditions, -(-n_late // instrument.hop_length)))[0]
    return sound[n_late : n_late + len(audio)]


def speech_figures(output: Tensor, target: Tensor, sample_rate: int) -> dict[str, float]:
    """Return PESQ (wide band), STOI and ESTOI where the packages are there and the rate is 16 kHz."""
    if sample_rate != 16_000 or not all(importlib.util.find_spec(name) for name in ("pesq", "pystoi")):
        return {}
    pesq, pystoi = (importlib.import_module(name) for name in ("pesq", "pystoi"))

    ours, theirs = output.double().numpy(), target.double().numpy()
    return {
        "PESQ": pesq.pesq(sample_rate, theirs, ours, "wb"),
        "STOI": pystoi.stoi(theirs, ours, sample_rate),
        "ESTOI": pystoi.stoi(theirs, ours, sample_rate, extended=True),
    }


def unseen_figures(instrument: Instrument, folder: Path) -> dict[str, float]:
    """Return the means over the files of a folder."""
    rate, hop = instrument.sample_rate, instrument.hop_length
    files = sorted(path for path in folder.iterdir() if path.suffix in (".wav", ".flac"))
    if not files:
        raise InputError(f"{folder} has no .wav and no .flac.")
    log_mel, each = LogMelLoss(rate), list[dict[str, float]]()
    for path in files:
        audio = torch.from_numpy(read_audio(path, rate)[0])
        audio = audio[: len(audio) // hop * hop]
        features = analyze(audio, rate, hop)
        output = played(instrument, audio, features)
        ours = analyze(output, rate, hop)
        both = (features.confidence >= VOICED) & (ours.confidence >= VOICED)
        cents = 1200 * (ours.f0_hz / features.f0_hz)[both].log2()
        each.append(
            speech_figures(output, audio, rate)
            | {
                "spectral loss": float(multi_scale_spectral(output, audio, rate)),
                "log-mel, dB": float(log_mel(output, audio)),
                "f0, cents": float(cents.median()),
            }
        )
    return {name: mean(one[name] for one in each) for name in each[0]}


def held_out_figures(instrument: Instrument, dataset: Dataset) -> dict[str, float]:
    """Return the figures of the held-out part."""
    measured = evaluate(instrument, dataset, baselines=False)
    figures, sound = measured.instrument, measured.instrument.sound
    told = sound.realism
    return {
        "spectral loss": figures.spectral_loss,
        "log-mel, dB": float("nan") if sound.log_mel_l1_db is None else sound.log_mel_l1_db,
        "told apart, %": float("nan") if told is None else 100 * told,
        "f0 median, cents": 100 * (figures.f0_median_semitones or 0.0),
        "real time, stream": 1 / measured.real_time_factor_streaming,
    }


def rows(names: Sequence[str], figures: Sequence[dict[str, float]]) -> str:
    """Return a table, a row for each way."""
    digits = {"STOI": 3, "ESTOI": 3, "spectral loss": 3, "log-mel, dB": 3, "told apart, %": 1}
    columns = list(figures[0])
    lines = [
        [name, *(f"{one[column]:.{digits.get(column, 2)}f}" for column in columns)]
        for name, one in zip(names, figures, strict=True)
    ]
    return table(["way", *columns], lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refiner", description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("instrument")
    parser.add_argument("--unseen", type=Path, nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--seconds", type=float, default=150.0, help="of CPU time (%(default)g)")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each way (%(default)d)")
    parser.add_argument("--results", type=Path, default=Path("build/refiner"), metavar="FOLDER")
    parser.add_argument("--write", metavar="NAME", help="section of refiner.md, such as voices")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    dataset, base = Dataset.open(options.dataset), Instrument.from_pretrained(options.instrument).eval()
    instruments, steps = {"without": base}, list[str]()
    for seed in range(options.seeds):
        for way, weight in WAYS.items():
            name = f"{way}, seed {seed}" if options.seeds > 1 else way
            folder = options.results / name.replace(",", "").replace(" ", "-")
            instruments[name], n = refined(dataset, base, folder, weight, options.seconds, seed)
            steps.append(f"{n} steps ({name})")
    told = f"{options.seconds:g} s of CPU time each, one thread: {', '.join(steps)}. {machine()}."
    held_out_s = dataset.held_out.n_frames * dataset.hop_length / dataset.sample_rate
    parts = [told, f"Held out of the dataset, {held_out_s:.0f} s:"]
    parts.append(rows(list(instruments), [held_out_figures(one, dataset) for one in instruments.values()]))
    for folder in options.unseen:
        parts.append(f"Unseen, {folder.name}:")
        parts.append(rows(list(instruments), [unseen_figures(one, folder) for one in instruments.values()]))
    content = "\n\n".join(parts)
    Console().print(content, markup=False, soft_wrap=True)
    if options.write:
        write_section(options.write, content, PAGE)


if __name__ == "__main__":
    main()
