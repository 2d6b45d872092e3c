"""``oscine render``: a MIDI file or a file of curves, played by trained instruments."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from oscine.cli.completion import instrument_names
from oscine.cli.progress import Progress, ProgressOption
from oscine.cli.several import OutputOption, Work, run_each

if TYPE_CHECKING:
    from oscine.models import Instrument
    from oscine.performance import Expression
    from oscine.performance.from_curves import CurvesReport
    from oscine.performance.render import RenderReport


def render(
    songs: Annotated[
        list[Path],
        typer.Argument(
            metavar="SONG",
            help="MIDI files, folders of them, or a .csv of f0_hz, loudness_db and other curves.",
        ),
    ],
    to: Annotated[
        list[str],
        typer.Option(
            "--to",
            metavar="INSTRUMENT",
            help="See `oscine instruments`; or a folder, a hub id. N=INSTRUMENT plays channel N. May be "
            "repeated.",
            autocompletion=instrument_names,
        ),
    ],
    output: OutputOption,
    voices: Annotated[
        str,
        typer.Option(
            metavar="auto|N", help="Most notes at a time; auto: as in the song; 1 ties notes (legato)."
        ),
    ] = "auto",
    octave: Annotated[int, typer.Option(metavar="N", help="Octaves to add.")] = 0,
    dry: Annotated[bool, typer.Option("--dry", help="Leave out the effects, such as reverb.")] = False,
    identity: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the instrument, for a network of several (`orchestra`)."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="How notes are played, such as vibrato_cents=20."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="cpu|cuda|auto", help="Where to compute.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
    progress: ProgressOption = None,
) -> None:
    """Play a MIDI file with instruments: keys, velocities, pedal, bend, pressure, controllers 1, 7, 11, 74.

    A file of curves (.csv) is played by one instrument: a header of time_s and the names of its inputs, then
    lines of numbers.

    The output has the instruments' sample rate (the highest one if they differ), as 24-bit PCM. If it would
    clip, its level is reduced as a whole.
    """
    from oscine.audio.batch import plan_batch
    from oscine.errors import InputError
    from oscine.performance import RenderOptions, render_curves_file, render_file
    from oscine.performance.from_curves import CurvesReport
    from oscine.performance.render import RenderReport

    batch = plan_batch(songs, output, kinds=(".mid", ".midi"))
    options = RenderOptions(_expression(settings or []), _voices(voices), octave, dry, identity=identity)
    is_as_it_is = voices == "auto" and octave == 0 and not settings

    def of_one(source: Path) -> None:
        if len(to) != 1:
            raise InputError(f"{source.name} holds the curves of one instrument; give --to once.")

    def prepare() -> Work[RenderReport | CurvesReport]:
        if all(song.suffix.lower() == ".csv" for song in songs):
            of_one(songs[0])
        players = _instruments(to, device)

        def work(source: Path, path: Path, tell_share: Progress) -> RenderReport | CurvesReport:
            if source.suffix.lower() != ".csv":
                return render_file(source, players, path, options, on_progress=tell_share)
            if not is_as_it_is:
                raise InputError(
                    f"{source.name} holds curves and no notes; remove --voices, --octave and --set; edit the "
                    "file."
                )
            of_one(source)
            (player,) = players.values()
            return render_curves_file(
                source, player, path, dry=dry, identity=identity, on_progress=tell_share
            )

        return work

    run_each(batch, prepare, _said, doing="playing", form=progress, as_json=as_json)


def _said(path: Path, report: "RenderReport | CurvesReport") -> tuple[str, list[str]]:
    from oscine.performance.from_curves import CurvesReport
    from oscine.plural import counted

    sentence = (
        f"{path}: {report.seconds:.1f} s at {report.sample_rate} Hz; peak {report.peak:.2f}, "
        f"{report.real_time_factor:.2f} × real time"
    )
    if isinstance(report, CurvesReport):
        return sentence, report.remarks
    parts = [
        f"channel {', '.join(map(str, part.channels))}: {counted(part.notes, 'note')}, "
        f"{counted(part.voices, 'voice')}"
        for part in report.parts
    ]
    return sentence, [*parts, *report.remarks]


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
