"""The callbacks of a run: checkpoints and the best instrument, curves for TensorBoard, progress."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from torch.utils.tensorboard import SummaryWriter

from oscine.errors import InputError
from oscine.files import disk_errors, printable
from oscine.training.checkpoint import RunInfo, Snapshot, write_checkpoint
from oscine.training.loop import Callback, TrainingLoop
from oscine.training.preview import make_preview
from oscine.training.validation import Validation

_SCALARS_EVERY = 10
_LINE_EVERY_S = 60.0
_FACTS_EVERY_S = 1.0


class CheckpointCallback(Callback):
    """Keeps the best instrument, and the state of the run from which it can be resumed.

    Args:
        folder: The instrument's.
        checkpoint_path: The run's state.
        run: The settings of the run.
        card: The facts for the model card.
        every_s: Seconds between two checkpoints.
    """

    def __init__(
        self, folder: Path, checkpoint_path: Path, run: RunInfo, card: dict[str, object], every_s: float
    ) -> None:
        self.folder = folder
        self.checkpoint_path = checkpoint_path
        self.run = run
        self.card = card
        self.every_s = every_s
        self._written = 0.0

    def on_start(self, loop: TrainingLoop) -> None:
        """Make sure that there is something to resume."""
        self._written = time.monotonic()
        if loop.counters.step == 0:
            write_checkpoint(self.checkpoint_path, loop.snapshot, self.run)

    def on_step(self, loop: TrainingLoop) -> None:
        """Write a checkpoint where one is due; where a validation is due, after it."""
        is_snapshot = loop.counters.step == loop.snapshot.counters.step
        if is_snapshot and not loop.validation_is_due and time.monotonic() - self._written >= self.every_s:
            self._write(loop)

    def on_validation(self, loop: TrainingLoop, validation: Validation) -> None:
        """Keep the instrument when it is the best so far; write a checkpoint."""
        counters = loop.counters
        if validation.loss < counters.best_loss:
            counters.best_loss = validation.loss
            facts = {"steps": counters.step, "validation_loss": round(validation.loss, 4)}
            loop.instrument.save_pretrained(self.folder, **self.card, **facts)
        self._write(loop)

    def _write(self, loop: TrainingLoop) -> None:
        # What a run is resumed from is what it is rolled back to, resumed or not: never weights that have
        # just given a loss or a gradient that is not finite.
        loop.take_snapshot()
        snapshot = loop.snapshot
        if loop.is_done:
            now = loop.counters.model_copy(update={"n_skipped_in_a_row": 0})
            snapshot = Snapshot(snapshot.tensors, now)
        write_checkpoint(self.checkpoint_path, snapshot, self.run)
        self._written = time.monotonic()


class RecordCallback(Callback):
    """Writes curves for TensorBoard, and previews, for it and as files.

    Args:
        folder: Where previews go.
        tensorboard_folder: Where TensorBoard's files go.
    """

    def __init__(self, folder: Path, tensorboard_folder: Path) -> None:
        self.folder = folder
        self.tensorboard_folder = tensorboard_folder
        self._writer: SummaryWriter | None = None

    def on_start(self, loop: TrainingLoop) -> None:
        """Begin a file; curves of steps behind the one that is resumed are hidden."""
        try:
            with disk_errors(self.tensorboard_folder):
                self._writer = SummaryWriter(str(self.tensorboard_folder), purge_step=loop.counters.step + 1)
        except UnicodeEncodeError:
            raise InputError(
                f"TensorBoard can't write to {printable(self.folder)}, whose name is not UTF-8; give another "
                "folder."
            ) from None

    def on_step(self, loop: TrainingLoop) -> None:
        """Add the curves."""
        counters = loop.counters
        if counters.step % _SCALARS_EVERY == 0:
            scalars = {
                "loss/train": loop.last_loss,
                "learning_rate": loop.learning_rate,
                "steps_per_second": counters.step / max(counters.elapsed_s, 1e-9),
                "skipped_steps": float(counters.n_skipped),
            }
            for name, value in scalars.items():
                self._add(name, value, counters.step)

    def on_validation(self, loop: TrainingLoop, validation: Validation) -> None:
        """Add the validation loss and the preview."""
        step = loop.counters.step
        preview = make_preview(validation.audio, validation.target, loop.instrument.sample_rate, step)
        preview.write(self.folder)
        self._add("loss/validation", validation.loss, step)
        if self._writer is not None:
            with disk_errors(self.tensorboard_folder):
                self._writer.add_audio("preview", preview.sound, step, preview.sample_rate)
                self._writer.add_image("preview", preview.picture, step, dataformats="HWC")
                self._writer.flush()

    def on_end(self, loop: TrainingLoop) -> None:
        """Close the file."""
        if self._writer is not None:
            with disk_errors(self.tensorboard_folder):
                self._writer.close()
            self._writer = None

    def _add(self, name: str, value: float, step: int) -> None:
        if self._writer is not None:
            with disk_errors(self.tensorboard_folder):
                self._writer.add_scalar(name, value, step)


class ProgressBar(Callback):
    """Steps, losses, speed and the time left, on one line of a terminal."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[facts]}"),
            console=console,
        )
        self._task: TaskID | None = None
        self._facts = _Facts()

    def on_start(self, loop: TrainingLoop) -> None:
        """Show the bar."""
        self._bar.start()
        self._task = self._bar.add_task("training", total=1.0, facts="")

    def on_step(self, loop: TrainingLoop) -> None:
        """Move it."""
        facts = self._facts.after_step(loop)
        if self._task is not None:
            self._bar.update(self._task, completed=loop.progress, facts=facts)

    def on_end(self, loop: TrainingLoop) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()


class ProgressLines(Callback):
    """The same facts where there is no terminal: a line at each validation, and once a minute."""

    def __init__(self, console: Console, every_s: float = _LINE_EVERY_S) -> None:
        self._console = console
        self._every_s = every_s
        self._facts = _Facts()
        self._said = 0.0

    def on_start(self, loop: TrainingLoop) -> None:
        """Start the clock."""
        self._said = time.monotonic()

    def on_step(self, loop: TrainingLoop) -> None:
        """Print a line where one is due."""
        facts = self._facts.after_step(loop)
        if not loop.validation_is_due and time.monotonic() - self._said >= self._every_s:
            self._print(facts)

    def on_validation(self, loop: TrainingLoop, validation: Validation) -> None:
        """Print a line."""
        self._print(f"{self._facts.now(loop)} · this validation {validation.loss:.3f}")

    def _print(self, facts: str) -> None:
        self._console.print(facts, markup=False, highlight=False, soft_wrap=True)
        self._said = time.monotonic()


class ProgressFacts(Callback):
    """The same facts for a program: a table of numbers at most once a second, and at each validation.

    Args:
        write: Takes each table.
        every_s: Seconds between two of them.
    """

    def __init__(self, write: Callable[[dict[str, Any]], None], every_s: float = _FACTS_EVERY_S) -> None:
        self._write = write
        self._every_s = every_s
        self._facts = _Facts()
        self._told = 0.0

    def on_step(self, loop: TrainingLoop) -> None:
        """Tell the facts where they are due."""
        self._facts.after_step(loop)
        if time.monotonic() - self._told >= self._every_s:
            self._tell(loop)

    def on_validation(self, loop: TrainingLoop, validation: Validation) -> None:
        """Tell the facts."""
        self._tell(loop, this_validation=validation.loss)

    def on_end(self, loop: TrainingLoop) -> None:
        """Tell how it ended."""
        self._tell(loop)

    def _tell(self, loop: TrainingLoop, **more: float) -> None:
        self._write({"doing": "training", **self._facts.table(loop), **more})
        self._told = time.monotonic()


class _Facts:
    """Messages about a run while it continues."""

    def __init__(self) -> None:
        self._smooth = math.nan

    def after_step(self, loop: TrainingLoop) -> str:
        if math.isfinite(loop.last_loss):
            is_first = math.isnan(self._smooth)
            self._smooth = loop.last_loss if is_first else 0.95 * self._smooth + 0.05 * loop.last_loss
        return self.now(loop)

    def table(self, loop: TrainingLoop) -> dict[str, float | int]:
        """Return the facts by name: seconds, steps, and losses without a unit."""
        counters, progress = loop.counters, loop.progress
        return {
            "share": round(progress, 4),
            "step": counters.step,
            "loss": self._smooth,
            "validation_loss": counters.best_loss,
            "steps_per_s": counters.step / max(counters.elapsed_s, 1e-9),
            "passed_s": round(counters.elapsed_s, 1),
            "left_s": round(counters.elapsed_s / max(progress, 1e-6) * (1 - progress), 1),
        }

    def now(self, loop: TrainingLoop) -> str:
        told = self.table(loop)
        left = int(told["left_s"])
        return (
            f"step {told['step']} · loss {told['loss']:.3f} · validation {told['validation_loss']:.3f} · "
            f"{told['steps_per_s']:.1f} steps/s · {left // 60}:{left % 60:02d} left"
        )
