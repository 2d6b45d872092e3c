"""``oscine distill``: from a trained instrument to a smaller one."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.completion import instrument_names, recipe_names
from oscine.cli.progress import ProgressOption, messages, training_progress
from oscine.cli.train import Device, Minutes, Resume, Steps, finish, overrides


def distill(
    teacher: Annotated[
        str,
        typer.Argument(
            metavar="TEACHER",
            help="See `oscine instruments`; or a folder, a hub id.",
            autocompletion=instrument_names,
        ),
    ],
    student: Annotated[Path, typer.Argument(metavar="STUDENT", help="The folder to write.")],
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="A folder from `oscine prepare`, at the teacher's rate.")
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="The student's: `student10`, `student100`, another name from `oscine recipes` or a YAML "
            "file; `student10`, or the resumed run's, if left out.",
            show_default=False,
            autocompletion=recipe_names,
        ),
    ] = None,
    minutes: Minutes = None,
    steps: Steps = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a value of the recipe: distillation.sound_share=1."
        ),
    ] = None,
    device: Device = "auto",
    resume: Resume = False,
    progress: ProgressOption = None,
) -> None:
    """Train a small instrument (the student) to sound like a trained one (the teacher).

    The student's sound is compared with the teacher's and with the recordings, its controls with the
    teacher's. It begins with the teacher's effects, such as reverb. Ctrl-C ends the training early and keeps
    the best student.
    """
    from oscine import kernels
    from oscine.training import distill as run

    console = messages(progress)
    kernels.chosen()  # a form that there is not is refused before anything is read
    result = run(
        teacher,
        student,
        dataset,
        recipe=recipe,
        minutes=minutes,
        steps=steps,
        overrides=overrides(settings or []),
        device=device,
        resume=resume,
        console=console,
        progress=training_progress(progress),
    )
    finish(result, console, f"oscine distill {teacher} {student} {dataset}")
