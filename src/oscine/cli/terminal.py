"""The console that commands print to."""

from rich.console import Console


def terminal(*, stderr: bool = False) -> Console:
    """Return a console that shows text as it is: file names are not read as styles, numbers or emoji."""
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)
