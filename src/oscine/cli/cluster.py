"""The option ``--cluster [ADDRESS]`` of the commands that can work on many machines."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from oscine.cluster import Cluster

_OPTION, _AUTO = "--cluster", "auto"

ClusterOption = Annotated[
    str | None,
    typer.Option(
        _OPTION,
        metavar="[ADDRESS]",
        help="Work on a Ray cluster: the one of this environment, this machine, or at ray://host:10001.",
        show_default=False,
    ),
]


def with_addresses(arguments: Sequence[str]) -> list[str]:
    """Return a command line in which every ``--cluster`` has an address.

    Alone it would take the next argument, such as a folder, for one.
    """
    if _OPTION not in arguments:
        return list(arguments)
    from oscine.cluster import is_address

    complete: list[str] = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if argument == _OPTION:
            argument = f"{_OPTION}={left.pop(0) if left and is_address(left[0]) else _AUTO}"
        complete.append(argument)
        if argument == "--":
            return complete + left
    return complete


def cluster_of(address: str | None) -> "AbstractContextManager[Cluster | None]":
    """Return a context with the cluster that was asked for; None where none was."""
    if address is None:
        return nullcontext()
    from oscine.cluster import connected

    return connected(address)
