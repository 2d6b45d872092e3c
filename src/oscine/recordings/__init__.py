"""Short recordings with free licences that live in the package: for the demo, the tests and a first try.

``ATTRIBUTION.md`` beside them says who played, where each comes from, its licence and what was edited.
"""

from pathlib import Path

from oscine.errors import InputError

__all__ = ["CREDITS", "attribution", "names", "path"]

_HERE = Path(__file__).parent
#: Who made the recordings, a sentence each: show them with whatever is made from the recordings.
CREDITS = (
    (
        "Violin: John Garner plays J. S. Bach, Partita No. 1 in B minor, BWV 1002, from the Bach Violin "
        "Dataset, https://github.com/salu133445/bach-violin-dataset; CC BY 3.0, cut and resampled to 16 kHz."
    ),
    (
        "Singing: vocadito, song 1 (Bittner and others, 2021), https://arxiv.org/abs/2110.05580; CC BY 4.0, "
        "cut and resampled to 24 kHz."
    ),
    (
        "Trumpet: Mihai Sorohan (sorohanro), https://freesound.org/people/sorohanro/sounds/77711/; "
        "CC BY 3.0, resampled to 24 kHz."
    ),
)
_PLACES = {"violin": "violin", "singing": "singing.flac", "trumpet": "trumpet.flac"}


def names() -> list[str]:
    """Return the names that :func:`path` knows."""
    return list(_PLACES)


def path(name: str) -> Path:
    """Return where a recording is: a folder of FLAC files for ``violin``, a FLAC file for the others.

    Args:
        name: ``violin`` (3.3 minutes of one player, 16 kHz), ``singing`` (a melody of 19 s, 24 kHz) or
            ``trumpet`` (a phrase of 5 s, 24 kHz).

    Raises:
        InputError: When there is no recording of that name.

    Examples:
        >>> from oscine import recordings
        >>> recordings.path("singing").name
        'singing.flac'
    """
    if name not in _PLACES:
        raise InputError(
            f"There is no recording {name!r} in the package; choose one of {', '.join(_PLACES)}."
        )
    return _HERE / _PLACES[name]


def attribution() -> str:
    """Return who made the recordings and under which licences, as Markdown."""
    return (_HERE / "ATTRIBUTION.md").read_text(encoding="utf-8")
