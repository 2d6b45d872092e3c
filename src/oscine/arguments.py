"""The arguments of public functions: one of a wrong type is a sentence, whatever it would break inside."""

import functools
import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

import numpy as np

from oscine.errors import InputError

Function = TypeVar("Function", bound=Callable[..., Any])

_WORDS: dict[Any, str] = {
    str: "a text",
    Path: "a path",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    NoneType: "None",
    tuple: "(samples, sample_rate)",
    Mapping: "a mapping",
    Sequence: "a sequence",
    Callable: "a function",
}


def checked(function: Function) -> Function:
    """Return a function that refuses arguments of another type than it declares.

    Numbers of numpy count as Python's, and become such. What a value may be within its type, such as the
    range of a number, is the function's own to check; so are types in quotes and those that are no class.

    Args:
        function: With annotations.

    Raises:
        InputError: When it is called with such an argument, with its name.

    Examples:
        >>> @checked
        ... def double(number: int) -> int:
        ...     return 2 * number
        >>> double("2")
        Traceback (most recent call last):
        oscine.errors.InputError: number is '2'; give a whole number.
    """
    signature = inspect.signature(function)
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            parameter = signature.parameters[name]
            if parameter.kind not in several:
                _check(name, value, list(_members(parameter.annotation)))
                bound.arguments[name] = value.item() if isinstance(value, np.generic) else value
        return function(*bound.args, **bound.kwargs)

    return cast("Function", call)


def _check(name: str, value: Any, kinds: list[Any]) -> None:
    if not any(_fits(value, kind) for kind in kinds):
        plain = isinstance(value, str | Real | None) and len(repr(value)) < 80
        told = repr(value) if plain else f"of type {type(value).__name__}"
        raise InputError(f"{name} is {told}; give {_words(kinds)}.")
    if Path in kinds and isinstance(value, str) and not value:  # as a path it would be the current folder
        raise InputError(f"{name} is empty; give {_words(kinds)}.")
    if Path in kinds and isinstance(value, str | os.PathLike) and "\0" in os.fspath(value):
        raise InputError(f"{name} holds a null character, which no name of a file has; check it.")


def _members(annotation: Any) -> Iterator[Any]:
    """Yield the types of a union, and the type itself of any other annotation."""
    if get_origin(annotation) in (Union, UnionType):
        for one in get_args(annotation):
            yield from _members(one)
    else:
        yield None.__class__ if annotation is None else annotation


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return any(type(value) is type(one) and value == one for one in get_args(kind))
    kind = get_origin(kind) or kind
    if kind is Path:
        return isinstance(value, os.PathLike)
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if kind in (int, float):
        return isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    return isinstance(value, kind) if isinstance(kind, type) and kind is not inspect.Parameter.empty else True


def _words(kinds: list[Any]) -> str:
    """Return what may be given."""
    words: list[str] = []
    for kind in kinds:
        if get_origin(kind) is Literal:
            words += [repr(one) for one in get_args(kind)]
        else:
            words.append(_word(get_origin(kind) or kind))
    if {"a text", "a path"} <= set(words):
        words = [one if one != "a text" else "a name" for one in words]
    if "a number" in words:
        words = [one for one in words if one != "a whole number"]
    words = list(dict.fromkeys(words))
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _word(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, np.integer | np.floating):
        kind = int if issubclass(kind, np.integer) else float
    if kind in _WORDS:
        return _WORDS[kind]
    name = kind.__name__
    if name.endswith("s"):
        return name
    return f"{'an' if name[0] in 'AEIOUaeiou' or name.startswith('F0') else 'a'} {name}"
