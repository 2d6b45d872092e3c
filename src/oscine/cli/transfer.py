"""``oscine transfer``: a performance, played by a trained instrument."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from oscine.cli.terminal import tell, terminal


def transfer(
    performance: Annotated[
        Path, typer.Argument(metavar="INPUT", help="An audio file, such as a hummed melody.")
    ],
    to: Annotated[
        str,
        typer.Option("--to", metavar="INSTRUMENT", help="See `oscine instruments`; or a folder, a hub id."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="A .wav, .flac or .mp3 file.")
    ],
    octave: Annotated[
        str,
        typer.Option(metavar="auto|N", help="Octave shift; auto: into the instrument's register."),
    ] = "auto",
    loudness: Annotated[
        str,
        typer.Option(metavar="auto|DB", help="dB to add; auto: map to the instrument's dynamics."),
    ] = "auto",
    autotune: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="0: pitch as sung; 1: held tones on the scale."),
    ] = 0.0,
    dry: Annotated[bool, typer.Option("--dry", help="Leave out the effects, such as reverb.")] = False,
    identity: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which one plays, if several were learned.")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="CLIP", help="Sound like this recording, if several were learned (`orchestra`)."
        ),
    ] = None,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    level_passes: Annotated[
        int, typer.Option(min=0, max=8, help="How often the output's loudness is measured and corrected.")
    ] = 2,
    device: Annotated[str, typer.Option(metavar="cpu|cuda|auto", help="Where to compute.")] = "cpu",
    plot: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Plot what was done.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
) -> None:
    """Play a performance with an instrument: pitch and loudness of the input, timbre of the instrument.

    The output is as long as the input and in time with it, at the instrument's sample rate, as 24-bit PCM. If
    it would clip, its level is reduced as a whole. Hours of input need little more memory than minutes.
    """
    from rich.progress import Progress

    from oscine.threads import one_thread
    from oscine.transfer import Options, load, transfer_file

    octaves, shift_db = _whole_or_auto("octave", octave), _number_or_auto("loudness", loudness)
    with one_thread(), Progress(console=terminal(stderr=True), transient=True, disable=as_json) as progress:
        bar = progress.add_task("loading", total=1.0)
        report = transfer_file(
            load(to, device=device),
            performance,
            output,
            Options(
                octaves,
                shift_db,
                autotune,
                dry,
                identity=identity,
                tracker=tracker,
                level_passes=level_passes,
                like=like,
            ),
            plot=plot,
            on_progress=lambda what, share: progress.update(bar, description=what, completed=share),
        )
    if as_json:
        typer.echo(report.model_dump_json())
        return
    how = f"octave {report.octave:+d}, {report.loudness_shift_db:+.1f} dB"
    if report.scale is not None:
        how += f", autotune {report.autotune:g} to {report.scale} ({report.tuning_cents:+.0f} cents)"
    remarks = list(report.remarks)
    if (found := report.imitation) is not None:
        remarks.insert(
            0,
            f"like {found.clip} ({found.seconds:.1f} s): the nearest is {found.nearest}, spectral loss "
            f"{found.nearest_loss:.2f} on the clip; {found.fitted_loss:.2f} with the embedding fitted",
        )
    tell(
        f"{output}: {report.seconds:.1f} s at {report.sample_rate} Hz, {how}; "
        f"peak {report.peak:.2f}, {report.real_time_factor:.2f} × real time",
        remarks,
    )


def _whole_or_auto(option: str, text: str) -> Literal["auto"] | int:
    from oscine.errors import InputError

    if text == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--{option} is '{text}'; give 'auto' or a whole number such as -1.") from None


def _number_or_auto(option: str, text: str) -> Literal["auto"] | float:
    from oscine.errors import InputError

    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--{option} is '{text}'; give 'auto' or a number of dB such as -6.") from None
