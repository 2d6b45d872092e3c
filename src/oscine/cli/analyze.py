"""``oscine analyze``: the features of a recording, and whether an instrument can be learned from it."""

from math import ceil, log2
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscine.cli.progress import ProgressOption
from oscine.cli.progress import progress as shown
from oscine.cli.terminal import terminal, to_json
from oscine.note_names import note_name

if TYPE_CHECKING:
    from oscine.analysis import Features
    from oscine.analysis.inspection import Inspection

_BARS = " ▁▂▃▄▅▆▇█"


def analyze(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="FILE_OR_FOLDER", help="Audio files, or folders of them.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.png", help="Plot waveform, pitch and loudness; a folder for several files."
        ),
    ] = None,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    f0: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.csv", help="Write the pitch: seconds, Hz, confidence; a folder for several files."
        ),
    ] = None,
    midi: Annotated[
        Path | None,
        typer.Option(metavar="OUT.mid", help="Write the melody as notes; a folder for several files."),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare all trackers and list where they differ.")
    ] = False,
    progress: ProgressOption = None,
) -> None:
    """Show pitch, loudness and confidence, and whether an instrument can be learned from the recording.

    For a folder or several files, the report has a line for each file and one for all of them. A hum of some
    seconds is too short to learn from, and enough to play with. The plot shows at most the first five
    minutes. A corrected pitch beside a recording, NAME.f0.csv beside NAME.flac, replaces the tracker.
    """
    from oscine.analysis.inspection import inspect_file, summarize
    from oscine.analysis.pitch.trackers import TRACKERS, tracker_named
    from oscine.cli.comparing import compare as show_comparison
    from oscine.errors import InputError

    tracker_named(tracker)
    if compare:
        if any(one is not None for one in (plot, f0, midi)) or tracker != TRACKERS[0]:
            raise InputError(
                "--compare runs all trackers and writes no file; remove --tracker, --plot, --f0 and --midi."
            )
        if len(recordings) > 1:
            raise InputError("--compare takes one file or one folder; give one.")
        show_comparison(recordings[0], progress, as_json)
        return
    paths = _audio_files(recordings)
    written = _outputs(recordings, paths, plot, f0, midi)
    is_one = len(recordings) == 1 and not recordings[0].is_dir()
    rows, said = [], []
    with shown("analysing", progress, quiet=as_json or is_one) as tell_share:
        for number, path in enumerate(paths):
            tell_share(number / len(paths), "analysing" if is_one else f"{number + 1} of {len(paths)}")
            row = inspect_file(path, written["plot"].get(path), tracker)
            said += _write(row.features, *(written[option].get(path) for option in ("plot", "f0", "midi")))
            rows.append(row)
    heard = [row for row in rows if row.quality is not None]
    name = recordings[0] if len(recordings) == 1 else f"{len(recordings)} inputs"
    total = rows[0].summary if is_one else summarize(name, rows)
    console = terminal()
    if as_json:
        files = {} if is_one else {"files": [row.summary for row in rows]}
        typer.echo(to_json({**total, **files}))
    elif not is_one:
        _show_folder(console, rows, total)
    elif heard:
        _show_file(console, total)
    if is_one and not heard:
        reason = "; ".join(rows[0].summary["reasons"])
        what = f"it {reason}" if reason.startswith("is ") else reason
        advice = "" if "; " in what else "; give a recording of a voice or an instrument"
        raise InputError(f"{name} cannot be used: {what}{advice}.")
    for sentence in said if not as_json else ():
        console.print(sentence, soft_wrap=True)
    if not heard:
        raise InputError(f"No file in {name} can be used, of {len(rows)}; each one's reason is above.")
    if len(recordings) > 1 and len(heard) < len(rows):
        raise InputError(
            f"{len(rows) - len(heard)} of {len(rows)} files can't be used; see the reasons above."
        )


def _audio_files(recordings: list[Path]) -> list[Path]:
    """Return the files, and those in the folders, each once.

    Raises:
        InputError: When there is only one input, and nothing in it.
    """
    from oscine.analysis.inspection import audio_files
    from oscine.errors import InputError

    if len(recordings) == 1:
        return audio_files(recordings[0])
    found: dict[Path, None] = {}
    for one in recordings:
        try:
            found |= dict.fromkeys(audio_files(one))
        except InputError:
            found[one] = None  # it gets its verdict among the others
    return list(found)


def _outputs(
    recordings: list[Path], paths: list[Path], plot: Path | None, f0: Path | None, midi: Path | None
) -> dict[str, dict[Path, Path]]:
    """Return what is written of each file; what can't be written is refused before anything is analysed."""
    from oscine.analysis.pitch.f0_file import check_new
    from oscine.audio.batch import plan_batch
    from oscine.audio.output import check_output

    sources = recordings if len(recordings) == 1 and not recordings[0].is_dir() else paths
    options = {"plot": (plot, (".png",)), "f0": (f0, (".f0.csv", ".csv")), "midi": (midi, (".mid", ".midi"))}
    written: dict[str, dict[Path, Path]] = {}
    for option, (output, endings) in options.items():
        jobs = []
        if output is not None:
            several = len(sources) > 1 or sources != recordings
            jobs = plan_batch(sources, output, endings=endings, ending=endings[0], several=several).jobs
        written[option] = {job.source: job.output for job in jobs}
        for source, path in written[option].items():
            if option == "f0":
                check_new(path)
            else:
                check_output(path, source, endings)
    return written


def _write(features: "Features | None", plot: Path | None, f0: Path | None, midi: Path | None) -> list[str]:
    """Write pitch and melody of a file where asked for, and return what to say of all that was written."""
    from oscine.analysis.pitch.f0_file import write_f0
    from oscine.performance import transcribe, write_midi
    from oscine.plural import counted

    if features is None:
        return []
    said = []
    if plot is not None:
        said.append(f"The plot is in {plot}.")
    if f0 is not None:
        write_f0(features, f0)
        said.append(f"The pitch is in {f0}.")
    if midi is not None:
        notes = transcribe(features)
        write_midi(midi, notes)
        said.append(f"The melody is in {midi}: {counted(len(notes), 'note')}.")
    return said


def _whole(level_db: float) -> int:
    return round(level_db)  # an int has no minus zero


def _note(f0_hz: float | None) -> str:
    if f0_hz is None:
        return "none"
    return note_name(round(69 + 12 * log2(f0_hz / 440)))


def _histogram(pitch_s: dict[int, float]) -> str:
    """Return the pitches as a row of bars, one per semitone, with the first and last note beside it."""
    # A stray frame is no note: what lasts less than a thousandth of the whole is left out at both ends.
    least = 1e-3 * sum(pitch_s.values())
    heard = [midi for midi, seconds in pitch_s.items() if seconds > least]
    if not heard:
        return "none"
    most = max(pitch_s.values())
    span = range(min(heard), max(heard) + 1)
    bars = "".join(_BARS[ceil(8 * pitch_s.get(midi, 0.0) / most)] for midi in span)
    ends = [_note(440.0 * 2 ** ((midi - 69) / 12)) for midi in (span[0], span[-1])]
    return f"{ends[0]} {bars} {ends[1]}"


def _suspicions(total: dict[str, Any]) -> list[str]:
    """Return what is suspected, in words: every verdict of the report named so that is true."""
    return [
        name.removesuffix("_suspected").replace("_", " ")
        for name, value in total.items()
        if name.endswith("_suspected") and value is True
    ]


def _show_file(console: Any, total: dict[str, Any]) -> None:
    from rich.table import Table

    form = f"{total['sample_rate']} Hz, {total['duration_s']:.1f} s"
    console.print(f"{total['path']} ({form})", style="bold", soft_wrap=True)
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    state = total["verdict"] + (f": {'; '.join(total['reasons'])}" if total["reasons"] else "")
    table.add_row("verdict", state)
    _add_findings(table, total)
    console.print(table)
    _show_advice(console, total)


def _add_findings(table: Any, total: dict[str, Any]) -> None:
    table.add_row("voiced", f"{total['voiced_s']:.1f} s ({100 * total['voiced_share']:.0f} %)")
    table.add_row("usable", f"{60 * total['usable_minutes']:.1f} s")
    if total["f0_hz_median"] is not None:
        span = f"{_note(total['f0_hz_low'])} to {_note(total['f0_hz_high'])}"
        table.add_row("pitch", f"{span}, median {total['f0_hz_median']:.1f} Hz")
        table.add_row("", _histogram(total["pitch_s"]))
        table.add_row(
            "loudness",
            f"{_whole(total['loudness_db_low'])} to {_whole(total['loudness_db_high'])} dB, "
            f"median {_whole(total['loudness_db_median'])} dB (A-weighted)",
        )
    table.add_row("confidence", f"{total['confidence_mean']:.2f} on average")
    table.add_row("suspected", ", ".join(_suspicions(total)) or "nothing")


def _show_advice(console: Any, total: dict[str, Any]) -> None:
    from oscine.analysis.advice import in_short

    style = "bold green" if total["learnable"] else "bold yellow" if total["playable"] else "bold red"
    console.print(in_short(total["voiced_s"], learnable=total["learnable"]), style=style, soft_wrap=True)
    if total["playable"] and not total["learnable"]:
        source, output = (total["path"], "played.wav") if "sample_rate" in total else ("FILES", "FOLDER")
        console.print(f"  oscine transfer {source} --to violin -o {output}", soft_wrap=True)
    for line in total.get("advice", []):
        console.print(f"  {line}", soft_wrap=True)


def _show_folder(console: Any, rows: "list[Inspection]", total: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("file", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for name in ("minutes", "voiced", "pitch", "loudness"):
        table.add_column(name, justify="right")
    table.add_column("remarks", overflow="fold")
    for row in rows:
        one = row.summary
        table.add_row(Path(one["path"]).name, one["verdict"], *_cells(one), "; ".join(_remarks(one)))
    table.add_section()
    counts = ", ".join(f"{count} {verdict}" for verdict, count in total["n_files"].items() if count)
    table.add_row("total", counts, *_cells(total), ", ".join(_suspicions(total)), style="bold")
    console.print(table)
    if "usable_minutes" in total:
        console.print(f"pitches  {_histogram(total['pitch_s'])}", soft_wrap=True)
        _show_advice(console, total)


def _cells(one: dict[str, Any]) -> list[str]:
    if "usable_minutes" not in one:
        return ["", "", "", ""]
    has_pitch = one["f0_hz_median"] is not None
    return [
        f"{one['minutes']:.2f}",
        f"{100 * one['voiced_share']:.0f} %",
        f"{_note(one['f0_hz_low'])}–{_note(one['f0_hz_high'])}" if has_pitch else "none",
        f"{_whole(one['loudness_db_median'])} dB" if has_pitch else "",
    ]


def _remarks(one: dict[str, Any]) -> list[str]:
    return [*one["reasons"], *(f"{what} suspected" for what in _suspicions(one))]
