"""``oscine convert``: a recording in the manner of another voice."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.terminal import tell, terminal


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
    transpose: Annotated[
        str | None,
        typer.Option(
            metavar="SEMITONES",
            help="For singing: move the pitch by so many semitones, or by the octaves nearest to the target "
            "('octaves'), instead of giving it the target's mean and spread.",
        ),
    ] = None,
    content: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="MODEL",
            help="Choose the target's envelopes by content: the folder of a HuBERT, ContentVec or WavLM "
            "model; or a .npy file of features for INPUT, then one for each TARGET.",
        ),
    ] = None,
    trained: Annotated[
        bool, typer.Option("--trained", help="Use the trained network in the package; the result has 16 kHz.")
    ] = False,
    layer: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of the model: whose output is used; its last by default."),
    ] = None,
    content_rate: Annotated[
        float | None,
        typer.Option(metavar="HZ", help="Frames a second of the .npy files; found if left out."),
    ] = None,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
) -> None:
    """Give a recording the pitch and timbre of another voice; nothing is trained.

    The words and their timing stay. Half a minute of the target is enough, with --content some minutes; what
    it says does not matter. The output has the lowest sample rate of all recordings, as 24-bit PCM. Use
    only voices whose owners agree.
    """
    from rich.progress import Progress

    from oscine.threads import one_thread
    from oscine.voices import convert_voice_file
    from oscine.voices.content import content_of
    from oscine.voices.converter import built_in_converter
    from oscine.voices.pitch import transposition

    with one_thread(), Progress(console=terminal(stderr=True), transient=True, disable=as_json) as progress:
        bar = progress.add_task("converting", total=1.0)
        report = convert_voice_file(
            recording,
            like,
            output,
            strength=strength,
            transpose=None if transpose is None else transposition(transpose),
            content=content_of(content, [recording, *like], layer, content_rate) if content else None,
            converter=built_in_converter() if trained else None,
            tracker=tracker,
            on_progress=lambda share: progress.update(bar, completed=share),
        )
    if as_json:
        typer.echo(report.model_dump_json())
        return
    before, after = report.f0_hz
    tell(
        f"{output}: {report.seconds:.1f} s at {report.sample_rate} Hz, {before:.0f} → {after:.0f} Hz, like "
        f"{report.target_s:.0f} s of the target; peak {report.peak:.2f}, "
        f"{report.real_time_factor:.2f} × real time",
        report.remarks,
    )
