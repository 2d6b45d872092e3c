"""Distillation: a small instrument, the student, learns from a trained one, the teacher."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console

from oscine.data.dataset import Dataset
from oscine.models import Instrument, Recipe
from oscine.models.card import RIGHTS
from oscine.training.loop import Callback
from oscine.training.run import TrainResult, train
from oscine.training.starting import instrument_name


def distill(
    teacher: str | Path | Instrument,
    student_folder: str | Path,
    dataset: str | Path | Dataset,
    *,
    recipe: str | Path | Recipe | None = None,
    minutes: float | int | None = None,
    steps: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
    device: str | torch.device = "auto",
    resume: bool | Literal["auto"] = False,
    console: Console | None = None,
    progress: Callback | None = None,
    card: Mapping[str, object] | None = None,
) -> TrainResult:
    """Train a student of a teacher and write its folder: `train` with two further distances.

    The student's sound is compared with the recording's and with the teacher's, and its controls with those
    of the teacher's that have the same declaration (`Recipe.distillation` has the weights). The student has
    the teacher's gate, and its effects, such as reverb, with their weights, and trains them further, unless
    ``distillation.trains_effects`` is false. Licence, credit and consent of the teacher's card go to the
    student's.

    Args:
        teacher: The trained instrument, or its folder or hub id.
        student_folder: Where the student goes.
        dataset: The recordings that both play, at the teacher's rate and hop length, such as those that it
            has learned from.
        recipe: The student's, as in `train`; its effects and its gate do not count. ``student10`` if left
            out.
        minutes: As in `train`.
        steps: As in `train`.
        overrides: As in `train`; ``{"distillation.control_weight": 0.0}`` teaches by sound alone.
        callbacks: As in `train`.
        device: As in `train`.
        resume: As in `train`; only with the same teacher.
        console: As in `train`.
        progress: As in `train`.
        card: Further facts for the model card.

    Raises:
        InputError: As in `train`, and when there is no such teacher, the dataset has other rates than the
            teacher or lacks what it takes, or teacher and student have no input in common.
        OSError: As in `train`.
    """
    loaded = teacher if isinstance(teacher, Instrument) else Instrument.from_pretrained(teacher)
    kept = {key: loaded.card[key] for key in RIGHTS if key in loaded.card}
    return train(
        dataset,
        student_folder,
        recipe=recipe,
        minutes=minutes,
        steps=steps,
        overrides=overrides,
        teacher=loaded,
        callbacks=callbacks,
        device=device,
        resume=resume,
        console=console,
        progress=progress,
        card={"teacher": instrument_name(teacher), **kept, **(card or {})},
    )
