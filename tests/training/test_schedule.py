"""When a run ends, and the learning rate that the optimiser uses, step by step."""

import math
from pathlib import Path

import pytest

from oscine.training import train
from oscine.training.loop import Callback, TrainingLoop
from oscine.training.schedule import Budget

N_STEPS, N_WARMUP, RATE, RATIO = 20, 5, 4e-3, 0.1


class _Rates(Callback):
    def __init__(self) -> None:
        self.applied: list[float] = []

    def on_step(self, loop: TrainingLoop) -> None:
        self.applied.append(loop.optimizer.param_groups[0]["lr"])


def test_the_rate_rises_in_a_line_and_falls_in_half_a_cosine(dataset: Path, tmp_path: Path) -> None:
    rates = _Rates()
    overrides = {
        "instrument.synth.harmonic.n_harmonics": 5,
        "instrument.synth.noise.n_bands": 5,
        "instrument.effects.reverb.ir_s": 0.01,
        "instrument.controller.hidden_size": 8,
        "training.batch_size": 1,
        "training.crop_s": 0.1,
        "training.preroll_s": 0.02,
        "training.n_validations": 1,
        "training.learning_rate": RATE,
        "training.warmup_steps": N_WARMUP,
        "training.final_rate_ratio": RATIO,
    }
    train(dataset, tmp_path / "a", recipe="tiny", steps=N_STEPS, overrides=overrides, callbacks=[rates])
    falls = [RATIO + (1 - RATIO) * (1 + math.cos(math.pi * step / N_STEPS)) / 2 for step in range(N_STEPS)]
    rises = [min(1.0, (step + 1) / N_WARMUP) for step in range(N_STEPS)]
    wanted = [RATE * rise * fall for rise, fall in zip(rises, falls, strict=True)]
    assert rates.applied == pytest.approx(wanted, rel=1e-9)


def test_a_run_ends_by_its_steps_or_its_minutes_whichever_come_first() -> None:
    budget = Budget(minutes=None, steps=100)
    assert [budget.progress(step, 1e9) for step in (0, 50, 100, 200)] == [0.0, 0.5, 1.0, 1.0]
    timed = Budget(minutes=2.0, steps=None)
    assert [timed.progress(10**9, s) for s in (0.0, 60.0, 120.0)] == [0.0, 0.5, 1.0]
    assert Budget(minutes=1.0, steps=10).progress(5, 6.0) == 0.5
