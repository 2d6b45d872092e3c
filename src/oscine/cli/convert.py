"""``oscine convert``: a recording in the manner of another voice."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.terminal import terminal


def convert(
    recording: Annotated[Path, typer.Argument(metavar="INPUT", help="An audio file with one voice.")],
    like: Annotated[
        list[Path],
        typer.Option(metavar="TARGET", help="A recording of the other voice; may be given several times."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="A .wav, .flac or .mp3 file.")
    ],
    strength: Annotated[
        float, typer.Option(metavar="SHARE", help="From 0, the input's voice, to 1, the target's.")
    ] = 1.0,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
) -> None:
    """Give a recording the pitch and timbre of another voice; nothing is trained.

    The words and their timing stay. Half a minute of the target is enough; what it says does not
    matter. The output has the lowest sample rate of all recordings, as 24-bit PCM. Use only voices whose
    owners agree.
    """
    from rich.progress import Progress

    from oscine.cli.threads import one_thread
    from oscine.voices import convert_voice_file

    with one_thread(), Progress(console=terminal(stderr=True), transient=True, disable=as_json) as progress:
        bar = progress.add_task("converting", total=1.0)
        report = convert_voice_file(
            recording,
            like,
            output,
            strength=strength,
            tracker=tracker,
            on_progress=lambda share: progress.update(bar, completed=share),
        )
    if as_json:
        typer.echo(report.model_dump_json())
        return
    console = terminal()
    before, after = report.f0_hz
    console.print(
        f"{output}: {report.seconds:.1f} s at {report.sample_rate} Hz, {before:.0f} → {after:.0f} Hz, like "
        f"{report.target_s:.0f} s of the target; peak {report.peak:.2f}, "
        f"{report.real_time_factor:.2f} × real time",
        soft_wrap=True,
    )
    for remark in report.remarks:
        console.print(f"  {remark}", soft_wrap=True)
