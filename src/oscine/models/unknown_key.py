"""The sentence about a key that no recipe has, with the nearest one."""

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from oscine.explain import kinds_at

_MOST_NAMED = 3
#: Of spelling, 0 to 1: among the keys at the same place, and among all.
_NEAR, _NEAR_ELSEWHERE = 0.55, 0.75


def entry_names(entries: list[Any]) -> list[str]:
    """Return what the entries of a list in a recipe are called: by their name, or else their kind."""
    return [str(one.get("name") or one.get("kind")) if isinstance(one, dict) else "" for one in entries]


def unknown_place(
    error: ValidationError, content: Any, model: type[BaseModel]
) -> tuple[str, list[str]] | None:
    """Return the first key of a content that its model does not know, and the keys that may stand there.

    Args:
        error: The error of pydantic.
        content: The content to validate: tables, lists and values.
        model: By what.

    Returns:
        The keys as ``--set`` takes them: a part of a list goes by its name or kind. None where the error is
        another.
    """
    found = error.errors(include_url=False)[0]
    if found["type"] != "extra_forbidden":
        return None
    *above, _ = place = found["loc"]
    parent = _dotted(above, content)
    names = [name for kind in kinds_at(model, above) for name in kind.model_fields]
    return _dotted(place, content), [f"{parent}.{name}".strip(".") for name in names]


def _dotted(place: Sequence[str | int], content: Any) -> str:
    steps: list[str] = []
    inside, rest = content, list(place)
    while rest:
        step = rest.pop(0)
        if isinstance(step, int) and isinstance(inside, list):
            names = entry_names(inside)
            steps.append(names[step] if names[step] and names.index(names[step]) == step else str(step))
            inside = inside[step]
            if rest and isinstance(inside, dict) and rest[0] == inside.get("kind"):
                rest.pop(0)  # pydantic names the member of the union as well
        else:
            steps.append(str(step))
            inside = inside.get(step) if isinstance(inside, dict) else None
    return ".".join(steps)


def did_you_mean(key: str, known: Sequence[str]) -> str:
    """Return the question which key was meant; empty where no key is near.

    Args:
        key: The given key.
        known: The keys there are, dotted.

    Examples:
        >>> did_you_mean("batch", ["training.batch_size", "training.crop_s"])
        'did you mean training.batch_size?'
    """
    meant = _meant(key, known)
    return f"did you mean {' or '.join(meant)}?" if meant else ""


def _meant(key: str, known: Sequence[str]) -> list[str]:
    """Return the keys that are nearest, the nearest first."""
    parent, _, last = key.rpartition(".")
    beside = [one for one in known if one.rpartition(".")[0] == parent]
    elsewhere = [one for one in known if _last(one) == last]
    if elsewhere and not parent:
        return elsewhere[:_MOST_NAMED]
    for candidates in (
        _near(last, beside, _NEAR),
        _like(key, elsewhere),
        _near(last, known, _NEAR_ELSEWHERE),
    ):
        if candidates:
            return candidates[:1] if parent else candidates[:_MOST_NAMED]
    return difflib.get_close_matches(key, known, n=1)


def _near(name: str, keys: Sequence[str], least: float) -> list[str]:
    """Return the keys whose last part is spelled nearly so, begins so, or has these initials."""
    scored = [(_nearness(name, _last(one)), one) for one in keys]
    best = max((score for score, _ in scored), default=0.0)
    return [one for score, one in scored if score == best] if best >= least else []


def _nearness(given: str, name: str) -> float:
    given, name = given.lower().replace("-", "_"), name.lower()
    if given == name:
        return 2.0
    initials = "".join(word[0] for word in name.split("_") if word)
    begins = len(given) >= 3 and (name.startswith(given) or given.startswith(name))
    is_part = len(given) >= 3 and given in name.split("_")
    if begins or is_part or (len(given) >= 2 and given == initials):
        return 1.0 + difflib.SequenceMatcher(None, given, name).ratio() / 2
    return difflib.SequenceMatcher(None, given, name).ratio()


def _like(key: str, keys: Sequence[str]) -> list[str]:
    """Return the keys, the likest first."""
    return sorted(keys, key=lambda one: -difflib.SequenceMatcher(None, key, one).ratio())


def _last(key: str) -> str:
    return key.rpartition(".")[2]
