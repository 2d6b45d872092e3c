"""``oscine render``: a MIDI file or a file of curves, played by trained instruments."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from oscine.cli.terminal import tell, terminal

if TYPE_CHECKING:
    from oscine.models import Instrument
    from oscine.performance import Expression


def render(
    song: Annotated[
        Path,
        typer.Argument(metavar="SONG", help="A MIDI file, or a .csv of f0_hz, loudness_db and other curves."),
    ],
    to: Annotated[
        list[str],
        typer.Option(
            "--to",
            metavar="INSTRUMENT",
            help="See `oscine instruments`; or a folder, a hub id. N=INSTRUMENT for channel N; repeat it.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="A .wav, .flac or .mp3 file.")
    ],
    voices: Annotated[
        str, typer.Option(metavar="auto|N", help="Notes together; auto: as in the song; 1: tied notes.")
    ] = "auto",
    octave: Annotated[int, typer.Option(metavar="N", help="Octaves to add.")] = 0,
    dry: Annotated[bool, typer.Option("--dry", help="Leave out the effects, such as reverb.")] = False,
    identity: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which one plays, if several were learned.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="How notes are played, such as vibrato_cents=20."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="cpu|cuda|auto", help="Where to compute.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
) -> None:
    """Play a MIDI file with instruments: keys, velocities, pedal, bend, pressure, controllers 1, 7, 11, 74.

    A file of curves (.csv) is played by one instrument: a header of time_s and the names of its inputs, then
    lines of numbers.

    The output has the instruments' sample rate (the highest one if they differ), as 24-bit PCM. If it would
    clip, its level is reduced as a whole.
    """
    from rich.progress import Progress

    from oscine.performance import RenderOptions, render_file
    from oscine.threads import one_thread

    if song.suffix.lower() == ".csv":
        defaults = voices == "auto" and octave == 0 and not settings
        _render_curves(song, to, output, dry, identity, device, as_json, defaults)
        return
    options = RenderOptions(_expression(settings or []), _voices(voices), octave, dry, identity=identity)
    with one_thread(), Progress(console=terminal(stderr=True), transient=True, disable=as_json) as progress:
        bar = progress.add_task("playing", total=1.0)
        report = render_file(
            song,
            _instruments(to, device),
            output,
            options,
            on_progress=lambda share: progress.update(bar, completed=share),
        )
    if as_json:
        typer.echo(report.model_dump_json())
        return
    from oscine.plural import counted

    parts = (
        f"channel {', '.join(map(str, part.channels))}: {counted(part.notes, 'note')}, "
        f"{counted(part.voices, 'voice')}"
        for part in report.parts
    )
    tell(
        f"{output}: {report.seconds:.1f} s at {report.sample_rate} Hz; peak {report.peak:.2f}, "
        f"{report.real_time_factor:.2f} × real time",
        (*parts, *report.remarks),
    )


def _render_curves(
    curves: Path,
    to: list[str],
    output: Path,
    dry: bool,
    identity: str | None,
    device: str,
    as_json: bool,
    has_defaults: bool,
) -> None:
    from rich.progress import Progress

    from oscine.errors import InputError
    from oscine.performance import render_curves_file
    from oscine.threads import one_thread
    from oscine.transfer import load

    if not has_defaults:
        raise InputError(
            f"{curves.name} holds curves and no notes; remove --voices, --octave and --set; edit the file."
        )
    if len(to) != 1:
        raise InputError(f"{curves.name} holds the curves of one instrument; give --to once.")
    with one_thread(), Progress(console=terminal(stderr=True), transient=True, disable=as_json) as progress:
        bar = progress.add_task("playing", total=1.0)
        report = render_curves_file(
            curves,
            load(to[0], device=device),
            output,
            dry=dry,
            identity=identity,
            on_progress=lambda share: progress.update(bar, completed=share),
        )
    if as_json:
        typer.echo(report.model_dump_json())
        return
    console = terminal()
    console.print(
        f"{output}: {report.seconds:.1f} s at {report.sample_rate} Hz; peak {report.peak:.2f}, "
        f"{report.real_time_factor:.2f} × real time",
        soft_wrap=True,
    )
    if report.means:
        console.print(f"  not in the file, so at their mean: {', '.join(report.means)}", soft_wrap=True)
    if report.scaled_db < 0:
        console.print(
            f"  {output} would clip, so its level was reduced by {-report.scaled_db:.1f} dB.", soft_wrap=True
        )


def _voices(text: str) -> Literal["auto"] | int:
    from oscine.errors import InputError

    if text == "auto":
        return "auto"
    if text.isdecimal() and len(text) <= 2:
        return int(text)
    raise InputError(f"--voices is '{text[:20]}'; give 'auto' or a whole number such as 4.")


def _instruments(to: list[str], device: str) -> "dict[int | None, Instrument]":
    """Return who plays each channel; None for all others.

    Raises:
        InputError: When a channel is named twice or is no channel, or there is no such instrument.
    """
    from oscine.errors import InputError
    from oscine.transfer import load

    named: dict[int | None, str] = {}
    for text in to:
        number, _, name = text.partition("=")
        is_named = bool(name) and number.isdecimal()
        channel = int(number) if is_named and len(number) <= 2 else 0
        if is_named and (not 1 <= channel <= 16 or channel in named):
            raise InputError(f"--to {text[:80]}: give each channel, 1 to 16, one instrument.")
        if not is_named and None in named:
            raise InputError(
                f"--to {text}: {named[None]} plays all channels already; write N={text} for channel N."
            )
        if not text:
            raise InputError("--to is empty; give a name from `oscine instruments`, a folder or a hub id.")
        named[channel if is_named else None] = name if is_named else text
    by_name = {name: load(name, device=device) for name in dict.fromkeys(named.values())}
    return {channel: by_name[name] for channel, name in named.items()}


def _expression(settings: list[str]) -> "Expression":
    """Return how notes are played.

    Raises:
        InputError: When a setting is unknown, or out of its range.
    """
    from pydantic import ValidationError

    from oscine.errors import InputError
    from oscine.explain import explain
    from oscine.performance import Expression

    values = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting}: write NAME=VALUE, such as vibrato_cents=20.")
        if name in values:
            raise InputError(f"--set gives {name} twice; give it once.")
        values[name] = value
    try:
        return Expression.model_validate(values)
    except ValidationError as error:
        raise InputError(f"--set can't be used: {explain(error, Expression)}.") from None
