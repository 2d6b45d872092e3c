"""``oscine share``: an instrument for others, with its licence and credit."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.terminal import tell


def share(
    instrument: Annotated[
        str, typer.Argument(metavar="INSTRUMENT", help="A folder; or see `oscine instruments`.")
    ],
    place: Annotated[
        str,
        typer.Argument(metavar="OUT.zip|OWNER/NAME", help="A zip file, or a name on the hub."),
    ],
    licence: Annotated[
        str | None,
        typer.Option(
            metavar="LICENCE",
            help="Licence of the recordings, such as cc-by-4.0; needed if the card has none.",
        ),
    ] = None,
    credit: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who played or sang; needed if the card does not say.")
    ] = None,
    consent: Annotated[
        str | None,
        typer.Option(
            metavar="SENTENCE",
            help="For a voice: the consent; `yes` writes the usual sentence.",
        ),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
) -> None:
    """Write an instrument into a zip file, or upload it to the Hugging Face hub.

    An instrument contains the sound of its player or singer: share it only if they agree, under the
    licence of the recordings. --consent writes that they do into the model card; nothing checks it.
    """
    from oscine.models.card import consent_of
    from oscine.models.sharing import share as give
    from oscine.transfer import load

    loaded = load(instrument)
    agreed = consent_of(consent)
    give(loaded, place, licence=licence, credit=credit, consent=agreed, private=private)
    address = Path(place).absolute() if place.lower().endswith(".zip") else f"https://huggingface.co/{place}"
    remarks = []
    if not (agreed or loaded.card.get("consent")):
        remarks.append(
            "The card does not record the consent of the player or singer; for a voice, add --consent."
        )
    tell(f"{address}", remarks)
