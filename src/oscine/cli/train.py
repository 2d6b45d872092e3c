"""`oscine train`: from a dataset to an instrument."""

from pathlib import Path
from typing import Annotated, Any

import typer

from oscine.cli.terminal import terminal


def train(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="What `oscine prepare` made.")],
    instrument: Annotated[Path, typer.Argument(metavar="INSTRUMENT", help="The folder to write.")],
    recipe: Annotated[str, typer.Option(help="A name from `oscine recipes`, or a YAML file.")] = "default",
    minutes: Annotated[
        float | None,
        typer.Option(help="Length of the run; when nothing is given ten minutes, or, resumed, what it was."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Length of the run in steps.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe: training.batch_size=4."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
) -> None:
    """Train an instrument; Ctrl-C ends early and keeps what was learned."""
    from oscine import kernels
    from oscine.training import train as run

    console = terminal(stderr=True)
    kernels.chosen()  # a form that there is not is refused before anything is read
    result = run(
        dataset,
        instrument,
        recipe=recipe,
        minutes=minutes,
        steps=steps,
        overrides=_overrides(settings or []),
        resume=resume,
        console=console,
    )
    ending = "Interrupted; go on with --resume. " if result.interrupted else ""
    skipped = f", {result.skipped_steps} of them skipped" if result.skipped_steps else ""
    console.print(
        f"{ending}{result.folder}: {result.steps} steps{skipped} in {result.minutes:.1f} minutes, "
        f"held-out spectral loss {result.held_out_loss:.3f}. "
        f"Curves: tensorboard --logdir {result.folder / 'training'}",
        soft_wrap=True,
    )


def _overrides(settings: list[str]) -> dict[str, Any]:
    import yaml

    from oscine.errors import InputError

    overrides = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not (key and equals and value):
            raise InputError(f"--set {setting} is not KEY=VALUE, such as training.batch_size=4")
        try:
            overrides[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"--set {setting}: the value is not a number, a word or a list") from None
    return overrides
