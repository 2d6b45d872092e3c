"""How long a run is, and the learning rate from its first step to its last."""

import math
from dataclasses import dataclass

from oscine.models import TrainingConfig


@dataclass(frozen=True)
class Budget:
    """How long a run is: minutes, steps, or whichever of both ends first."""

    minutes: float | None
    steps: int | None

    def progress(self, step: int, elapsed_s: float) -> float:
        """Return how much of the run is over, 0 to 1."""
        by_step = 0.0 if self.steps is None else step / self.steps
        by_time = 0.0 if self.minutes is None else elapsed_s / (60 * self.minutes)
        return min(1.0, max(by_step, by_time))


def learning_rate(config: TrainingConfig, step: int, progress: float) -> float:
    """Return the learning rate of a step: a linear rise, then half a cosine down.

    Args:
        config: The highest rate, the steps of the rise, and the last rate over the highest.
        step: Number of the step, from 0.
        progress: How much of the run is over, 0 to 1.
    """
    rise = min(1.0, (step + 1) / max(1, config.warmup_steps))
    fall = config.final_rate_ratio + (1 - config.final_rate_ratio) * (1 + math.cos(math.pi * progress)) / 2
    return config.learning_rate * rise * fall
