"""Runs: the takes are prepared, an instrument is trained by `oscine.training.train`, and measured."""

import math
import re
import shutil
from pathlib import Path
from typing import Any

import torch

from oscine.audio.output import write_audio
from oscine.data import Dataset, prepare
from oscine.data.prepare import Progress
from oscine.errors import InputError
from oscine.evaluation import evaluate
from oscine.models import Instrument, saved
from oscine.studio.database import new_id
from oscine.studio.shelf import describe
from oscine.studio.steering import settle
from oscine.studio.work.job import Cancelled, Ended, Job
from oscine.studio.work.quality import quality_of
from oscine.studio.work.sounds import SOUND
from oscine.studio.work.takes import trimmed
from oscine.studio.work.watching import WatchCallback
from oscine.training import Paused, train
from oscine.training.folder import RunFolder

_LOW_RATE, _RATE, _ENOUGH_RATE = 16_000, 44_100, 32_000
RECORDINGS, DATASET, INSTRUMENT = "recordings", "dataset", "instrument"


def learn(job: Job) -> None:
    """Do a run, or go on with it, until it is over or somebody pauses it."""
    _pause_if_asked(job)
    while not _is_learned(job):
        _pause_if_asked(job)


def _is_learned(job: Job) -> bool:
    """Return whether a run is over: False where its training was paused, or it has been deleted."""
    try:
        run = job.thing("run")
        folder = job.root.folder("runs", run["id"])
        dataset = _prepared(job, run["facts"], folder)
        job.database.change(run["id"], state="training", error=None)
        _train(job, run["facts"], folder, dataset)
        _finish(job, folder, dataset)
    except (Paused, Cancelled):
        return False
    return True


def _pause_if_asked(job: Job) -> None:
    """Pause the run where somebody wants that, or has deleted it.

    Raises:
        Ended: Then, and when the worker is to end.
    """
    if job.is_ending() or settle(job.database, job.subject, job.id):
        raise Ended


def _prepared(job: Job, facts: dict[str, Any], folder: Path) -> Path:
    """Return the dataset of a run; it is made where it is not there yet."""
    dataset = folder / DATASET
    if (dataset / "manifest.json").is_file():
        return dataset
    job.database.change(job.subject, state="preparing")
    recordings = job.root.folder("runs", job.subject, RECORDINGS)
    rates = []
    for number, take in enumerate(facts["takes"]):
        rates.append(_cut(job, take, recordings / f"{number:03d}.flac"))
        job.breathe()
        _pause_if_asked(job)
    options: dict[str, Any] = {"sample_rate": _RATE if max(rates, default=0) >= _ENOUGH_RATE else _LOW_RATE}
    if facts.get("start_from"):
        start = Instrument.from_pretrained(facts["start_folder"])
        options = {"sample_rate": start.sample_rate, "hop_length": start.hop_length}

    def tell(progress: Progress) -> None:
        share = progress.done_bytes / max(1, progress.n_bytes)
        job.tell("Preparing the recordings", 0.1 * share)
        job.breathe()
        _pause_if_asked(job)

    try:
        prepare(recordings, dataset, n_workers=1, on_progress=tell, **options)
    except InputError as error:
        raise InputError(_of_takes(str(error), recordings, facts["takes"])) from None
    job.root.remove("runs", job.subject, RECORDINGS)
    return dataset


def _of_takes(sentence: str, recordings: Path, takes: list[dict[str, Any]]) -> str:
    """Return a sentence about the recordings of a run with the names that they have in the studio."""
    for number, take in enumerate(takes):
        file = f"{number:03d}.flac"
        for path in (str(recordings / file), file):
            sentence = sentence.replace(path, take.get("name", file))
    sentence = sentence.replace(str(recordings), "The collection")
    return re.sub(r", and see oscine analyze.*", ".", sentence)  # which is for the command line


def _cut(job: Job, take: dict[str, Any], target: Path) -> int:
    """Write what is left of a take within its trim, once, and return its rate in Hz."""
    rate = int(take["sample_rate"])
    if target.is_file():
        return rate
    if not job.root.has("takes", take["id"], SOUND):
        raise InputError("A take of this training was deleted for good; start a new training.")
    source = job.root.folder("takes", take["id"]) / SOUND
    n_samples = round((take["to_s"] - take["from_s"]) * rate)
    blocks = trimmed(source, take["from_s"], take["to_s"], rate)
    write_audio(target, (torch.from_numpy(block) for block in blocks), rate, n_samples)
    return rate


def _train(job: Job, facts: dict[str, Any], folder: Path, dataset: Path) -> None:
    place = RunFolder(folder / INSTRUMENT)

    def is_asked() -> bool:
        return job.is_ending() or watch.wish == "pause"

    watch = WatchCallback(job)
    train(
        dataset,
        place.path,
        recipe=None if facts.get("start_from") else facts["recipe"],
        start_from=None if place.has_run else facts.get("start_folder"),
        minutes=facts["minutes"],
        steps=facts["steps"],
        callbacks=[watch],
        pause_when=is_asked,
        device=job.device,
        resume="auto",
        card={"name": facts["name"]},
    )


def _finish(job: Job, folder: Path, dataset: Path) -> None:
    """Measure the instrument, and put it on the shelf."""
    source = folder / INSTRUMENT
    instrument = Instrument.from_pretrained(source)
    job.database.change(job.subject, state="measuring")
    quality = None

    def tell(share: float) -> None:
        job.tell("Measuring", 0.95 + 0.05 * share)
        job.breathe()
        _pause_if_asked(job)

    try:
        measured = evaluate(
            instrument,
            Dataset.open(dataset),
            baselines=False,
            on_progress=tell,
        )
        quality = quality_of(measured.instrument)
    except InputError as error:
        job.tell(f"Not measured: {error}", 0.99)
    run = job.thing("run")
    shelf = run["facts"].get("instrument") or new_id()
    job.database.change(run["id"], instrument=shelf)
    if not job.database.things("instrument", id=shelf):
        place = job.root.folder("instruments", shelf)
        for name in (saved.WEIGHTS, saved.CONFIG, saved.CARD):
            shutil.copyfile(source / name, place / name)
        facts = describe(str(place))
        job.database.add("instrument", run["name"], facts=facts, id=shelf)
    loss = instrument.card.get("validation_loss")
    job.database.change(
        run["id"],
        state="done",
        quality=quality or run["facts"].get("quality"),
        control=None,
        validation_loss=loss if isinstance(loss, float) and math.isfinite(loss) else None,
    )
    job.finish(instrument=shelf)
