"""Trained networks with free licences that live in the package.

``ATTRIBUTION.md`` beside them says whose each is, its licence and how it was converted.
"""

from pathlib import Path

from oscine.errors import InputError

__all__ = ["attribution", "names", "path"]

_HERE = Path(__file__).parent
_NAMES = ("crepe_tiny", "live_pitch", "enhancer", "envelope_flow", "converter")
_FILES = {name: f"{name}.safetensors" for name in _NAMES}


def names() -> list[str]:
    """Return the names that :func:`path` knows."""
    return list(_FILES)


def path(name: str) -> Path:
    """Return the safetensors file of a network's weights.

    Args:
        name: ``crepe_tiny`` (the pitch tracker CREPE in its smallest size), ``live_pitch`` (the tracker
            for live playing), ``enhancer`` (speech enhancement), ``envelope_flow`` (envelopes of coded
            voices) or ``converter`` (voice conversion).

    Raises:
        InputError: When there are no weights of that name.

    Examples:
        >>> from oscine import weights
        >>> weights.path("crepe_tiny").name
        'crepe_tiny.safetensors'
    """
    if name not in _FILES:
        raise InputError(f"There are no weights {name!r} in the package; choose one of {', '.join(_FILES)}.")
    return _HERE / _FILES[name]


def attribution() -> str:
    """Return whose the weights are and under which licences, as Markdown."""
    return (_HERE / "ATTRIBUTION.md").read_text(encoding="utf-8")
