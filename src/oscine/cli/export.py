"""``oscine export``: an instrument for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.completion import instrument_names
from oscine.cli.progress import ProgressOption
from oscine.cli.progress import progress as shown
from oscine.cli.terminal import terminal


def export(
    instrument: Annotated[
        str,
        typer.Argument(
            metavar="INSTRUMENT",
            help="See `oscine instruments`; or a folder, a hub id.",
            autocompletion=instrument_names,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="A .oscine, .syx or .wav file; of other formats, a new folder.",
        ),
    ],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="oscine, c, web, clap, vst3, lv2, pd, onnx, nn, neutone, syx or wavetable; see "
            "docs/how-to/outlets.md.",
        ),
    ] = "oscine",
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="float32|float16|int8",
            help="float16 halves the size, and is the default where there is a choice; int8 quarters the "
            "network and costs some quality.",
        ),
    ] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Leave out the effects, such as reverb.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
    progress: ProgressOption = None,
) -> None:
    """Write an instrument for other programs: a file, source, a web page, plug-ins, a patch or graphs.

    The report has the files, their size, the difference from the sound of the instrument, and the share of
    one core that playing takes on this machine.
    """
    from oscine.errors import InputError
    from oscine.export import FORMATS, WEIGHTS
    from oscine.export import export as write
    from oscine.transfer import load

    if form not in FORMATS:
        raise InputError(f"--format is '{form}'; give one of {', '.join(FORMATS)}.")
    if weights is not None and weights not in WEIGHTS:
        raise InputError(f"--weights is '{weights}'; give one of {', '.join(WEIGHTS)}.")
    with shown(f"loading {instrument}", progress, quiet=as_json) as tell_share:
        loaded = load(instrument)
        tell_share(doing=f"writing {form}")
        report = write(loaded, output, form, weights=weights, dry=dry)
    if as_json:
        typer.echo(report.model_dump_json())
        return
    console = terminal()
    for name, size in report.files.items():
        console.print(f"{name}: {size / 1000:.1f} kB", soft_wrap=True)
    if report.inputs:
        rates = f"{report.sample_rate} Hz, {report.hop_length} samples a frame"
        console.print(f"{rates}, inputs {', '.join(report.inputs)}", soft_wrap=True)
    if report.difference is not None and report.load is not None:
        console.print(
            f"Within {report.difference:.1e} of the instrument's peak; {report.load:.1%} of one core.",
            soft_wrap=True,
        )
    elif report.inputs:
        console.print("Not measured: there is no compiled runtime here.", soft_wrap=True)
    if report.note:
        console.print(report.note, soft_wrap=True)
    for what, said in (("Licence", report.licence), ("Credit", report.credit)):
        console.print(f"{what}: {said or 'not stated'}", soft_wrap=True)
