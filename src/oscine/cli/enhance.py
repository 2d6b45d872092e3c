"""``oscine enhance``: speech without its noise."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.terminal import terminal


def enhance(
    recording: Annotated[Path, typer.Argument(metavar="INPUT", help="An audio file with speech in noise.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A .wav or .flac file.")],
    model: Annotated[
        Path | None,
        typer.Option("--with", metavar="MODEL", help="A trained enhancer; the package's if left out."),
    ] = None,
    resynthesis: Annotated[
        bool, typer.Option("--resynthesis", help="Make the speech anew instead of filtering the noisy sound.")
    ] = False,
    tracker: Annotated[
        str,
        typer.Option(metavar="NAME", help="Of a resynthesis's pitch: swift-f0, crepe, yin, pyin or live."),
    ] = "swift-f0",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
) -> None:
    """Remove the noise from a recording of speech.

    A network estimates a mask, which filters the noisy sound, and the envelope of the clean speech, from
    which the speech can be synthesised again. The output is as long as the input, at 16 kHz, as 24-bit PCM.
    """
    from rich.progress import Progress

    from oscine import weights
    from oscine.cli.threads import one_thread
    from oscine.voices import Enhancer, enhance_file

    with one_thread(), Progress(console=terminal(stderr=True), transient=True, disable=as_json) as progress:
        bar = progress.add_task("enhancing", total=1.0)
        report = enhance_file(
            recording,
            output,
            Enhancer.load(model or weights.path("enhancer")),
            resynthesis=resynthesis,
            tracker=tracker,
            on_progress=lambda share: progress.update(bar, completed=share),
        )
    if as_json:
        typer.echo(report.model_dump_json())
        return
    console = terminal()
    console.print(
        f"{output}: {report.seconds:.1f} s at {report.sample_rate} Hz, "
        f"{'made anew' if report.resynthesis else 'masked'}; peak {report.peak:.2f}, "
        f"{report.real_time_factor:.2f} × real time",
        soft_wrap=True,
    )
    for remark in report.remarks:
        console.print(f"  {remark}", soft_wrap=True)
