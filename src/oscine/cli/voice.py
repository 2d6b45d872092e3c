"""``oscine voice``: a voice at another pitch, with other formants."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.terminal import tell, terminal


def voice(
    recording: Annotated[
        Path, typer.Argument(metavar="INPUT", help="An audio file with one voice, or an .ovc file.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="A .wav, .flac, .mp3 or .ovc file.")
    ],
    pitch: Annotated[
        float, typer.Option(metavar="SEMITONES", help="Semitones up or down, such as +5 or -3.5.")
    ] = 0.0,
    formant: Annotated[
        float, typer.Option(metavar="FACTOR", help="Factor on the formants: 1.1 a shorter vocal tract.")
    ] = 1.0,
    intonation: Annotated[
        float, typer.Option(metavar="FACTOR", help="Factor on the movement of the pitch: 0 monotonous.")
    ] = 1.0,
    breath: Annotated[
        float, typer.Option(metavar="DB", help="More noise than partials, dB: 60 whispers.")
    ] = 0.0,
    vocoder: Annotated[
        str | None,
        typer.Option(metavar="INSTRUMENT", help="A trained vocoder (recipe voice): a folder or a hub id."),
    ] = None,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    bitrate: Annotated[
        float | None, typer.Option(metavar="KBPS", help="Of an .ovc file, kb/s: 0.6 to 8; 2 is the default.")
    ] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="A network restores the envelope of an .ovc file.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
) -> None:
    """Change the pitch, formants, intonation or breath of a voice; nothing is trained.

    Pitch and spectral envelope are measured and played again: formants stay where they are when the pitch
    moves. Without an option the output is the same voice, synthesised. It is as long as the input, in time
    with it and at its sample rate, as 24-bit PCM. A name that ends in .ovc gets a coded voice of a few kb/s,
    which can be an input later.
    """
    from rich.progress import Progress

    from oscine import weights
    from oscine.threads import one_thread
    from oscine.transfer import load
    from oscine.voices import EnvelopeFlow, VoiceChange, change_voice_file

    change = VoiceChange.make(pitch=pitch, formant=formant, intonation=intonation, breath_db=breath)
    with one_thread(), Progress(console=terminal(stderr=True), transient=True, disable=as_json) as progress:
        bar = progress.add_task("synthesising", total=1.0)
        report = change_voice_file(
            recording,
            output,
            change,
            vocoder=None if vocoder is None else load(vocoder),
            flow=EnvelopeFlow.load(weights.path("envelope_flow")) if restore else None,
            tracker=tracker,
            bitrate=bitrate,
            on_progress=lambda share: progress.update(bar, completed=share),
        )
    if as_json:
        typer.echo(report.model_dump_json())
        return
    before, after = report.f0_hz
    size = f"peak {report.peak:.2f}" if report.bitrate is None else f"{report.bitrate:.2f} kb/s"
    tell(
        f"{output}: {report.seconds:.1f} s at {report.sample_rate} Hz, {before:.0f} → {after:.0f} Hz, "
        f"formants × {report.formant:g}; {size}, {report.real_time_factor:.2f} × real time",
        report.remarks,
    )
