"""What happens around the steps: time, validation, checkpoints, previews, the progress bar."""

import math
import time
from pathlib import Path
from typing import Any, cast

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from oscine.training.checkpoint import RunInfo, Snapshot, take_snapshot, write_checkpoint
from oscine.training.module import InstrumentTraining
from oscine.training.preview import write_preview

_CHECKPOINT_EVERY_S = 20.0
_SCALARS_EVERY = 10


class Keeper(Callback):
    """Keeps time, the best instrument, the checkpoint and the curves; ends the run when its budget is spent.

    Args:
        folder: The instrument's.
        run: What the run was started with.
        card: What the model card says.
        checkpoint_path: The run's state.
        checkpoint_every_s: Seconds between two checkpoints.
    """

    def __init__(
        self,
        folder: Path,
        run: RunInfo,
        card: dict[str, object],
        checkpoint_path: Path,
        checkpoint_every_s: float = _CHECKPOINT_EVERY_S,
    ) -> None:
        self.folder = folder
        self.run = run
        self.card = card
        self.checkpoint_path = checkpoint_path
        self.checkpoint_every_s = checkpoint_every_s
        self.stop_requested = False
        self._clock = self._written = 0.0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Start the clock, and make sure that there is something to resume."""
        self._clock = self._written = time.monotonic()
        module = cast(InstrumentTraining, pl_module)
        if module.counters.step == 0:
            write_checkpoint(self.checkpoint_path, module.snapshot, self.run)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: Any, **__: Any
    ) -> None:
        """Do after each step what is due."""
        module = cast(InstrumentTraining, pl_module)
        counters = module.counters
        self._tick(module)
        if counters.step % _SCALARS_EVERY == 0:
            self._scalars(trainer, module)
        done = module.progress >= 1 or self.stop_requested
        if done or int(module.progress * module.config.n_validations) > counters.n_validations:
            self.validate(trainer, module)
            counters.n_validations = int(module.progress * module.config.n_validations)
            # Time that validation took is the run's time too.
            self._tick(module)
            self._write(module, done)
        elif counters.step == module.snapshot.counters.step and (
            time.monotonic() - self._written >= self.checkpoint_every_s
        ):
            self._write(module, done)
        trainer.should_stop = done

    def validate(self, trainer: lightning.Trainer, module: InstrumentTraining) -> None:
        """Take the held-out loss; keep the instrument when it is the best so far; write a preview."""
        counters = module.counters
        loss, audio, target = module.held_out_loss()
        if trainer.logger is not None:
            trainer.logger.log_metrics({"loss/held_out": loss}, counters.step)
        if loss < counters.best_loss:
            counters.best_loss = loss
            module.instrument.save_pretrained(
                self.folder, **self.card, steps=counters.step, held_out_loss=round(loss, 4)
            )
        write_preview(
            self.checkpoint_path.parent,
            audio,
            target,
            module.instrument.sample_rate,
            counters.step,
            trainer.logger.experiment if isinstance(trainer.logger, TensorBoardLogger) else None,
        )

    def _tick(self, module: InstrumentTraining) -> None:
        now = time.monotonic()
        module.counters.elapsed_s += now - self._clock
        self._clock = now

    def _write(self, module: InstrumentTraining, done: bool) -> None:
        # What a run is resumed from is what it is rolled back to, resumed or not: never weights that have
        # just given a loss or a gradient that is not finite.
        if module.counters.n_skipped_in_a_row == 0:
            module.snapshot = take_snapshot(module.instrument, module.optimizer, module.counters)
        snapshot = module.snapshot
        if done:
            now = module.counters.model_copy(update={"n_skipped_in_a_row": 0})
            snapshot = Snapshot(snapshot.tensors, now)
        write_checkpoint(self.checkpoint_path, snapshot, self.run)
        self._written = time.monotonic()

    def _scalars(self, trainer: lightning.Trainer, module: InstrumentTraining) -> None:
        if trainer.logger is not None:
            counters = module.counters
            metrics = {
                "loss/train": module.last_loss,
                "learning_rate": module.learning_rate,
                "steps_per_second": counters.step / max(counters.elapsed_s, 1e-9),
                "skipped_steps": float(counters.n_skipped),
            }
            trainer.logger.log_metrics(metrics, counters.step)


class ProgressBar(Callback):
    """Steps, loss, held-out loss, speed and the time left, on one line of a terminal."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[facts]}"),
            console=console,
        )
        self._task: TaskID | None = None
        self._smooth = math.nan

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Show the bar."""
        self._bar.start()
        self._task = self._bar.add_task("training", total=1.0, facts="")

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: Any, **__: Any
    ) -> None:
        """Move it."""
        module = cast(InstrumentTraining, pl_module)
        counters, progress = module.counters, module.progress
        if math.isfinite(module.last_loss):
            loss = module.last_loss
            self._smooth = loss if math.isnan(self._smooth) else 0.95 * self._smooth + 0.05 * loss
        left = counters.elapsed_s / max(progress, 1e-6) * (1 - progress)
        facts = (
            f"step {counters.step} · loss {self._smooth:.3f} · held out {counters.best_loss:.3f} · "
            f"{counters.step / max(counters.elapsed_s, 1e-9):.1f} steps/s · "
            f"{int(left) // 60}:{int(left) % 60:02d} left"
        )
        if self._task is not None:
            self._bar.update(self._task, completed=progress, facts=facts)

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()


class Batches(torch.utils.data.IterableDataset):
    """The module's crops, from the step at which it stands, without end."""

    def __init__(self, module: InstrumentTraining) -> None:
        self.module = module

    def __iter__(self):
        step = self.module.counters.step
        while True:
            yield self.module.draw(step)
            step += 1
