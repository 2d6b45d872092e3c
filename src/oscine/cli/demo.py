"""``oscine demo``: the whole loop on the recordings in the package."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.progress import ProgressOption, messages, training_progress
from oscine.cli.terminal import tell


def demo(
    minutes: Annotated[float, typer.Option(min=0.01, help="Length of the training.")] = 3.0,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder for all results.")] = Path("demo"),
    steps: Annotated[int | None, typer.Option(min=1, help="Length in steps, in place of --minutes.")] = None,
    progress: ProgressOption = None,
) -> None:
    """Train a violin, transfer singing to it, evaluate it, and write a page with sounds and pictures.

    If you run it again, it continues: a finished training is not repeated.
    """
    from oscine.cli.demonstration import demonstrate

    page = demonstrate(
        out,
        minutes=minutes,
        steps=steps,
        console=messages(progress),
        progress=training_progress(progress),
    )
    tell(f"Listen and look: {page.resolve()}")
