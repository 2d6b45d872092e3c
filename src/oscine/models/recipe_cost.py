"""How long a recipe trains, and whether it needs a GPU: from measured times of a step."""

from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel

#: By which recipes are compared; an instrument of a few minutes of recordings is usable by then.
USEFUL_STEPS = 2000
#: Minutes of so many steps on one core.
_PATIENT_MINUTES, _MOST_MINUTES = 20.0, 60.0


class Cost(BaseModel):
    """The cost of training a recipe."""

    step_s: float
    """Seconds of one core for a training step, measured."""
    useful_minutes: float
    """Minutes of one core for 2000 steps."""
    gpu: Literal["not needed", "helps", "needed"]
    """Whether a GPU is needed: above 20 minutes it helps, above an hour it is needed."""
    machine: str
    """On which the step was measured."""

    def sentence(self) -> str:
        """Return it in words."""
        if self.useful_minutes >= 90:
            took = f"{self.useful_minutes / 60:.1f} hours"
        else:
            took = f"{max(1, round(self.useful_minutes))} minutes"
        gpu = {
            "not needed": "No GPU is needed.",
            "helps": "A GPU is not needed, but it is faster.",
            "needed": "Use a GPU.",
        }[self.gpu]
        return (
            f"A training step takes {self.step_s:g} s of one core ({self.machine}), so {USEFUL_STEPS} steps "
            f"take about {took}. {gpu}"
        )


def training_cost(name: str) -> Cost | None:
    """Return what training a recipe of the package takes; None for a recipe that was not measured.

    Examples:
        >>> training_cost("tiny").gpu
        'not needed'
    """
    found = _measured()
    step_s = found["step_s"].get(name)
    if step_s is None:
        return None
    minutes = step_s * USEFUL_STEPS / 60
    gpu = "not needed" if minutes <= _PATIENT_MINUTES else "helps" if minutes <= _MOST_MINUTES else "needed"
    return Cost(step_s=step_s, useful_minutes=round(minutes, 1), gpu=gpu, machine=found["machine"])


@cache
def _measured() -> dict:
    text = (resources.files("oscine") / "models" / "step_times.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)
