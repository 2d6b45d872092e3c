"""`oscine recipes`: the instruments that can be trained."""

import json
from typing import Annotated

import typer

from oscine.cli.terminal import terminal


def recipes(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")] = False,
) -> None:
    """List the recipes: name, number of parameters (without the impulse response) and purpose."""
    from rich.table import Table

    from oscine.models import Instrument, list_recipes, load_recipe

    rows = [
        {
            "name": name,
            "n_parameters": Instrument(recipe.instrument).n_parameters,
            "description": recipe.description,
        }
        for name in list_recipes()
        for recipe in [load_recipe(name)]
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table("recipe", "parameters", "purpose", box=None)
    for row in rows:
        table.add_row(row["name"], f"{row['n_parameters']:,}", row["description"])
    terminal().print(table)
