"""`oscine instruments`: the trained instruments in the package."""

import json
from typing import Annotated

import typer

from oscine.cli.terminal import terminal


def instruments(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")] = False,
) -> None:
    """List the instruments in the package: name, what it is, range, rate, size, licence and credit.

    Commands that take an INSTRUMENT take these names; a folder of the same name has precedence.
    """
    from rich.table import Table

    from oscine.models import list_instruments
    from oscine.note_names import note_name

    listed = list_instruments()
    if as_json:
        typer.echo(json.dumps([one.model_dump() for one in listed], indent=2, ensure_ascii=False))
        return
    table = Table("instrument", "range", "Hz", "MB", "licence", box=None)
    table.add_column("what it is, and whom to credit", overflow="fold")
    for one in listed:
        names = f"\nidentities: {', '.join(one.identities)}" if one.identities else ""
        table.add_row(
            one.name,
            f"{note_name(round(one.lowest_midi))} to {note_name(round(one.highest_midi))}",
            f"{one.sample_rate:,}",
            f"{one.n_bytes / 1e6:.1f}",
            one.licence,
            f"{one.description}{names}\n{one.credit}",
        )
    terminal().print(table)
