"""Recipes: one YAML file each, an instrument's and its training's sizes under one name."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from oscine.errors import InputError
from oscine.explain import explain
from oscine.files import read_text
from oscine.models.config import InstrumentConfig
from oscine.models.inputs import F0Config
from oscine.models.unknown_key import did_you_mean, entry_names, unknown_place


class TrainingConfig(BaseModel):
    """How an instrument is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    batch_size: int = Field(default=8, ge=1, le=4096)
    """Crops per step."""
    crop_s: float = Field(default=1.0, gt=0.0, le=600.0)
    """Length of a crop, seconds."""
    transpose_semitones: float = Field(default=0.0, ge=0.0, le=12.0)
    """Largest transposition of a crop, up or down, semitones; each crop has one of its own, by resampling."""
    learning_rate: float = Field(default=1e-3, gt=0.0, le=1.0)
    """Highest learning rate of AdamW."""
    warmup_steps: int = Field(default=50, ge=0, le=1_000_000)
    """Steps over which the learning rate rises from 0."""
    final_rate_ratio: float = Field(default=0.02, gt=0.0, le=1.0)
    """Ratio of the last learning rate to the highest; between them it falls along a half cosine."""
    weight_decay: float = Field(default=0.1, ge=0.0)
    """Weight decay of AdamW: share of each weight that is removed per step, divided by the learning rate."""
    preroll_s: float = Field(default=0.25, ge=0.0, le=60.0)
    """Audio before each crop that is played but not compared, seconds; it fills reverb and network state."""
    gradient_clip: float = Field(default=3.0, gt=0.0)
    """Largest norm of the gradient."""
    log_weight: float = Field(default=1.0, ge=0.0)
    """α, the weight of the log-magnitude term of the loss."""
    floor_db: float = Field(default=-100.0, lt=0.0)
    """Level, in dB of a full-scale sine, below which the log-magnitude term is nearly constant."""
    loudness_weight: float = Field(default=0.0, ge=0.0)
    """Weight of the mean absolute difference of loudness, dB, beside the spectral loss."""
    log_mel_weight: float = Field(default=0.0, ge=0.0)
    """Weight of the mean absolute difference of mel bands over 50 ms, dB (`oscine.losses.LogMelLoss`)."""
    texture_weight: float = Field(default=0.0, ge=0.0)
    """Weight of the difference of how bands move and how loud they are (`oscine.losses.TextureLoss`)."""
    pretraining_share: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the run, at its start, on synthetic tones whose controls are known."""
    synthetic_share: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the later steps on such tones, so that the network does not forget."""
    transport_weight: float = Field(default=0.0, ge=0.0)
    """Weight of the Wasserstein distance of spectra, semitones, which corrects an encoded pitch from afar."""
    handover_share: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of the rest of the run over which the spectral loss's effect on an encoded pitch rises to 1."""
    adversarial_weight: float = Field(default=0.0, ge=0.0)
    """Weight of the adversarial loss with feature matching (`oscine.losses.AdversarialLoss`)."""
    adversarial_share: float = Field(default=0.5, gt=0.0, le=1.0)
    """Share of the run, at its end, in which that loss acts; the best instrument is chosen from there."""
    trains: Literal["all", "effects"] = "all"
    """The trained part: the whole instrument, or only its effects."""
    perceptual_weight: float = Field(default=0.0, ge=0.0)
    """Weight of the distance of CREPE's activations, at 16 kHz; the paper's code has 3.4 on this scale."""
    n_validations: int = Field(default=12, ge=1, le=100_000)
    """Number of validations in the whole run; the best instrument is kept."""
    snapshot_every: int = Field(default=25, ge=1, le=1_000_000)
    """Steps between two states to which training can return."""
    seed: int = Field(default=0, ge=0, lt=1 << 31)
    """Seed of the weights, the crops and the noise."""

    @model_validator(mode="after")
    def _transport_has_its_time(self) -> "TrainingConfig":
        if self.transport_weight and not self.handover_share:
            raise ValueError("transport_weight has no effect without a handover_share above 0; set both")
        return self


class DistillationConfig(BaseModel):
    """How a student learns from a teacher (`oscine distill`), beside the recordings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sound_share: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of the spectral loss that is of the teacher's sound; the rest is of the recording."""
    control_weight: float = Field(default=0.1, ge=0.0)
    """Weight of the distance of the controls that both declare, semitones or equivalents of a semitone."""
    varied_share: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the steps on transposed, louder or softer performances, which only the teacher plays."""
    trains_effects: bool = True
    """Train the effects that the student takes over from the teacher further; else they stay as they are."""


class Recipe(BaseModel):
    """A named instrument and its training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Its name in lists and in the model card."""
    description: str
    """Its purpose, in a sentence."""
    instrument: InstrumentConfig
    """The instrument to train: inputs, network, synthesisers and effects."""
    training: TrainingConfig = TrainingConfig()
    """How it is trained."""
    distillation: DistillationConfig = DistillationConfig()
    """Used only by `oscine distill`."""

    @model_validator(mode="after")
    def _notes_are_played_as_recorded(self) -> "Recipe":
        training = self.training
        synthetic = training.pretraining_share or training.synthetic_share
        if self.instrument.notes and (training.transpose_semitones or synthetic):
            raise ValueError(
                "an instrument with `notes` can't be trained with transpose_semitones, pretraining_share or "
                "synthetic_share; set them to 0"
            )
        return self

    @model_validator(mode="after")
    def _pitch_is_trained_with_an_encoder(self) -> "Recipe":
        teaches = self.training.transport_weight or self.training.handover_share
        encodes = any(isinstance(one, F0Config) and one.encoder for one in self.instrument.inputs)
        if teaches and not encodes:
            raise ValueError(
                "transport_weight and handover_share apply only to an f0 input with an encoder; remove them"
            )
        return self


_FOLDER = resources.files("oscine") / "recipes"


def list_recipes() -> list[str]:
    """Return the names of the recipes in the package."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in _FOLDER.iterdir() if entry.name.endswith(".yaml")
    )


def load_recipe(name: str | Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Return a recipe.

    Args:
        name: One of `list_recipes`, or the path of a YAML file.
        overrides: Values by dotted key, such as ``{"training.batch_size": 4}``; each must exist.

    Raises:
        InputError: When there is no such recipe or key, or a value is not allowed.

    Examples:
        >>> load_recipe("tiny", {"training.crop_s": 2.0}).training.crop_s
        2.0
    """
    content = parse_yaml(_text(name), f"The recipe {name}")
    if not isinstance(content, dict):
        raise InputError(f"The recipe {name} is not a table of keys and values; begin with `name:`.")
    return _validated(content, overrides or {}, f"The recipe {name}")


def change_recipe(recipe: Recipe, overrides: Mapping[str, Any]) -> Recipe:
    """Return a recipe with other values, by dotted key as in `load_recipe`.

    Raises:
        InputError: When there is no such key, or a value is not allowed.
    """
    return _validated(recipe.model_dump(mode="json"), overrides, f"The recipe {recipe.name}")


class _AliasError(Exception):
    """Its message is the line."""


class _Loader(yaml.SafeLoader):
    """Refuses aliases, of which a few lines stand for more than any memory holds, and half characters."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _AliasError(self.peek_event().start_mark.line + 1)
        return super().compose_node(parent, index)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> str:
        value = super().construct_scalar(node)
        value.encode()
        return value


def parse_yaml(text: str, name: str) -> Any:
    """Return the value of a YAML text that others may have written.

    Args:
        text: The text.
        name: What it is, for the sentence.

    Raises:
        InputError: When it is not YAML, is nested too deeply, has an alias, or has a number, date or
            character that is none.
    """
    try:
        return yaml.load(text, _Loader)
    except _AliasError as error:
        raise InputError(f"{name} has an alias (line {error}); write its values out in its place.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
        raise InputError(f"{name} is not YAML{where}; see its quotes, brackets and spaces there.") from None
    except RecursionError:
        raise InputError(f"{name} is nested too deeply; a recipe has a few levels.") from None
    except UnicodeEncodeError:
        raise InputError(f"{name} has half a character (a lone surrogate) in its text.") from None
    except ValueError:
        raise InputError(f"{name} has a number with too many digits or a date that is none.") from None


def _validated(content: dict[str, Any], overrides: Mapping[str, Any], name: str) -> Recipe:
    before = _recipe_of(content, name) if overrides else None
    known = [] if before is None else _keys(before)
    whole = {} if before is None else before.model_dump(mode="json")
    content = deepcopy(content)
    for key, value in overrides.items():
        _set(content, key, value, whole, known)
    return _recipe_of(content, name, known, list(overrides))


def _recipe_of(
    content: dict[str, Any], name: str, known: Sequence[str] = (), given: Sequence[str] = ()
) -> Recipe:
    """Return the recipe of a content.

    Args:
        content: Tables, lists and values.
        name: What it is, for the sentence.
        known: The keys there are; all keys of all recipes when left out.
        given: The keys that were set.

    Raises:
        InputError: When it is none.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        unknown = unknown_place(error, content, Recipe)
        if unknown is None:
            raise InputError(f"{name} can't be used: {explain(error, Recipe)}.") from None
        place, beside = unknown
        set_by = next((key for key in given if f"{key}.".startswith(f"{place}.")), None)
        where = "" if set_by else f"{name} can't be used: "
        raise InputError(f"{where}{_no_key(set_by or place, [*beside, *(known or _all_keys())])}") from None


def _no_key(key: str, known: Sequence[str]) -> str:
    """Return the sentence about a key that there is not."""
    meant = did_you_mean(key, known)
    return (
        f"{key} is no key of the recipe{f'; {meant}' if meant else '.'} oscine recipes NAME lists the keys "
        "of a recipe."
    )


def _keys(recipe: Recipe) -> list[str]:
    """Return the keys of a recipe, those of whole tables and lists as well."""
    from oscine.models.recipe_keys import recipe_keys

    found: dict[str, None] = {}
    for key in recipe_keys(recipe):
        steps = key.key.split(".")
        found |= {".".join(steps[:end]): None for end in range(1, len(steps) + 1)}
    return list(found)


def _all_keys() -> list[str]:
    """Return the keys of all recipes."""
    from oscine.models.recipe_keys import key_tables

    return [f"{one.path}.{key.key}".strip(".") for one in key_tables() for key in one.keys]


def _text(name: str | Path) -> str:
    if str(name) in list_recipes():
        return (_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.exists():
        return read_text(path)
    nearest = get_close_matches(str(name), list_recipes(), n=1)
    raise InputError(
        f"There is no recipe {name}{f'; the nearest is {nearest[0]}' if nearest else ''}; there are "
        f"{', '.join(list_recipes())}, or give the path of a YAML file."
    )


def _set(content: dict[str, Any], key: str, value: Any, whole: Any, known: Sequence[str]) -> None:
    """Set the value behind a dotted key; an entry of a list goes by its number, its name or its kind.

    Args:
        content: The content to change.
        key: Dotted.
        value: Of the key.
        whole: The same recipe with every default, for the lists that the content leaves out.
        known: The keys there are.

    Raises:
        InputError: When there is no such entry, or something on the way has no entries.
    """
    *parents, last = key.split(".")
    inside: Any = content
    for parent in parents:
        step = parent if isinstance(inside, dict) else _entry(inside, parent, key, known)
        whole = _behind(whole, step)
        if isinstance(inside, dict) and inside.get(parent) is None:
            inside[parent] = deepcopy(whole) if isinstance(whole, list) else {}
        inside = inside[step]
    inside[last if isinstance(inside, dict) else _entry(inside, last, key, known)] = value


def _behind(value: Any, step: str | int) -> Any:
    """Return what is behind a key of a table or a number of a list; None where nothing is."""
    if isinstance(value, dict):
        return value.get(step)
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None


def _entry(entries: Any, name: str, key: str, known: Sequence[str]) -> int:
    """Return the number of a list's entry.

    Raises:
        InputError: When there is none.
    """
    names = entry_names(entries) if isinstance(entries, list) else []
    if name in names:
        return names.index(name)
    if name in (numbers := [str(number) for number in range(len(names))]):
        return numbers.index(name)
    raise InputError(_no_key(key, known))
