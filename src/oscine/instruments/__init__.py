"""Trained instruments with free licences that live in the package.

Each is the folder of a saved instrument with a sound beside it. Its model card, ``README.md``, says what it
was trained on, who played, under which licence, how good it is, and by which command it was made.
"""

from difflib import get_close_matches
from pathlib import Path

from oscine.errors import InputError

__all__ = ["attribution", "choices", "names", "path"]

_HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the names that `path` knows, in the order of the alphabet."""
    return sorted(config.parent.name for config in _HERE.glob("*/config.json"))


def path(name: str) -> Path:
    """Return the folder of an instrument; ``oscine.load(name)`` loads it.

    Args:
        name: One of `names`.

    Raises:
        InputError: When there is no instrument of that name in the package.

    Examples:
        >>> from oscine import instruments
        >>> instruments.path("violin").name
        'violin'
    """
    if name not in names():
        raise InputError(f"There is no instrument '{name[:80]}' in the package; {choices(name)}.")
    return _HERE / name


def attribution() -> str:
    """Return whose recordings the instruments learned from and under which licences, as Markdown."""
    return (_HERE / "ATTRIBUTION.md").read_text(encoding="utf-8")


def choices(name: str) -> str:
    """Return the end of a sentence about a name that is none: the nearest one, and all that there are."""
    nearest = get_close_matches(name.lower(), names(), n=1)
    return f"{f'the nearest is {nearest[0]}; ' if nearest else ''}there are {', '.join(names())}"
