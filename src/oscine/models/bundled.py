"""The instruments in the package, and what a user wants to know of each before playing it."""

from pydantic import BaseModel, ConfigDict, Field

from oscine import instruments
from oscine.models.saved import read_config


class BundledInstrument(BaseModel):
    """One instrument in the package."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    description: str = Field(description="What it is, in a sentence.")
    identities: tuple[str, ...] = Field(description="Names of the instruments in it, where it has several.")
    lowest_midi: float = Field(description="1st percentile of the pitches that it learned from.")
    highest_midi: float = Field(description="99th percentile of them.")
    sample_rate: int = Field(description="Hz.")
    n_bytes: int = Field(description="Of its folder, the sound included.")
    licence: str = Field(description="An identifier of the Hugging Face hub, such as cc-by-4.0.")
    credit: str = Field(description="The credit that published sounds must name.")


def list_instruments() -> list[BundledInstrument]:
    """Return the instruments in the package, in the order of their names.

    Examples:
        >>> [one.name for one in list_instruments()]  # doctest: +SKIP
        ['alto-saxophone', 'flute', 'sung-vowel', 'trumpet', 'violin', 'violin-16k']
    """
    return [_described(name) for name in instruments.names()]


def _described(name: str) -> BundledInstrument:
    folder = instruments.path(name)
    saved = read_config(folder)
    pitches = [0.0, 127.0] if saved.statistics is None else saved.statistics.pitch_midi_quantiles[1:-1]
    return BundledInstrument(
        name=name,
        description=str(saved.card.get("description", "")),
        identities=saved.instrument.identities,
        lowest_midi=pitches[0],
        highest_midi=pitches[-1],
        sample_rate=saved.instrument.sample_rate,
        n_bytes=sum(file.stat().st_size for file in folder.iterdir()),
        licence=str(saved.card.get("licence", "")),
        credit=str(saved.card.get("credit", "")),
    )
