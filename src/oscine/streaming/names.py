"""Names: of parts, which PyTorch keeps under one roof with a module's methods, and of arguments."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn


def is_part_name(name: str) -> bool:
    """Return whether a module can hold a part of this name.

    It cannot where the name is empty, has a dot, or is an attribute of every module, such as ``values``,
    ``type`` or ``training``: PyTorch then raises a KeyError.

    Examples:
        >>> is_part_name("reed"), is_part_name("values")
        (True, False)
    """
    return bool(name) and "." not in name and not hasattr(nn.ModuleDict(), name)


def by_name(
    names: Sequence[str], values: tuple[Any, ...], named: Mapping[str, Any], optional: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the arguments of a call by name.

    Args:
        names: Of the arguments, in their order.
        values: Those given by position, or all of them as one mapping.
        named: Those given by name.
        optional: Further names that may be given by name.

    Raises:
        ValueError: When one is missing, given twice or unknown, or there are too many.

    Examples:
        >>> by_name(["f0_hz", "loudness_db"], (440.0,), {"loudness_db": -20.0})
        {'f0_hz': 440.0, 'loudness_db': -20.0}
    """
    there = f"the arguments are {', '.join(names)}"
    if len(values) == 1 and isinstance(values[0], Mapping):
        if twice := [name for name in named if name in values[0]]:
            raise ValueError(f"{', '.join(twice)}: given twice; {there}.")
        values, named = (), {**values[0], **named}
    if len(values) > len(names):
        raise ValueError(f"{len(values)} arguments were given; {there}.")
    given = dict(zip(names, values, strict=False))
    twice = [name for name in named if name in given]
    unknown = [name for name in named if name not in names and name not in optional]
    missing = [name for name in names if name not in given and name not in named]
    for what, wrong in (("given twice", twice), ("unknown", unknown), ("missing", missing)):
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: {what}; {there}.")
    return {**given, **named}
