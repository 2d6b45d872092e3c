"""The commands as data: names, arguments, options, defaults and help, for the page that lists them."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typer.models import ArgumentInfo, OptionInfo

_METAVARS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}


class Parameter(BaseModel):
    """An argument or an option of a command."""

    names: list[str]
    """As they are typed: ``-o``, ``--output``; of an argument, what stands for it: ``DATASET``."""
    metavar: str
    """The placeholder of the value; empty for an option that takes none."""
    default: bool | int | float | str | None
    """None where there is none."""
    about: str
    """Its meaning, in a sentence."""
    required: bool
    """Whether the command refuses to run without it."""
    repeated: bool
    """Whether it may be given several times."""
    is_argument: bool
    """Whether it is given by its place, without a name in front."""
    choices: list[str]
    """The words allowed, where there are a few."""


class Command(BaseModel):
    """One command."""

    name: str
    """As it is typed behind ``oscine``: ``train``, ``listen make``."""
    usage: str
    """The whole call: ``oscine train [OPTIONS] DATASET INSTRUMENT``."""
    summary: str
    """The first sentence of its help."""
    about: str
    """Its help, paragraphs with an empty line between them."""
    parameters: list[Parameter]


def command_reference() -> list[Command]:
    """Return every command of ``oscine``, in the order of its help.

    Examples:
        >>> train = next(one for one in command_reference() if one.name == "train")
        >>> train.usage
        'oscine train [OPTIONS] DATASET INSTRUMENT'
    """
    from oscine.cli.listen import listen
    from oscine.cli.main import COMMANDS

    commands = [_command(one.__name__, one) for one in COMMANDS]
    inner = [one.callback for one in listen.registered_commands if one.callback is not None]
    return commands + [_command(f"listen {one.__name__}", one) for one in inner]


def _command(name: str, function: Callable[..., Any]) -> Command:
    parameters = list(_parameters(function))
    arguments = [
        (one.names[0] if one.required else f"[{one.names[0]}]") + ("..." if one.repeated else "")
        for one in parameters
        if one.is_argument
    ]
    paragraphs = [" ".join(one.split()) for one in inspect.cleandoc(function.__doc__ or "").split("\n\n")]
    return Command(
        name=name,
        usage=" ".join(["oscine", name, "[OPTIONS]", *arguments]),
        summary=paragraphs[0],
        about="\n\n".join(paragraphs),
        parameters=parameters,
    )


def _parameters(function: Callable[..., Any]) -> Iterator[Parameter]:
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        annotation, info = _annotated(hints[name])
        is_argument = isinstance(info, ArgumentInfo)
        kinds = [one for one in _types(annotation) if one is not NoneType]
        repeated = get_origin(kinds[0]) is list
        kind = get_args(kinds[0])[0] if repeated else kinds[0]
        choices = [str(word) for word in get_args(kind)] if get_origin(kind) is Literal else []
        metavar = info.metavar or "|".join(choices) or _METAVARS.get(kind, "")
        # In an Annotated, typer takes the first name for the default.
        declared = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
        typed = [one for word in declared for one in word.split("/")]
        default = parameter.default
        required = default is inspect.Parameter.empty
        yield Parameter(
            names=[metavar.strip("[]")] if is_argument else typed or [f"--{name.replace('_', '-')}"],
            metavar=metavar,
            default=None if required else str(default) if isinstance(default, Path) else default,
            about=info.help or "",
            required=required,
            repeated=repeated,
            is_argument=is_argument,
            choices=choices,
        )


def _annotated(hint: Any) -> tuple[Any, ArgumentInfo | OptionInfo]:
    assert get_origin(hint) is Annotated, "every parameter of a command says what it is"
    kind, info = get_args(hint)[:2]
    assert isinstance(info, ArgumentInfo | OptionInfo)
    return kind, info


def _types(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in (Union, UnionType)
    return get_args(annotation) if is_union else (annotation,)
