"""The start of a run: its recipe, fitted to the dataset, and its loop."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from oscine.data.dataset import Dataset
from oscine.data.score import note_statistics, take_voices
from oscine.errors import InputError
from oscine.models import Instrument, Recipe, load_recipe
from oscine.models.inputs import LoudnessConfig
from oscine.models.recipes import change_recipe
from oscine.processors import require_parts
from oscine.training.checkpoint import RunInfo
from oscine.training.loop import TrainingLoop
from oscine.training.memory import require_memory
from oscine.training.objective import Loss
from oscine.training.schedule import Budget
from oscine.training.starting import Start
from oscine.training.strings import set_strings
from oscine.training.teacher import Teacher

DEFAULT_RECIPE, DRY_RECIPE = "default", "dry"
DEFAULT_STUDENT = "student10"


def chosen_recipe(
    recipe: str | Path | Recipe | None,
    overrides: Mapping[str, Any],
    before: RunInfo | None,
    teacher: Instrument | None,
    start: Start | None,
    dataset: Dataset,
) -> Recipe:
    """Return the recipe that is asked for, or the one that fits the dataset; see `oscine.training.train`."""
    if start is not None and (recipe is not None or teacher is not None):
        other = "A recipe" if recipe is not None else "A teacher"
        raise InputError(f"{other} and an instrument to start from are given; leave one of them out.")
    if recipe is None and before is not None:
        return change_recipe(before.recipe, overrides)
    if start is not None:
        return start.recipe(overrides)
    if isinstance(recipe, Recipe):
        return change_recipe(recipe, overrides) if overrides else recipe
    if recipe is None and teacher is not None:
        return load_recipe(DEFAULT_STUDENT, overrides)
    asks_for_effects = any(key.startswith("instrument.effects") for key in overrides)
    fitting = DRY_RECIPE if dataset.is_dry and not asks_for_effects else DEFAULT_RECIPE
    return load_recipe(recipe or fitting, overrides)


def fitted_recipe(recipe: Recipe, dataset: Dataset, teacher: Instrument | None) -> Recipe:
    """Return the recipe at the dataset's rates, with its identities and the teacher's effects and gate.

    Raises:
        InputError: When the recipe asks for other rates, the instrument takes a curve that the dataset lacks,
            or a part is called as an effect of the teacher is.
    """
    for name in ("sample_rate", "hop_length"):
        asked, there = getattr(recipe.instrument, name), getattr(dataset, name)
        if name in recipe.instrument.model_fields_set and asked != there:
            raise InputError(
                f"The recipe asks for instrument.{name} {asked} and {dataset.name} has {there}; leave it "
                "out, or prepare the recordings at that rate."
            )
    config = recipe.instrument.fit(
        dataset.sample_rate, dataset.hop_length, dataset.curves, dataset.identities
    )
    if teacher is not None:
        hears_loudness = any(isinstance(one, LoudnessConfig) for one in config.inputs)
        gate_below_db = teacher.config.gate_below_db if hears_loudness else None
        taken = {"effects": teacher.config.effects, "gate_below_db": gate_below_db}
        config = config.model_copy(update=taken)
        try:
            require_parts([*config.synth, *config.effects])
        except ValueError as error:
            raise InputError(
                f"The recipe {recipe.name} can't be used with the teacher's effects: {error}"
            ) from None
    return recipe.model_copy(update={"instrument": config})


def make_loop(
    run: RunInfo,
    dataset: Dataset,
    loss: Loss | None,
    teacher: Instrument | None,
    start: Start | None,
    device: torch.device,
    say: Callable[[str], None],
    *,
    distributed: bool = False,
) -> TrainingLoop:
    """Return the loop at its start, the weights drawn by the recipe's seed or taken from where it starts.

    A student's effects are its teacher's.
    """
    config = run.recipe.instrument
    learned = dataset.statistics
    if config.notes is not None:
        if teacher is not None:
            raise InputError(
                "An instrument that learns from notes can't be a student; leave the teacher out."
            )
        take_voices([*dataset.train.segments, *dataset.validation.segments], config.notes.release_s)
        learned = note_statistics(dataset.train.segments, learned)
    if not config.identities:
        learned = learned.model_copy(update={"identities": {}})
    try:
        require_memory(config, run.recipe.training, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.recipe.training.seed)
            instrument = Instrument(config, learned)
        if start is None:
            set_strings(instrument, dataset.train.segments)
        if start is not None:
            start.hand_over(instrument, with_room=run.recipe.training.trains == "effects")
        if run.recipe.training.trains == "effects":
            _train_effects_alone(instrument)
        if teacher is not None:
            instrument.effects.load_state_dict(teacher.effects.state_dict())
            instrument.effects.requires_grad_(run.recipe.distillation.trains_effects)
        return TrainingLoop(
            instrument,
            dataset.train,
            dataset.validation,
            run.recipe.training,
            Budget(run.minutes, run.steps),
            loss=loss,
            teacher=None
            if teacher is None
            else Teacher(teacher, instrument, dataset, run.recipe.distillation),
            device=device,
            on_notice=say,
            distributed=distributed,
        )
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"The recipe {run.recipe.name} can't be used: {str(error).rstrip('.')}.") from None


def _train_effects_alone(instrument: Instrument) -> None:
    """Keep everything but the effects as it is.

    Raises:
        InputError: When no effect learns anything.
    """
    instrument.requires_grad_(False)
    instrument.effects.requires_grad_(True)
    if not any(one.requires_grad for one in instrument.parameters()):
        raise InputError(
            "training.trains is 'effects' and the instrument has no effect that learns; add one to "
            "instrument.effects, such as {kind: refiner}, or train all."
        )
