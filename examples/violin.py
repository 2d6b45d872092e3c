"""The violin that the examples share: learned once from the recordings in the package, and its settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from rich.console import Console

from oscine import recordings
from oscine.data import Dataset, Segment, prepare
from oscine.training import train
from oscine.transfer import PlayableInstrument, load

SAMPLE_RATE = 16_000
RECIPE = "default"
#: The same in small, with z: what a GRU of 64 extracts beside pitch and loudness, in eight numbers a frame.
Z_RECIPE = "solo-z"
Z_OVERRIDES: dict[str, Any] = {
    "instrument.effects.reverb.ir_s": 1.0,
    "instrument.controller": {"hidden_size": 192, "mlp_size": 64, "n_mlp_layers": 1},
    "instrument.inputs.z.encoder": {"z_size": 8, "hidden_size": 64},
    "training.batch_size": 4,
    "training.crop_s": 2.0,
    "training.learning_rate": 3.0e-3,
}
#: One note at a time, close to the microphone: there is no reverb to learn.
SAX_OVERRIDES: dict[str, Any] = {"instrument.effects": []}
#: How much of the violin's time each instrument learns.
_SHARES = {"violin": 1.0, "violin-z": 0.75, "sax": 0.5}
_LICENCE = "learned from a recording under CC BY 3.0: attribute John Garner (violin)"


@dataclass(frozen=True)
class Settings:
    """Where an example finds its instruments and leaves its page, and how long it may learn."""

    pages: Path
    """The pages, their pictures and sounds."""
    work: Path
    """Datasets and instruments; what is there already is used."""
    minutes: float = 10.0
    """Length of the violin's training; with z it takes three quarters of it, the sax's half."""
    instrument: Path | None = None
    """A violin that is learned already; its dataset is made anew from the package."""
    sax: Path | None = None
    """Recordings of a saxophone, note by note; without them there is no saxophone."""
    sax_credit: str | None = None
    """Who made them, a sentence for the page."""
    quick: bool = False
    """Two steps of training on less than a minute of sound: to see that everything runs."""


def violin(settings: Settings) -> PlayableInstrument:
    """Return the violin of f0 and loudness."""
    if settings.instrument is not None:
        return load(settings.instrument)
    return _learn("violin", violin_dataset(settings), settings, RECIPE)


def violin_with_z(settings: Settings) -> PlayableInstrument:
    """Return the violin of f0, loudness and z, what a network hears beside the two."""
    return _learn("violin-z", violin_dataset(settings), settings, Z_RECIPE, Z_OVERRIDES)


def sax(settings: Settings, folder: Path) -> PlayableInstrument:
    """Return the saxophone of the recordings in a folder."""
    return _learn("sax", dataset("sax", folder, settings), settings, RECIPE, SAX_OVERRIDES)


def violin_dataset(settings: Settings) -> Dataset:
    """Return the violin's dataset; the end of the last recording is held out."""
    source = recordings.path("violin")
    if settings.quick:
        source = settings.work / "short-violin"
        source.mkdir(parents=True, exist_ok=True)
        audio, rate = soundfile.read(recordings.path("violin") / "movement_6.flac", stop=45 * SAMPLE_RATE)
        soundfile.write(source / "short.flac", audio, rate)
    return dataset("violin", source, settings)


def dataset(name: str, source: Path, settings: Settings) -> Dataset:
    """Return the dataset of the recordings in a folder, made where it is not there yet."""
    folder = settings.work / f"{name}-dataset"
    if not (folder / "manifest.json").exists():
        length, n_workers = (6.0, 1) if settings.quick else (25.0, None)
        prepare(source, folder, sample_rate=SAMPLE_RATE, held_out_s=length, n_workers=n_workers)
    return Dataset.open(folder)


def learning(settings: Settings, name: str, dataset: Dataset) -> str:
    """Return a sentence that says how long an instrument learned, and from how much sound."""
    if settings.instrument is not None and name == "violin":
        return "The violin had been learned before."
    sound_s = dataset.train.n_frames * dataset.hop_length / dataset.sample_rate
    length = "two steps" if settings.quick else f"{_SHARES[name] * settings.minutes:g} minutes"
    return (
        f"The {name.partition('-')[0]} learned for {length}, from {sound_s / 60:.1f} minutes of recordings."
    )


def held_out(dataset: Dataset) -> Segment:
    """Return the longest stretch that training never hears."""
    return max(dataset.held_out.segments, key=lambda segment: segment.n_frames)


def training_audio(dataset: Dataset, seconds: float = 60.0) -> np.ndarray:
    """Return a minute of what training hears, as much from every stretch of it."""
    each = round(seconds * dataset.sample_rate / len(dataset.train.segments))
    return torch.cat([segment.audio()[:each] for segment in dataset.train.segments]).numpy()


def _learn(
    name: str,
    dataset: Dataset,
    settings: Settings,
    recipe: str,
    overrides: dict[str, Any] | None = None,
) -> PlayableInstrument:
    folder = settings.work / name
    small = {"training.batch_size": 1, "training.n_validations": 1} if settings.quick else {}
    train(
        dataset,
        folder,
        recipe=recipe,
        minutes=None if settings.quick else _SHARES[name] * settings.minutes,
        steps=2 if settings.quick else None,
        overrides={**(overrides or {}), **small},
        resume="auto",
        console=None if settings.quick else Console(stderr=True),
        card={"licence": _LICENCE} if name.startswith("violin") else None,
    )
    return load(folder)
