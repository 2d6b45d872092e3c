"""Training, from a dataset to an instrument: `oscine train`."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from oscine import kernels
from oscine.arguments import checked
from oscine.data.dataset import Dataset
from oscine.data.verification import Verify
from oscine.devices import usable_device
from oscine.errors import InputError
from oscine.files import printable
from oscine.models import Instrument, Recipe
from oscine.models.card import RIGHTS
from oscine.plural import counted
from oscine.training.building import DRY_RECIPE, chosen_recipe, fitted_recipe, make_loop
from oscine.training.callbacks import CheckpointCallback, ProgressBar, ProgressLines, RecordCallback
from oscine.training.checkpoint import (
    MOST_MINUTES,
    MOST_STEPS,
    RunInfo,
    Snapshot,
    read_checkpoint,
    require_same,
)
from oscine.training.folder import TENSORBOARD_FOLDER, RunFolder
from oscine.training.loop import Callback, TrainingLoop
from oscine.training.memory import is_out_of_memory
from oscine.training.objective import Loss
from oscine.training.pausing import PauseCallback
from oscine.training.processes import is_first_process
from oscine.training.signals import stop_requests
from oscine.training.starting import Start
from oscine.training.teacher import Teacher, fingerprint

DEFAULT_MINUTES = 10.0
_PATIENCE_S = 30.0


class TrainResult(BaseModel):
    """The result of a run."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    """The instrument."""
    recipe: str
    device: str
    """Where it was computed."""
    steps: int
    """Steps done, over all sessions of the run."""
    minutes: float
    """Time spent, over all sessions of the run."""
    validation_loss: float
    """Loss of the saved instrument on the validation part; the checkpoint was chosen by it."""
    skipped_steps: int
    """Steps whose loss or gradient was not finite."""
    interrupted: bool
    """Ended by Ctrl-C or SIGTERM before its budget was spent."""
    terminated: bool
    """Ended by SIGTERM."""

    def __str__(self) -> str:
        """Return a line in words."""
        skipped = f", {self.skipped_steps} of them skipped" if self.skipped_steps else ""
        ended = ", interrupted" if self.interrupted else ""
        return (
            f"trained {printable(self.folder)}: {counted(self.steps, 'step')}{skipped} of {self.recipe} in "
            f"{self.minutes:.1f} minutes on {self.device}, validation loss {self.validation_loss:.3f}{ended}"
        )

    __repr__ = __str__


@checked
def train(
    dataset: str | Path | Dataset,
    instrument_folder: str | Path,
    *,
    recipe: str | Path | Recipe | None = None,
    start_from: str | Path | Instrument | None = None,
    minutes: float | int | None = None,
    steps: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    loss: Loss | None = None,
    teacher: Instrument | None = None,
    callbacks: Sequence[Callback] = (),
    device: str | torch.device = "auto",
    resume: bool | Literal["auto"] = False,
    console: Console | None = None,
    progress: Callback | None = None,
    checkpoint_every_s: float = 20.0,
    card: Mapping[str, object] | None = None,
    verify: Verify | None = None,
    distributed: bool = False,
    pause_when: Callable[[], bool] | None = None,
) -> TrainResult:
    """Train an instrument and write its folder; the state of the run is in its subfolder `training/`.

    The validation loss is measured `TrainingConfig.n_validations` times on the validation part; the folder
    holds the best instrument so far. SIGKILL and ``resume`` give, for a run by steps, the weights of the
    unbroken run, bit for bit (on the same machine, with the same number of threads). The first Ctrl-C or
    SIGTERM ends the run early and leaves a usable instrument; it can be resumed as well.

    Args:
        dataset: A folder that `oscine prepare` made, or a `Dataset`, also one of arrays; its sample rate and
            hop length become the instrument's.
        instrument_folder: Where the instrument goes.
        recipe: A name (`oscine recipes`), a YAML file or a `Recipe`. If left out, ``default``, or ``dry``
            for recordings without reverberation (``student10`` with a teacher), or, of a run that is
            resumed, the run's.
        start_from: A trained instrument, its folder or hub id, in place of a recipe: the new one has its
            inputs, networks and parts, starts from its weights and trains them by settings of their own
            (`oscine.training.starting`). A run that is resumed needs it no more.
        minutes: Length of the run; ten when neither is given, or, of a run that is resumed, what it was.
        steps: Length of the run in steps.
        overrides: Values in the recipe by dotted key, ``{"training.batch_size": 4}``.
        loss: Takes the place of the multi-scale spectral loss: a function or module of the instrument's audio
            and the recorded audio, (batch, time) each, that returns a mean over the batch. It is called from
            several threads, on a part of the batch each; its own parameters are not trained.
        teacher: What is trained is this instrument's student, as in `distill`.
        callbacks: Called around the steps, before those that write checkpoints.
        device: ``"cpu"``, ``"cuda"``, or ``"auto"``: a GPU where there is one.
        resume: Go on with the run in the folder; ``"auto"``: where there is one, and start where there is
            none.
        console: Where progress and notices are shown; nowhere when left out.
        progress: Shows progress in place of the console's bar or lines.
        checkpoint_every_s: Seconds between two checkpoints.
        card: Facts for the model card, such as ``licence``, ``credit`` and ``consent``
            (`oscine.models.card.rights_of`).
        verify: How the shards of a folder are verified, as in `Dataset.open`.
        distributed: This process is one of a torch.distributed group (``torchrun``, Ray Train) that shares
            each batch; all are called alike, and the first one writes.
        pause_when: Asked after each step; where it is True, the run ends with a checkpoint and raises
            `oscine.training.Paused`.

    Raises:
        Paused: When it has been paused.
        InputError: When the dataset, the recipe, the start, the device or the folder can't be used, another
            run writes to the folder, memory does not suffice, or no validation loss was finite.
        OSError: When the disk refuses; the last checkpoint and instrument are kept.
    """
    if minutes is not None and not 0 < minutes <= MOST_MINUTES:
        raise InputError(f"The length of the run is {minutes} minutes; give 0.01 to {MOST_MINUTES:,.0f}.")
    if steps is not None and not 0 < steps <= MOST_STEPS:
        raise InputError(f"The length of the run is {steps} steps; give 1 to {MOST_STEPS:,}.")
    where = usable_device(device)
    folder = RunFolder(Path(instrument_folder))
    source = dataset if isinstance(dataset, Dataset) else Dataset.open(dataset, verify)
    start = None if start_from is None else Start(start_from, source)
    if not source.train.segments or not source.validation.segments:
        raise InputError(
            f"{source.name} has no validation part, so the best instrument can't be chosen; prepare it again."
        )
    say: Callable[[str], None] = (
        (lambda text: None)
        if console is None
        else partial(console.print, markup=False, highlight=False, soft_wrap=True)
    )
    is_writer = not distributed or is_first_process()
    # The process of a worker that was lost may take a moment to end.
    claimed = (
        partial(folder.claimed, wait_s=_PATIENCE_S if distributed else 0.0) if is_writer else nullcontext
    )
    with ExitStack() as claim:
        state: Snapshot | None = None
        before: RunInfo | None = None
        if resume is True or (resume == "auto" and folder.has_run):
            folder.require_run()
            claim.enter_context(claimed())
            state, before = read_checkpoint(folder.checkpoint)
        else:
            folder.require_unused()
        if minutes is None and steps is None:
            minutes, steps = (DEFAULT_MINUTES, None) if before is None else (before.minutes, before.steps)
        run = RunInfo(
            recipe=fitted_recipe(
                chosen_recipe(recipe, overrides or {}, before, teacher, start, source), source, teacher
            ),
            dataset_sha256=source.fingerprint,
            minutes=minutes,
            steps=steps,
            loss=None if loss is None else getattr(loss, "__qualname__", type(loss).__qualname__),
            teacher_sha256=None if teacher is None else fingerprint(teacher),
            **_origin(start, before),
            **_rights(card or {}, before),
        )
        if before is not None:
            require_same(run, before, folder.path)
        loop = make_loop(run, source, loss, teacher, start, where, say, distributed=distributed)
        if state is not None:
            loop.resume(state)
        else:
            claim.enter_context(claimed())
            if is_writer and folder.has_run:  # of another run, which was faster
                folder.require_unused()
        shown = progress or _progress_on(console)
        own = _callbacks(folder, run, card or {}, checkpoint_every_s, shown) if is_writer else []
        pausing = [] if pause_when is None else [PauseCallback(folder.checkpoint, run, pause_when)]
        signals: list[Signals] = []
        if loop.progress >= 1:
            say("The run is complete and stays as it is; to train it on, ask for more minutes or steps.")
        else:
            for line in _first_lines(run, source, folder.path, loop):
                say(line)
            _run(loop, [*callbacks, *own, *pausing], folder, signals, is_new=is_writer and state is None)
    counters = loop.counters
    if not math.isfinite(counters.best_loss):
        raise InputError(
            f"No validation loss of the run in {folder.path} was finite, so there is no instrument; look for "
            "damaged recordings, or lower training.learning_rate in a new folder."
        )
    return TrainResult(
        folder=folder.path,
        recipe=run.recipe.name,
        device=str(where),
        steps=counters.step,
        minutes=counters.elapsed_s / 60,
        validation_loss=counters.best_loss,
        skipped_steps=counters.n_skipped,
        interrupted=bool(signals),
        terminated=SIGTERM in signals,
    )


def _callbacks(
    folder: RunFolder,
    run: RunInfo,
    card: Mapping[str, object],
    checkpoint_every_s: float,
    progress: Callback | None,
) -> list[Callback]:
    """Return what writes a run's folder and shows its progress."""
    rights = run.model_dump(include={"started_from", *RIGHTS}, exclude_none=True)
    facts = {"recipe": run.recipe.name, **rights, **card}
    writing: list[Callback] = [
        CheckpointCallback(folder.path, folder.checkpoint, run, facts, checkpoint_every_s),
        RecordCallback(folder.training, folder.training / TENSORBOARD_FOLDER),
    ]
    return writing if progress is None else [*writing, progress]


def _progress_on(console: Console | None) -> Callback | None:
    """Return what shows progress on a console: a bar where it is a terminal, and lines elsewhere."""
    if console is None:
        return None
    return ProgressBar(console) if console.is_terminal else ProgressLines(console)


def _run(
    loop: TrainingLoop,
    callbacks: Sequence[Callback],
    folder: RunFolder,
    signals: list[Signals],
    *,
    is_new: bool,
) -> None:
    """Run the loop; a start that fails before its first step leaves nothing behind."""

    def stop(number: Signals) -> None:
        signals.append(number)
        loop.stop()

    try:
        with stop_requests(stop):
            loop.run(callbacks)
    except BaseException as error:
        if is_new and loop.counters.step == 0:
            folder.discard()
        if isinstance(error, Exception) and is_out_of_memory(error):
            raise InputError(
                "There is not enough memory for this recipe; choose a smaller training.batch_size, a shorter "
                "training.crop_s or smaller networks."
            ) from error
        raise


def _origin(start: Start | None, before: RunInfo | None) -> dict[str, str | None]:
    """Return what a run's record says of its start; a run that is resumed has started already."""
    if start is not None:
        return {"start_sha256": fingerprint(start.instrument), "started_from": start.description}
    if before is not None:
        return {"start_sha256": before.start_sha256, "started_from": before.started_from}
    return {}


def _rights(card: Mapping[str, object], before: RunInfo | None) -> dict[str, str | None]:
    """Return licence, credit and consent: what is given, or else what the run has had."""
    kept = {} if before is None else {name: getattr(before, name) for name in RIGHTS}
    return kept | {name: str(card[name]) for name in RIGHTS if card.get(name)}


def _first_lines(run: RunInfo, dataset: Dataset, folder: Path, loop: TrainingLoop) -> Iterator[str]:
    device = loop.device
    parts = [counted(run.steps, "step")] if run.steps is not None else []
    parts += [f"{run.minutes:g} minutes"] if run.minutes is not None else []
    start = "" if run.started_from is None else f"started from {run.started_from}, "
    threads = f", threads: {torch.get_num_threads()}" if device.type == "cpu" else ""
    yield (
        f"Training on {device} (kernels: {kernels.chosen(device)}{threads}): {dataset.name} to {folder}, "
        f"recipe {run.recipe.name}, {start}{' or '.join(parts)}."
    )
    if run.recipe.name == DRY_RECIPE and dataset.is_dry:
        yield "The recordings have no reverberation, so no reverb is learned; --recipe default has one."
    if device.type == "cpu" and kernels.chosen(device) == "torch":
        yield (
            "There are no compiled kernels here, so training is several times slower; install a C++ "
            "compiler and Oscine again, or unset OSCINE_KERNEL."
        )
    if loop.objective.teacher is not None:
        yield _comparison(loop, loop.objective.teacher)


def _comparison(loop: TrainingLoop, teacher: Teacher) -> str:
    """Return the sentences about a teacher and its student."""
    n_theirs, n_ours = teacher.instrument.n_parameters, loop.instrument.n_parameters
    effects = [one.part_name for one in loop.instrument.config.effects]
    loss = loop.validate(teacher.instrument).loss
    sentences = [
        f"The teacher has {n_theirs:,} parameters and a validation loss of {loss:.3f}.",
        f"The student has {n_ours:,} parameters, {n_ours / n_theirs:.1%} of that.",
    ]
    if effects:
        how = "and trains them" if teacher.config.trains_effects else "as they are"
        sentences.append(f"It takes over the teacher's effects ({', '.join(effects)}) {how}.")
    if not teacher.shared:
        sentences.append("They have no control in common, so the student learns only from sound.")
    return " ".join(sentences)
