"""`oscine recipes`: the instruments that can be trained, and what can be set of each."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscine.cli.completion import recipe_names
from oscine.cli.terminal import terminal

if TYPE_CHECKING:
    from oscine.models.recipe_keys import Key


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Show this recipe's keys: a name of the list, or a YAML file.",
            autocompletion=recipe_names,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")] = False,
) -> None:
    """List the recipes: name, number of parameters (without the impulse response), GPU and purpose.

    With NAME, show the keys of one recipe, each with its value, unit, default and a sentence; how long it
    trains; and whether a GPU is needed. oscine train DATASET INSTRUMENT --set KEY=VALUE changes a key.
    """
    from oscine.models import Instrument, list_recipes, load_recipe
    from oscine.models.recipe_cost import training_cost
    from oscine.models.recipe_keys import recipe_keys

    def row(one: str) -> dict[str, Any]:
        recipe, cost = load_recipe(one), training_cost(one)
        return {
            "name": recipe.name,
            "n_parameters": Instrument(recipe.instrument).n_parameters,
            "description": recipe.description,
            "training": None if cost is None else cost.model_dump(),
        }

    if name is not None:
        recipe, cost = row(name), training_cost(name)
        keys = recipe_keys(load_recipe(name))
        if as_json:
            told = {**recipe, "keys": [key.model_dump() for key in keys]}
            typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
            return
        _show(recipe, keys, _unmeasured(name) if cost is None else cost.sentence())
        return
    rows = [row(one) for one in list_recipes()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    from rich.table import Table

    table = Table("recipe", "parameters", "GPU", "purpose", box=None)
    for one in rows:
        gpu = "" if one["training"] is None else one["training"]["gpu"]
        table.add_row(one["name"], f"{one['n_parameters']:,}", gpu, one["description"])
    terminal().print(table)
    terminal().print("oscine recipes NAME shows the keys of one, with their units and defaults.")


def _unmeasured(name: str) -> str:
    return f"The time of a step of {name} is not measured; oscine train shows it after the first steps."


def _show(recipe: dict[str, Any], keys: "list[Key]", cost: str) -> None:
    console = terminal()
    console.print(recipe["name"], style="bold", soft_wrap=True)
    console.print(recipe["description"])
    console.print(f"{recipe['n_parameters']:,} parameters, without the impulse response.")
    console.print(cost)
    console.print()
    for key in keys:
        if key.key in ("name", "description"):
            continue
        facts = []
        if key.value != key.default:
            facts.append("must be given" if key.required else f"default {_shown(key.default)}")
        facts += [key.bounds] if key.bounds else []
        unit = f" {key.unit}" if key.unit and key.value is not None else ""
        beside = f"  ({'; '.join(facts)})" if facts else ""
        console.print(f"{key.key} = {_shown(key.value)}{unit}{beside}", style="bold", soft_wrap=True)
        console.print(f"    {key.kind}. {key.about}", soft_wrap=True)


def _shown(value: Any) -> str:
    """Return a value as ``--set`` takes it."""
    return json.dumps(value, ensure_ascii=False).strip('"')
