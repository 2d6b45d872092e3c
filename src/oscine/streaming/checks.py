"""Checks of what a module is made with."""


def require_count(name: str, value: int, at_least: int = 1) -> None:
    """Refuse what is no number of things.

    Args:
        name: Of the argument, for the message.
        value: What was given.
        at_least: The smallest number allowed.

    Raises:
        ValueError: When it is not a whole number, or below ``at_least``.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise ValueError(f"{name} is {value!r}; give a whole number of at least {at_least}.")
