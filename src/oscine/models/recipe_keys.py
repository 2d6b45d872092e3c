"""The keys of a recipe as data: of each its unit, its default, its bounds, and a sentence."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from oscine.explain import is_model, members
from oscine.models.recipes import Recipe

_KINDS = {bool: "true or false", int: "whole number", float: "number", str: "text", tuple: "list"}
#: By the end of a key's name; the first one that fits.
_UNITS = {
    "_db_per_octave": "dB per octave",
    "_db": "dB",
    "_hz": "Hz",
    "_s": "s",
    "_rate": "Hz",
    "_semitones": "semitones",
    "_frames": "frames",
    "_steps": "steps",
    "_share": "share of 1",
    "_weight": "weight",
    "ratio": "factor",
    "ratios": "factors",
}
#: A sentence that begins so names the unit: "Channels of each layer."
_COUNTED = ("channels", "frames", "samples", "steps", "crops", "taps")
_NO_UNIT = ("learning_rate",)
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "multiple_of": "a multiple of"}
_LENGTHS = {"min_length": "at least", "max_length": "at most"}


class Key(BaseModel):
    """One key of a recipe."""

    key: str
    """Dotted, as ``--set`` takes it, such as ``training.crop_s``; in a table, the last part of that."""
    kind: str
    """Its kind: ``whole number``, ``number``, ``text``, ``true or false``, the words allowed …"""
    unit: str
    """Of its value; empty where there is none."""
    default: Any
    """Its value where a recipe leaves it out; None where it may be left out or must be given."""
    required: bool
    """Whether each recipe has to give it."""
    bounds: str
    """The allowed values, in words; empty where there is no bound."""
    about: str
    """Its meaning, in a sentence or two."""
    value: Any = None
    """In the recipe that was asked about; None in a table."""


class KeyTable(BaseModel):
    """The keys of one part of a recipe."""

    title: str
    """Where they stand: ``training``, or ``harmonic`` for a part of that kind."""
    place: str
    """The place in a recipe: ``training``, ``instrument.synth`` …; empty for the top."""
    path: str
    """The path before a key for ``--set``: ``training``, ``instrument.synth.harmonic``."""
    about: str
    """The meaning of this part of the recipe, in a sentence."""
    keys: list[Key]


def key_tables() -> list[KeyTable]:
    """Return all keys of all recipes, one table for each part of a recipe and each kind of it.

    A kind that may stand at several places, such as a filter among the synthesisers or the effects, is listed
    once, at the first of them.

    Examples:
        >>> training = next(one for one in key_tables() if one.title == "training")
        >>> crop = next(key for key in training.keys if key.key == "crop_s")
        >>> crop.unit, crop.default, crop.bounds
        ('s', 1.0, 'above 0, at most 600')
    """
    tables: dict[type[BaseModel], KeyTable] = {}

    def walk(model: type[BaseModel], place: str) -> None:
        if model in tables:
            return
        kind = _kind_of(model)
        title = kind or place or "recipe"
        keys = [_key(model, name, field, name) for name, field in model.model_fields.items()]
        path = f"{place}.{kind}" if kind else place
        tables[model] = KeyTable(title=title, place=place, path=path, about=_summary(model), keys=keys)
        for name, field in model.model_fields.items():
            for inner in _models(field.annotation):
                walk(inner, f"{path}.{name}".strip("."))

    walk(Recipe, "")
    return list(tables.values())


def recipe_keys(recipe: Recipe) -> list[Key]:
    """Return the keys of one recipe with their values; a part in a list goes by its name or kind.

    Examples:
        >>> from oscine.models import load_recipe
        >>> keys = {one.key: one for one in recipe_keys(load_recipe("tiny"))}
        >>> keys["instrument.synth.harmonic.n_harmonics"].value
        100
    """
    return list(_of_value(recipe, ""))


def _of_value(model: BaseModel, place: str) -> Iterator[Key]:
    for name, field in type(model).model_fields.items():
        value, key = getattr(model, name), f"{place}{name}"
        if isinstance(value, BaseModel):
            yield from _of_value(value, f"{key}.")
        elif isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value):
            named = [
                str(getattr(one, "name", None) or getattr(one, "kind", i)) for i, one in enumerate(value)
            ]
            for i, one in enumerate(value):
                # Of two that are called the same, --set takes the first one by name and each by its number.
                step = named[i] if named.index(named[i]) == i else str(i)
                yield from _of_value(one, f"{key}.{step}.")
        else:
            yield _key(type(model), name, field, key).model_copy(update={"value": _plain(value)})


def _key(model: type[BaseModel], name: str, field: FieldInfo, key: str) -> Key:
    default = None if field.is_required() else _plain(field.get_default(call_default_factory=True))
    about = attribute_docs(model).get(name) or (_summary(model) if name == "kind" else "")
    return Key(
        key=key,
        kind=_kind(field.annotation),
        unit=_unit(name, field.annotation, about),
        default=default,
        required=field.is_required(),
        bounds=_bounds(field),
        about=about,
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON and YAML write it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _kind(annotation: Any) -> str:
    found: list[str] = []
    for one in _with_none(annotation):
        if one is NoneType:
            found.append("null")
        elif is_model(one):
            found.append(str(_kind_of(one) or "keys and values"))
        elif get_origin(one) is Literal:
            found += [json.dumps(word, ensure_ascii=False).strip('"') for word in get_args(one)]
        elif get_origin(one) is tuple:
            found.append(f"list of: {_kind(get_args(one)[0])}")
        else:
            found.append(_KINDS.get(one, str(one)))
    return ", ".join(dict.fromkeys(found))


def _with_none(annotation: Any) -> Iterator[Any]:
    yield from members(annotation)
    if NoneType in get_args(annotation):
        yield NoneType


def _unit(name: str, annotation: Any, about: str) -> str:
    if name in _NO_UNIT or not {int, float} & set(_numbers(annotation)):
        return ""
    first = about.split(" ", maxsplit=1)[0].lower()
    if first in _COUNTED:
        return first
    found = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    return found or ("count" if name.startswith("n_") or about.startswith("Number of") else "")


def _numbers(annotation: Any) -> Iterator[Any]:
    """Yield the types of a value, or of a list's entries."""
    for one in members(annotation):
        yield from _numbers(get_args(one)[0]) if get_origin(one) is tuple else (one,)


def _bounds(field: FieldInfo) -> str:
    said = []
    for bound in field.metadata:
        for name, words in _BOUNDS.items():
            if (limit := getattr(bound, name, None)) is not None:
                said.append(f"{words} {limit if isinstance(limit, int) else f'{limit:g}'}")
        for name, words in _LENGTHS.items():
            if (length := getattr(bound, name, None)) is not None:
                said.append(f"{words} {length} {'entry' if length == 1 else 'entries'}")
    return ", ".join(said)


def _kind_of(model: type[BaseModel]) -> str | None:
    """Return the one kind that a model of a union stands for."""
    kind = model.model_fields.get("kind")
    values = get_args(kind.annotation) if kind is not None else ()
    return str(values[0]) if len(values) == 1 else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for one in members(annotation):
        if is_model(one):
            yield one
        else:
            for argument in get_args(one):
                if argument is not Ellipsis and not isinstance(argument, str | int):
                    yield from _models(argument)


def _summary(model: type[BaseModel]) -> str:
    return _text((inspect.getdoc(model) or "").split("\n\n")[0])


@cache
def attribute_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return the sentences below a config's fields, by field; those of its bases as well."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if not owner.__module__.startswith("oscine."):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(tree, ast.ClassDef)
        for field, below in zip(tree.body, tree.body[1:], strict=False):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = _text(text)
    return found


def _text(docstring: str) -> str:
    """Return a docstring as one line without the marks of code."""
    return " ".join(docstring.split()).replace("``", "").replace("`", "")
