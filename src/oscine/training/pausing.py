"""Pausing a run: it ends between two steps, and goes on later as if it had not."""

from collections.abc import Callable
from pathlib import Path

from oscine.training.checkpoint import RunInfo, write_checkpoint
from oscine.training.loop import Callback, TrainingLoop
from oscine.training.validation import Validation


class Paused(Exception):  # noqa: N818 - not a fault
    """The run has been paused; `train(…, resume=True)` continues it."""


class PauseCallback(Callback):
    """Ends a run after the step in which it is asked to, with a checkpoint and without a further validation.

    A run by steps that is paused and resumed chooses the instrument of the unbroken run, bit for bit: Ctrl-C,
    which validates once more, may choose another one. It is the last of the callbacks.

    Args:
        checkpoint_path: Of the run.
        run: The settings of the run.
        is_asked: Called after each step.
    """

    def __init__(self, checkpoint_path: Path, run: RunInfo, is_asked: Callable[[], bool]) -> None:
        self.checkpoint_path = checkpoint_path
        self.run = run
        self.is_asked = is_asked

    def on_step(self, loop: TrainingLoop) -> None:
        """Pause where it is asked for; where a validation is due, after it.

        Raises:
            Paused: When it is.
        """
        if loop.validation_is_due or not self.is_asked():
            return
        loop.take_snapshot()
        write_checkpoint(self.checkpoint_path, loop.snapshot, self.run)
        raise Paused

    def on_validation(self, loop: TrainingLoop, validation: Validation) -> None:
        """Pause where it is asked for and the run isn't over; the checkpoint has been written.

        Raises:
            Paused: When it is.
        """
        if not loop.is_done and self.is_asked():
            raise Paused
