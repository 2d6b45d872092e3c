"""Training, from a dataset to an instrument: `oscine train`."""

import logging
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from oscine import kernels
from oscine.data.dataset import Dataset
from oscine.errors import InputError
from oscine.files import sha256
from oscine.models import Instrument, Recipe, load_recipe
from oscine.models.saved import CONFIG
from oscine.training.callbacks import Batches, Keeper, ProgressBar
from oscine.training.checkpoint import CHECKPOINT, RunInfo, read_checkpoint
from oscine.training.module import Budget, InstrumentTraining

DEFAULT_MINUTES = 10.0
TRAINING_FOLDER = "training"


class TrainResult(BaseModel):
    """What a run came to."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    """The instrument."""
    recipe: str
    steps: int
    """Steps done, over all sessions of the run."""
    minutes: float
    """Time spent, over all sessions of the run."""
    held_out_loss: float
    """Multi-scale spectral loss of the saved instrument on pieces of the held-out part."""
    skipped_steps: int
    """Steps whose loss or gradient was not finite."""
    interrupted: bool
    """Ended by Ctrl-C before its budget was spent."""


def train(
    dataset_folder: str | Path,
    instrument_folder: str | Path,
    *,
    recipe: str | Path = "default",
    minutes: float | None = None,
    steps: int | None = None,
    overrides: dict[str, Any] | None = None,
    resume: bool = False,
    console: Console | None = None,
    checkpoint_every_s: float = 20.0,
    card: dict[str, object] | None = None,
) -> TrainResult:
    """Train an instrument and write its folder; the state of the run is in its subfolder `training/`.

    The held-out loss is taken `TrainingConfig.n_validations` times; the folder holds the best instrument so
    far. SIGKILL and ``resume`` give, for a run by steps, the weights of the unbroken run, bit for bit (on the
    same machine, with the same number of threads). Ctrl-C ends the run early and leaves a usable instrument;
    it can be resumed as well.

    Args:
        dataset_folder: Made by `oscine prepare`; its sample rate and hop length become the instrument's.
        instrument_folder: Where the instrument goes.
        recipe: A name or a YAML file (`oscine recipes`).
        minutes: Length of the run; ten when neither is given, or, of a run that goes on, what it was.
        steps: Length of the run in steps.
        overrides: Values in the recipe by dotted key, ``{"training.batch_size": 4}``.
        resume: Go on with the run in the folder; from the start where there is none yet.
        console: Where progress and notices are shown; nowhere when left out.
        checkpoint_every_s: Seconds between two checkpoints.
        card: Facts for the model card, such as ``licence``.

    Raises:
        InputError: When the dataset, the recipe or the folder can't be used.
    """
    if (minutes is not None and not minutes > 0) or (steps is not None and steps < 1):
        raise InputError("A run needs a positive number of minutes or steps")
    folder = Path(instrument_folder)
    checkpoint_path = folder / TRAINING_FOLDER / CHECKPOINT
    dataset = Dataset.open(dataset_folder)
    if not dataset.held_out.segments:
        raise InputError(
            f"{dataset_folder} has no held-out part, so the best instrument can't be chosen; prepare it again"
        )
    saved = before = None
    if resume and checkpoint_path.exists():
        saved, before = read_checkpoint(checkpoint_path)
    elif resume and (folder / CONFIG).exists():
        raise InputError(
            f"{folder} has an instrument and no run to resume ({checkpoint_path.relative_to(folder)} is "
            "missing); name another folder"
        )
    elif folder.exists() and any(folder.iterdir()) and not resume:
        raise InputError(f"{folder} is not empty; resume its run with --resume, or name another folder")
    if minutes is None and steps is None:
        minutes, steps = (DEFAULT_MINUTES, None) if before is None else (before.minutes, before.steps)
    run = RunInfo(
        recipe=_fit(load_recipe(recipe, overrides), dataset),
        dataset_sha256=sha256(dataset.folder / "manifest.json"),
        minutes=minutes,
        steps=steps,
    )
    if before is not None:
        for what, ours, theirs in (
            ("recipe", run.recipe, before.recipe),
            ("dataset", run.dataset_sha256, before.dataset_sha256),
        ):
            if ours != theirs:
                raise InputError(
                    f"The run in {folder} has another {what}, so it can't be resumed with this one"
                )

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.recipe.training.seed)
        learned = dataset.statistics
        if not run.recipe.instrument.identities:
            learned = learned.model_copy(update={"voices": {}})
        instrument = Instrument(run.recipe.instrument, learned)
    notices = (lambda text: None) if console is None else console.print
    budget = Budget(run.minutes, run.steps)
    module = InstrumentTraining(
        instrument, dataset.train, dataset.held_out, run.recipe.training, budget, notices
    )
    if saved is not None:
        module.resume(saved)
    facts: dict[str, object] = {"recipe": run.recipe.name, **(card or {})}
    keeper = Keeper(folder, run, facts, checkpoint_path, checkpoint_every_s)
    if module.progress >= 1:
        notices("The run was complete and stays as it is; to train it on, ask for more minutes or steps.")
    else:
        if kernels.chosen() == "torch":
            notices(
                "Computing in torch, several times slower than need be: there are no compiled kernels, for "
                "want of a C++ compiler when Oscine was installed, or OSCINE_KERNEL asks for this."
            )
        callbacks = [keeper] if console is None else [keeper, ProgressBar(console)]
        _fit_with_lightning(module, callbacks, folder / TRAINING_FOLDER, keeper)
    counters = module.counters
    return TrainResult(
        folder=folder,
        recipe=run.recipe.name,
        steps=counters.step,
        minutes=counters.elapsed_s / 60,
        held_out_loss=counters.best_loss,
        skipped_steps=counters.n_skipped,
        interrupted=keeper.stop_requested,
    )


def _fit(recipe: Recipe, dataset: Dataset) -> Recipe:
    """Return the recipe at the dataset's rates and with its identities.

    Raises:
        InputError: When the instrument takes a curve that the dataset lacks.
    """
    config = recipe.instrument.fit(dataset.sample_rate, dataset.hop_length, dataset.curves, dataset.voices)
    return recipe.model_copy(update={"instrument": config})


def _fit_with_lightning(
    module: InstrumentTraining, callbacks: list[Any], folder: Path, keeper: Keeper
) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # Batches are slices of a memory map; worker processes would only add their start to every run.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # CREPE's network, which some losses ask, is fixed.
        warnings.filterwarnings("ignore", message=".* in eval mode at the start of training.*")
        warnings.filterwarnings("ignore", message=".*`isinstance\\(treespec, LeafSpec\\)`.*")
        trainer = lightning.Trainer(
            # Not "auto": phases are float64, which Apple's GPUs lack.
            accelerator="cuda" if torch.cuda.is_available() else "cpu",
            devices=1,
            max_epochs=1,
            logger=TensorBoardLogger(str(folder), name=None, version="tensorboard"),
            callbacks=callbacks,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        loader = torch.utils.data.DataLoader(Batches(module), batch_size=None)
        with _denormals_flushed(), _first_interrupt(lambda: setattr(keeper, "stop_requested", True)):
            trainer.fit(module, loader)


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Take the smallest numbers for 0 here, and not in the rest of the program: decaying tails are faster."""
    were_flushed = float(torch.tensor(1e-40) * 1.0) == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(were_flushed)


@contextmanager
def _first_interrupt(request_stop: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C ask for an orderly end, and the second be what it always is."""

    def handler(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, previous)
        request_stop()

    try:
        previous = signal.signal(signal.SIGINT, handler)
    except ValueError:
        # Not the main thread: Python delivers no signals here.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
