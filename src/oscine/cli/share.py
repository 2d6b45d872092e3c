"""``oscine share``: an instrument for others, with its licence and credit."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.terminal import terminal


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
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
) -> None:
    """Write an instrument into a zip file, or upload it to the Hugging Face hub.

    An instrument contains the sound of its player or singer: share it only if they agree, under the
    licence of the recordings.
    """
    from oscine.models.sharing import share as give
    from oscine.transfer import load

    give(load(instrument), place, licence=licence, credit=credit, private=private)
    address = Path(place).absolute() if place.lower().endswith(".zip") else f"https://huggingface.co/{place}"
    terminal().print(f"{address}", soft_wrap=True)
