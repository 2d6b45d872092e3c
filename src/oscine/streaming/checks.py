"""Checks of what a module is made with."""

import math
from typing import Any


def require_count(name: str, value: Any, at_least: int = 1) -> None:
    """Refuse what is not a number of things.

    Args:
        name: Of the argument, for the message.
        value: The given value.
        at_least: The smallest number allowed.

    Raises:
        ValueError: When it is not a whole number, or below ``at_least``.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise ValueError(f"{name} is {value!r}; give a whole number of at least {at_least}.")


def require_finite(name: str, value: Any) -> None:
    """Refuse what is not a finite number.

    Raises:
        ValueError: When it is not.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; give a finite number.")


def require_seed(seed: Any) -> None:
    """Refuse what is not a seed.

    Raises:
        ValueError: When it is not a whole number, or has more than 64 bits, its sign among them.
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or not -(1 << 63) <= seed < 1 << 63:
        raise ValueError(f"seed is {seed!r}; give a whole number of at most 63 bits.")
