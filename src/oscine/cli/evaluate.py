"""``oscine evaluate``: the metrics of the paper, on held-out audio."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.completion import instrument_names
from oscine.cli.progress import ProgressOption
from oscine.cli.progress import progress as shown
from oscine.cli.terminal import tell, terminal
from oscine.cli.train import Verifying
from oscine.files import printable


def evaluate(
    instrument: Annotated[
        str,
        typer.Argument(
            metavar="INSTRUMENT",
            help="See `oscine instruments`; or a folder, a hub id.",
            autocompletion=instrument_names,
        ),
    ],
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="A folder from `oscine prepare`.")],
    baselines: Annotated[
        bool,
        typer.Option("--baselines/--no-baselines", help="Measure the baselines and the noise floor, too."),
    ] = True,
    oracle: Annotated[
        bool,
        typer.Option(
            "--oracle",
            help="Fit the controls to the recording, too, for the bound of the synthesiser. Takes minutes.",
        ),
    ] = False,
    verify: Verifying = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON value.")] = False,
    page: Annotated[
        Path | None, typer.Option(metavar="OUT.html", help="Write a web page with sounds and plots.")
    ] = None,
    progress: ProgressOption = None,
) -> None:
    """Measure an instrument on the held-out part of a dataset, beside two baselines and the noise floor.

    The figures are loudness error, f0 error and f0 outliers by the paper's definitions, multi-scale spectral
    loss, mel-cepstral distortion, size and speed; and audible differences: how often a classifier
    distinguishes half a second from the recording, log-mel distance, spectrum, movement of partials, attacks.
    The baselines are the same synthesisers without a network, and the recording's harmonics, resynthesised;
    the noise floor is the instrument against itself with other noise. With --oracle, the same synthesisers
    are fitted to the first 60 s of the recording by gradient descent: this is the smallest distance that they
    can reach.
    """
    from oscine.audio.output import check_output
    from oscine.data import Dataset
    from oscine.evaluation import Excerpts, evaluation_page
    from oscine.evaluation import evaluate as measure
    from oscine.threads import one_thread
    from oscine.transfer import load

    if page is not None:
        check_output(page, None, (".html", ".htm"))
    excerpts = Excerpts()
    with one_thread(), shown("evaluating", progress, quiet=as_json) as tell_share:
        evaluation = measure(
            load(instrument),
            Dataset.open(dataset, verify),
            baselines=baselines,
            oracle=oracle,
            on_comparison=excerpts if page is not None else None,
            on_progress=tell_share,
        )
    if as_json:
        typer.echo(evaluation.model_dump_json())
    else:
        _show(evaluation)
    if page is not None:  # behind the figures, which took minutes: the disk may refuse it
        title = f"Evaluation of {printable(Path(instrument).name)}"
        evaluation_page(evaluation, excerpts.kept, title).write(page)
        if not as_json:
            tell(f"Page with sounds and plots: {page}")


def _show(evaluation: object) -> None:
    from rich.table import Table
    from rich.text import Text

    from oscine.evaluation.evaluation import Evaluation
    from oscine.evaluation.report import (
        BOLD,
        best_of_rows,
        best_of_sound_rows,
        facts,
        header,
        rows,
        sound_header,
        sound_rows,
    )

    assert isinstance(evaluation, Evaluation)
    console = terminal()
    tables = (
        (header(evaluation), rows(evaluation), best_of_rows(evaluation)),
        (sound_header(evaluation), sound_rows(evaluation), best_of_sound_rows(evaluation)),
    )
    for names, lines, best in tables:
        table = Table(box=None, header_style="dim")
        for i, name in enumerate(names):
            table.add_column(name, justify="left" if i == 0 else "right")
        for row, bold in zip(lines, best, strict=True):
            table.add_row(*(Text(cell, "bold" if i in bold else "") for i, cell in enumerate(row)))
        console.print(table)
        console.print()
    console.print(BOLD, soft_wrap=True)
    for sentence in facts(evaluation):
        console.print(sentence, soft_wrap=True)
