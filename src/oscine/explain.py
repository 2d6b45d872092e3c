"""Errors of a config, in one plain sentence and never in a library's own words."""

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError

_MOST_SHOWN = 60
_WANTED = {
    "bool": "true or false",
    "dict": "keys and values",
    "float": "a number",
    "finite": "a finite number",
    "int": "a whole number",
    "list": "a list",
    "mapping": "keys and values",
    "model": "keys and values",
    "string": "text",
    "tuple": "a list",
    "set": "a list",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "a number of at least"),
    "greater_than": ("gt", "a number above"),
    "less_than_equal": ("le", "a number of at most"),
    "less_than": ("lt", "a number below"),
    "too_long": ("max_length", "a list with a length of at most"),
    "too_short": ("min_length", "a list with a length of at least"),
    "string_too_long": ("max_length", "text with a length of at most"),
    "string_too_short": ("min_length", "text with a length of at least"),
}


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return a sentence about a value that did not validate: the error, and a right value.

    The place is given by dotted keys, in which an entry of a list has its number and, of a union, its kind:
    ``instrument.synth.0.harmonic.n_harmonic``. An unknown key is answered with the keys there are.

    Args:
        error: The error of pydantic; its first finding is explained.
        model: The model to validate.

    Returns:
        A clause without a full stop, to stand behind the name of the file.

    Examples:
        >>> from oscine.models import TrainingConfig
        >>> try:
        ...     TrainingConfig.model_validate({"batch_sise": 4})
        ... except ValidationError as error:
        ...     explain(error, TrainingConfig)[:66]
        'there is no key batch_sise; the nearest is batch_size; there are b'
    """
    return explain_finding(error.errors(include_url=False)[0], model)


def explain_finding(found: Mapping[str, Any], model: type[BaseModel] | None = None) -> str:
    """Return what is wrong and what would be right, of one of the findings in a `ValidationError`.

    Args:
        found: The finding.
        model: The model to validate; the sentence about an unknown key names its keys.
    """
    place, kind, context = found["loc"], found["type"], found.get("ctx", {})
    where, shown = _dotted(place), _shown(found["input"])
    if kind == "extra_forbidden":
        return f"there is no key {where}" if model is None else _unknown_key(place, model)
    if kind in ("missing", "missing_argument"):
        return f"{where} is missing"
    if kind == "union_tag_invalid":
        name, tags = _dotted((*place, _bare(context["discriminator"]))), _quoted(context["expected_tags"])
        return (
            f"{name} is {_shown(context['tag'])}{_nearest(context['tag'], tags)}; give {_listed(tags, 'or')}"
        )
    if kind == "union_tag_not_found":
        return f"{_dotted((*place, _bare(context['discriminator'])))} is missing"
    if kind in ("literal_error", "enum"):
        values = _quoted(context["expected"])
        return f"{where} is {shown}{_nearest(found['input'], values)}; give {_listed(values, 'or')}"
    if kind in ("value_error", "assertion_error"):
        said = str(context.get("error", "it is not allowed")).rstrip(".")
        return f"{where}: {said}" if where else said
    if kind in _BOUNDS:
        key, wanted = _BOUNDS[kind]
        bound = context.get(key, context.get("min_length", context.get("max_length")))
        return f"{where} is {shown}; give {wanted} {bound:g}"
    if kind == "string_pattern_mismatch":
        return f"{where} is {shown}; give letters, digits and underscores in the form {context['pattern']}"
    wanted = "a whole number" if kind == "int_from_float" else _WANTED.get(kind.split("_")[0], "")
    return f"{where or 'it'} is {shown}; give {wanted or 'another value'}"


def _unknown_key(place: Sequence[str | int], model: type[BaseModel]) -> str:
    owners = [kind for kind in kinds_at(model, place[:-1]) if isinstance(kind, type)]
    keys = list(dict.fromkeys(key for owner in owners for key in owner.model_fields))
    return f"there is no key {_dotted(place)}{_nearest(place[-1], keys)}; there are {_listed(keys, 'and')}"


def kinds_at(model: Any, place: Sequence[str | int]) -> list[Any]:
    """Return the models that may stand at a place."""
    kinds = list(members(model))
    for step in place:
        inside = [inner for kind in kinds for inner in _inside(kind, step)]
        # A step that leads nowhere is pydantic's name for a validator: it stands for the value itself.
        kinds = inside or kinds
    return [kind for kind in kinds if is_model(kind)]


def members(kind: Any) -> Iterator[Any]:
    """Yield the types that a type allows, each by itself."""
    if get_origin(kind) is Annotated:
        yield from members(get_args(kind)[0])
    elif get_origin(kind) in (Union, types.UnionType):
        for member in get_args(kind):
            yield from members(member)
    elif isinstance(kind, type) and issubclass(kind, RootModel):
        yield from members(kind.model_fields["root"].annotation)
    elif kind is not type(None):
        yield kind


def _inside(kind: Any, step: str | int) -> Iterator[Any]:
    """Yield the types behind a key, a list's number or, of a union, the name of a member."""
    if is_model(kind):
        if step in kind.model_fields:
            yield from members(kind.model_fields[step].annotation)
        elif step == kind.__name__ or step in _tags(kind):
            yield kind
        return
    origin, arguments = get_origin(kind), get_args(kind)
    if not isinstance(origin, type) or not arguments:
        return
    if issubclass(origin, Mapping):
        yield from members(arguments[1])
    elif issubclass(origin, Sequence) and isinstance(step, int):
        for argument in arguments:
            if argument is not Ellipsis:
                yield from members(argument)


def _tags(kind: type[BaseModel]) -> set[Any]:
    """Return the values of a model's literal fields, one of which tells it from a union's other members."""
    fields = [field.annotation for field in kind.model_fields.values()]
    return {value for field in fields if get_origin(field) is Literal for value in get_args(field)}


def is_model(kind: Any) -> bool:
    """Return whether a type is a config."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _dotted(place: Sequence[str | int]) -> str:
    return ".".join(_cut(str(part)) for part in place)


def _bare(name: str) -> str:
    return name.strip("'")


def _quoted(text: str) -> list[str]:
    """Return the words of pydantic's list, ``'a', 'b' or 'c'``."""
    return [part.strip().strip("'") for part in text.replace(" or ", ", ").split(",")]


def _nearest(given: Any, known: Sequence[str]) -> str:
    found = difflib.get_close_matches(str(given)[:200], known, n=1)
    return f"; the nearest is {found[0]}" if found else ""


def _listed(words: Sequence[str], last: str) -> str:
    if len(words) < 2:
        return words[0] if words else "none"
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _shown(value: Any) -> str:
    """Return a value as it may stand in a sentence, however large it is."""
    if isinstance(value, BaseModel):
        return type(value).__name__
    if isinstance(value, str):
        return f"'{_cut(value)}'" if value else "empty"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a number with very many digits"
    if isinstance(value, Mapping):
        return "a table of keys and values" if value else "empty"
    if isinstance(value, Sequence):
        return f"a list of {len(value)}" if len(value) else "an empty list"
    return _cut("nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value))


def _cut(text: str) -> str:
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
