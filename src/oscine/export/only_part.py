"""The one part of an instrument that a preset of another synthesiser is made from."""

from collections.abc import Iterator
from typing import Any, TypeVar

from oscine.errors import InputError
from oscine.models import Instrument
from oscine.processors import Chain, Processor, Sum

Part = TypeVar("Part", bound=Processor[Any])


def only_part(instrument: Instrument, kind: type[Part], noun: str, form: str) -> tuple[str, Part]:
    """Return the name and the part of a synth that is of a kind, wherever in it the part is.

    Args:
        instrument: Its synth is searched; effects have no source.
        kind: Class of the part.
        noun: The noun for the part in a sentence.
        form: The format that needs it.

    Raises:
        InputError: When there is none, or more than one.
    """
    found = [(name, part) for name, part in _parts(instrument.synth) if isinstance(part, kind)]
    if not found:
        raise InputError(f"The instrument has no {noun}, which the format {form} is made from.")
    if len(found) > 1:
        names = ", ".join(name for name, _ in found)
        raise InputError(f"The instrument has more than one {noun} ({names}); the format {form} holds one.")
    return found[0]


def _parts(whole: Sum | Chain, prefix: str = "") -> Iterator[tuple[str, Processor[Any]]]:
    for name, part in whole:
        yield prefix + name, part
        if isinstance(part, Sum | Chain):
            yield from _parts(part, f"{prefix}{name}.")
