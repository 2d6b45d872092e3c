"""What is shown of a run while it goes on: the curve, the time left, and every minute a preview."""

import math
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from oscine.files import write_atomically
from oscine.studio.database import new_id
from oscine.studio.work.job import Job
from oscine.studio.work.quality import heard_quality
from oscine.training import Callback, TrainingLoop, Validation

_PREVIEW_EVERY_S = 60.0
_POINT_EVERY, _POINTS_OF_ALL = 10, 200
PREVIEWS = "previews"


class WatchCallback(Callback):
    """Writes into the database what a run has come to, and lets short jobs go first.

    Attributes:
        wish: What somebody wants of the run, pause or stop.

    Args:
        job: The run's.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._previews: list[dict[str, Any]] = []
        self._seen = _Seldom()
        self._has_learned = False
        self.wish: str | None = None

    def on_start(self, loop: TrainingLoop) -> None:
        """Forget what is to be done again."""
        step = loop.counters.step
        self.job.database.cut_curve(self.job.subject, step)
        kept = self.job.thing("run")["facts"].get("previews", [])
        self._previews = [one for one in kept if one["step"] <= step]
        self._tell(loop, previews=self._previews)

    def on_step(self, loop: TrainingLoop) -> None:
        """Tell where the run is; let short jobs go first."""
        counters = loop.counters
        with loop.off_the_clock():
            # Every step of a short run, every tenth of a long one.
            if counters.step % _POINT_EVERY == 0 or counters.step < _POINTS_OF_ALL:
                self._add_point(counters.step, loop.last_loss, math.nan)
            if not self._has_learned:
                # Whatever ends the worker from now on is not what this run needs.
                self.job.database.change_job(self.job.id, deaths=0)
                self._has_learned = True
            if self._seen.is_due:
                self.job.tell(f"Training: step {counters.step}", 0.1 + 0.85 * loop.progress)
                self._tell(loop)
                self.job.let_others_go_first()
                self.wish = self.job.wish()
                if self.wish == "stop":
                    loop.stop()
            if self._is_late(counters.elapsed_s, 1.5) and not loop.validation_is_due:
                self._preview(loop, loop.validate())

    def on_validation(self, loop: TrainingLoop, validation: Validation) -> None:
        """Add the validation loss, and a preview where one is due."""
        with loop.off_the_clock():
            self._add_point(loop.counters.step, loop.last_loss, validation.loss)
            if loop.is_done or not self._previews or self._is_late(loop.counters.elapsed_s, 1.0):
                self._preview(loop, validation)
            self._tell(loop)

    def _is_late(self, elapsed_s: float, factor: float) -> bool:
        last_s = self._previews[-1]["at_s"] if self._previews else 0.0
        return elapsed_s - last_s >= factor * _PREVIEW_EVERY_S

    def _add_point(self, step: int, train: float, validation: float) -> None:
        train_loss, validation_loss = (one if math.isfinite(one) else None for one in (train, validation))
        self.job.database.add_point(self.job.subject, step, train_loss, validation_loss)

    def _tell(self, loop: TrainingLoop, **facts: Any) -> None:
        counters, progress = loop.counters, loop.progress
        left_s = counters.elapsed_s / progress * (1 - progress) if progress > 0 else None
        self.job.database.change(
            self.job.subject,
            steps_done=counters.step,
            minutes_done=round(counters.elapsed_s / 60, 3),
            left_s=None if left_s is None else round(left_s),
            **facts,
        )

    def _preview(self, loop: TrainingLoop, validation: Validation) -> None:
        """Write what the instrument plays now, and the recording at the same bar; judge it."""
        name, rate = new_id(), loop.instrument.sample_rate
        folder = self.job.root.folder("runs", self.job.subject, PREVIEWS)
        for ending, sound in (("", validation.audio), (".recording", validation.target)):
            samples = torch.nan_to_num(sound, posinf=0.0, neginf=0.0).clamp(-1, 1).numpy()
            write_atomically(
                folder / f"{name}{ending}.flac",
                partial(_write, samples=samples, rate=rate),
            )
        one = {
            "id": name,
            "minute": round(loop.counters.elapsed_s / 60, 2),
            "step": loop.counters.step,
            "seconds": round(len(validation.audio) / rate, 2),
            "at_s": loop.counters.elapsed_s,
        }
        self._previews.append(one)
        quality = heard_quality(validation.audio, validation.target, rate, loop.instrument.hop_length)
        self._tell(loop, previews=self._previews, quality=quality)


def _write(path: Path, samples: np.ndarray, rate: int) -> None:
    soundfile.write(path, samples, rate, format="FLAC", subtype="PCM_16")


class _Seldom:
    """Is due a few times a second."""

    def __init__(self, every_s: float = 0.25) -> None:
        self._every_s, self._last = every_s, -math.inf

    @property
    def is_due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._every_s:
            return False
        self._last = now
        return True
