"""``oscine enhance``: speech without its noise."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.terminal import tell, terminal


def enhance(
    recording: Annotated[Path, typer.Argument(metavar="INPUT", help="An audio file with speech in noise.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="A .wav, .flac or .mp3 file.")
    ],
    model: Annotated[
        Path | None,
        typer.Option("--with", metavar="MODEL", help="A trained enhancer; the package's if left out."),
    ] = None,
    mask: Annotated[
        bool, typer.Option("--mask", help="Filter the noisy sound instead of making the speech anew.")
    ] = False,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
) -> None:
    """Remove the noise from a recording of speech.

    A network estimates the envelope of the clean speech, and the speech is synthesised again; or its mask
    filters the noisy sound. The output is as long as the input, at 16 kHz, as 24-bit PCM.
    """
    from rich.progress import Progress

    from oscine import weights
    from oscine.threads import one_thread
    from oscine.voices import Enhancer, enhance_file

    with one_thread(), Progress(console=terminal(stderr=True), transient=True, disable=as_json) as progress:
        bar = progress.add_task("enhancing", total=1.0)
        report = enhance_file(
            recording,
            output,
            Enhancer.load(model or weights.path("enhancer")),
            mask=mask,
            tracker=tracker,
            on_progress=lambda share: progress.update(bar, completed=share),
        )
    if as_json:
        typer.echo(report.model_dump_json())
        return
    tell(
        f"{output}: {report.seconds:.1f} s at {report.sample_rate} Hz, "
        f"{'masked' if report.mask else 'made anew'}; peak {report.peak:.2f}, "
        f"{report.real_time_factor:.2f} × real time",
        report.remarks,
    )
