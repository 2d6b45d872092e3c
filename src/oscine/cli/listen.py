"""``oscine listen``: a listening test as a web page, and what the listeners' answers say."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscine.cli.terminal import terminal

if TYPE_CHECKING:
    from oscine.evaluation.listening import Report

listen = typer.Typer(
    help="Make a listening test as a web page, and analyse the answers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@listen.command()
def make(
    reference: Annotated[
        Path, typer.Option(metavar="PATH", help="The reference: a file, or a folder of several sounds.")
    ],
    system: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=PATH",
            help="A system to judge: a file or folder, like --reference; sounds are paired by file name.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A new folder.")],
    method: Annotated[
        str,
        typer.Option(
            metavar="mushra|mos|abx",
            help="Side by side from 0 to 100; one at a time on five points; or whether X is A or B.",
        ),
    ] = "mushra",
    anchor: Annotated[
        list[int] | None,
        typer.Option(
            metavar="HZ",
            help="Add the reference, low-passed, to the sounds; 3500 by default for mushra. May be repeated.",
        ),
    ] = None,
    training: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A sound that is used only in the training page; by default the first one."
        ),
    ] = None,
    repeats: Annotated[int, typer.Option(metavar="N", help="How often abx asks about each pair.")] = 4,
    title: Annotated[str, typer.Option(metavar="TEXT", help="Title of the page.")] = "Listening test",
    contact: Annotated[
        str, typer.Option(metavar="TEXT", help="A sentence at the end: where to send the answers.")
    ] = "",
    seed: Annotated[int, typer.Option(metavar="N", help="Seed for the names of the sounds on the page.")] = 0,
) -> None:
    """Write a listening test: a folder for any static host, and OUT.key.json, which stays with you.

    The systems get the loudness of the reference. Each listener gets a different order, and saves the
    answers as a file at the end.
    """
    from oscine.errors import InputError
    from oscine.evaluation.listening import METHODS, Method, make_test

    chosen: Method | None = next((one for one in METHODS if one == method), None)
    if chosen is None:
        raise InputError(f"--method is '{method}'; give one of {', '.join(METHODS)}.")
    systems: dict[str, Path] = {}
    for one in system:
        name, equals, place = one.partition("=")
        if not equals or not name or not place:
            raise InputError(f"--system {one}: write NAME=PATH, such as ours=renders.")
        if name in systems:
            raise InputError(f"--system gives {name} twice; give each a name of its own.")
        systems[name] = Path(place)
    made = make_test(
        output,
        reference,
        systems,
        method=chosen,
        anchors_hz=anchor or None,
        training=training,
        repeats=repeats,
        title=title,
        contact=contact,
        seed=seed,
    )
    console = terminal()
    key = made.key
    console.print(
        f"{made.page}: the page, {made.size / 1e6:.1f} MB, {len(key.tested)} items, {made.seconds:.0f} s of "
        f"sound at {key.sample_rate} Hz. Publish this folder, or open its index.html.",
        soft_wrap=True,
    )
    for name in systems:
        gains = [item.gains_db[name] for item in key.items.values()]
        console.print(
            f"{name}: {min(gains):+.1f} to {max(gains):+.1f} dB, to the reference's loudness", soft_wrap=True
        )
    console.print(f"{made.key_path}: what the page's names stand for. Keep it.", soft_wrap=True)


@listen.command()
def results(
    key: Annotated[Path, typer.Argument(metavar="KEY", help="The file OUT.key.json.")],
    answers: Annotated[
        list[Path], typer.Argument(metavar="RESULT", help="The listeners' files, or folders of them.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the analysis as one JSON value.")] = False,
) -> None:
    """Analyse the answers: means and medians with 95 % intervals and tests, or how often X was identified."""
    from oscine.evaluation.listening import analyze_results

    report = analyze_results(key, answers)
    if as_json:
        typer.echo(report.model_dump_json())
        return
    _show(report)


def _show(report: "Report") -> None:
    from rich.table import Table

    from oscine.evaluation.listening.report import sentences, tables

    console = terminal()
    for title, header, rows in tables(report):
        console.print(title, style="bold", soft_wrap=True)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for i, name in enumerate(header):
            table.add_column(name, justify="left" if i == 0 else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for sentence in sentences(report):
        console.print(sentence, soft_wrap=True)
