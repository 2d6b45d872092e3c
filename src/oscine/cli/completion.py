"""Names that a shell completes by value: recipes, and instruments in the package or in folders.

They are found without PyTorch, which takes longer to import than a user waits for a key.
"""

from pathlib import Path

import oscine
from oscine import instruments

_RECIPES = Path(oscine.__file__).parent / "recipes"


def recipe_names(incomplete: str) -> list[str]:
    """Return the recipes whose names begin so."""
    return sorted(one.stem for one in _RECIPES.glob("*.yaml") if one.stem.startswith(incomplete))


def instrument_names(incomplete: str) -> list[str]:
    """Return the instruments whose names begin so, and the folders of trained ones whose paths do."""
    names = [name for name in instruments.names() if name.startswith(incomplete)]
    return names + _folders(incomplete)


def _folders(incomplete: str) -> list[str]:
    """Return the folders of trained instruments whose paths begin so."""
    parent, _, start = incomplete.rpartition("/")
    above = Path(f"{parent}/") if "/" in incomplete else Path()
    try:
        inside = sorted(one for one in above.iterdir() if one.name.startswith(start) and one.is_dir())
    except OSError:
        return []
    typed = incomplete[: len(incomplete) - len(start)]
    return [f"{typed}{one.name}" for one in inside if (one / "config.json").is_file()]
