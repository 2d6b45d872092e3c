"""A training that is as long as the CPU time of its process says, whatever else the machine does."""

import time
from dataclasses import dataclass, field

from oscine.training import Callback, TrainingLoop
from oscine.training.schedule import Budget


@dataclass(frozen=True)
class CpuBudget(Budget):
    """Ends a run after some seconds of this process's CPU time."""

    minutes: float | None = None
    steps: int | None = None
    seconds: float = 60.0
    began: float = field(default_factory=time.process_time)

    def progress(self, step: int, elapsed_s: float) -> float:
        """Return how much of the run is over, 0 to 1."""
        del step, elapsed_s
        return min(1.0, (time.process_time() - self.began) / self.seconds)


class ByCpuTime(Callback):
    """Gives a run such a budget, and keeps how many steps it had."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.steps = seconds, 0

    def on_start(self, loop: TrainingLoop) -> None:
        """Begin to count."""
        loop.budget = CpuBudget(seconds=self.seconds)

    def on_end(self, loop: TrainingLoop) -> None:
        """Keep how many steps that were."""
        self.steps = loop.counters.step
