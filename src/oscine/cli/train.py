"""`oscine train`: from a dataset to an instrument."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from oscine.cli.cluster import ClusterOption, cluster_of
from oscine.cli.completion import instrument_names, recipe_names
from oscine.cli.progress import ProgressOption, messages, training_progress, write_json
from oscine.plural import counted

if TYPE_CHECKING:
    from rich.console import Console

    from oscine.training import TrainResult

Minutes = Annotated[
    float | None, typer.Option(help="Length of the run; by default ten minutes, or that of the resumed run.")
]
Steps = Annotated[int | None, typer.Option(help="Length of the run in steps.")]
Device = Annotated[str, typer.Option(metavar="cpu|cuda|auto", help="Where to compute.")]
Verifying = Annotated[
    Literal["none", "sizes", "all"] | None,
    typer.Option(
        help="Compare the dataset with its manifest: not at all, by sizes, or by every byte. If left out: "
        "every byte up to 4 GB, and sizes beyond.",
        show_default=False,
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in the folder.")]

#: The exit code that a shell reports of a process that SIGTERM ended.
TERMINATED = 128 + 15


def train(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="A folder from `oscine prepare`.")],
    instrument: Annotated[Path, typer.Argument(metavar="INSTRUMENT", help="The folder to write.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="A name from `oscine recipes` or a YAML file. If left out: `default`, or `dry` for "
            "recordings without reverberation, or the resumed run's.",
            show_default=False,
            autocompletion=recipe_names,
        ),
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="INSTRUMENT",
            help="Start from a trained instrument, a folder or a hub id, in place of a recipe.",
            autocompletion=instrument_names,
        ),
    ] = None,
    minutes: Minutes = None,
    steps: Steps = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a value of the recipe: training.batch_size=4."
        ),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            metavar="LICENCE", help="Licence of the recordings, for the model card, such as cc-by-4.0."
        ),
    ] = None,
    credit: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who played or sang, for the model card.")
    ] = None,
    consent: Annotated[
        str | None,
        typer.Option(
            metavar="SENTENCE",
            help="For a voice: the consent, for the model card; `yes` writes the usual sentence.",
        ),
    ] = None,
    device: Device = "auto",
    resume: Resume = False,
    progress: ProgressOption = None,
    verify: Verifying = None,
    cluster: ClusterOption = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Number of processes on the cluster; by default one per GPU, or one per core without one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train an instrument; Ctrl-C ends the training early and keeps the best instrument."""
    from oscine import kernels
    from oscine.errors import InputError
    from oscine.models.card import consent_of, rights_of
    from oscine.training import train as run
    from oscine.training.cluster import train_on_cluster

    console = messages(progress)
    kernels.chosen()  # a form that there is not is refused before anything is read
    given: dict[str, Any] = {
        "recipe": recipe,
        "start_from": start_from,
        "minutes": minutes,
        "steps": steps,
        "overrides": overrides(settings or []),
        "card": rights_of(licence=licence, credit=credit, consent=consent_of(consent)),
        "device": device,
        "resume": resume,
        "verify": verify,
    }
    if workers is not None and cluster is None:
        raise InputError("--workers is the number of processes on a cluster; give it with --cluster.")
    with cluster_of(cluster) as machines:
        if machines is None:
            result = run(dataset, instrument, **given, console=console, progress=training_progress(progress))
        else:
            result = train_on_cluster(
                machines,
                dataset,
                instrument,
                **given,
                n_workers=workers,
                on_message=partial(console.print, markup=False, highlight=False, soft_wrap=True),
                on_facts=write_json if progress == "json" else None,
            )
    finish(result, console, f"oscine train {dataset} {instrument}")


def finish(result: "TrainResult", console: "Console", command: str) -> None:
    """Say what a run came to, and by which command it goes on; end as the signal that ended it asks for."""
    ending = f"Interrupted; continue with: {command} --resume. "
    skipped = f", {result.skipped_steps} of them skipped" if result.skipped_steps else ""
    console.print(
        f"{ending if result.interrupted else ''}{result.folder}: {counted(result.steps, 'step')}{skipped} in "
        f"{result.minutes:.1f} minutes, validation loss {result.validation_loss:.3f}. "
        f"Curves: tensorboard --logdir {result.folder / 'training'}",
        soft_wrap=True,
    )
    if result.terminated:
        raise typer.Exit(TERMINATED)


def overrides(settings: list[str]) -> dict[str, Any]:
    """Return the values of options ``--set KEY=VALUE``, by key.

    Raises:
        InputError: When one is not of that form.
    """
    from oscine.errors import InputError
    from oscine.models.recipes import parse_yaml

    values = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not (key and equals and value):
            raise InputError(f"--set {setting} is not KEY=VALUE, such as training.batch_size=4.")
        values[key] = parse_yaml(value, f"The value of --set {key}")
    return values
