"""``oscine prepare``: from a folder of recordings to a dataset, with a verdict for every file."""

import re
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscine.cli.cluster import ClusterOption, cluster_of
from oscine.cli.progress import ProgressOption
from oscine.cli.progress import progress as shown
from oscine.cli.terminal import terminal, to_json
from oscine.note_names import note_name
from oscine.plural import counted

if TYPE_CHECKING:
    from rich.console import Console

    from oscine.analysis import Quality
    from oscine.audio import FileReport
    from oscine.data import PartReport, PrepareReport, Progress

#: Longer tables show only the files with remarks.
_ROWS = 30
NSYNTH_RATE = 16_000
_BARS = " ▁▂▃▄▅▆▇█"
_STYLES = {"ok": "green", "repaired": "yellow", "rejected": "red"}


def prepare(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The recordings, in the folder and its subfolders, or NSynth."),
    ],
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="A new folder, or an unfinished dataset.")
    ],
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first rejected file.")] = False,
    sample_rate: Annotated[
        int | None,
        typer.Option(metavar="HZ", help="Sample rate of the dataset; by default 44100, or 16000 for NSynth."),
    ] = None,
    held_out: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Length of the held-out part, a tenth by default; half as much is for validation.",
        ),
    ] = None,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    store: Annotated[
        str,
        typer.Option(
            metavar="float32|int16|flac",
            help="How the audio is stored: 16 bits take half the space, and FLAC about half of that.",
        ),
    ] = "float32",
    part: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Do the I-th of N shares of the files; when all are done, run the command without --part.",
        ),
    ] = None,
    unpitched: Annotated[
        bool, typer.Option("--unpitched", help="The recordings are textures or hits, which have no pitch.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Number of processes; by default one per core.")
    ] = None,
    cluster: ClusterOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")] = False,
    progress: ProgressOption = None,
) -> None:
    """Make a dataset from a folder of recordings, with a verdict for every file.

    An interrupted run continues when the command is repeated. The report says whether an instrument can be
    learned from the recordings, what is wrong with them, and what to do about it. From NSynth, or a set in
    its format, the acoustic notes are used, and whole instruments are held out.
    """
    from oscine import data
    from oscine.errors import InputError

    seen: list[FileReport] = []
    with shown("preparing", progress, quiet=as_json) as tell_share:

        def show(now: "Progress") -> None:
            if now.report is not None:
                seen.append(now.report)
            share = now.done_bytes / now.n_bytes if now.n_bytes else 0.0
            tell_share(share, f"{now.done_files} of {counted(now.n_files, 'file')}")

        try:
            given: dict[str, Any] = {
                "sample_rate": sample_rate,
                "tracker": tracker,
                "store": store,
                "strict": strict,
                "n_workers": workers,
                "on_progress": show,
            }
            is_nsynth = data.is_nsynth(folder)
            if is_nsynth and held_out is not None:
                raise InputError(
                    f"{folder} is NSynth, or in its format, of which whole instruments are held out; "
                    "remove --held-out."
                )
            if is_nsynth and unpitched:
                raise InputError(
                    f"{folder} is NSynth, or in its format, whose notes have a pitch; remove --unpitched."
                )
            if part is None:
                given |= {"held_out_s": held_out, "unpitched": unpitched or None}
                make = data.prepare_nsynth if is_nsynth else data.prepare
            else:
                if held_out is not None or unpitched:
                    option = "--held-out" if held_out is not None else "--unpitched"
                    raise InputError(f"{option} is of the whole dataset; give it without --part.")
                make = partial(data.prepare_part, **_part(part))
                if is_nsynth:
                    accepted = data.nsynth_notes(folder)
                    given |= {"accept": accepted.__contains__, "sample_rate": sample_rate or NSYNTH_RATE}
            with cluster_of(cluster) as machines:
                given["cluster"] = machines
                report = make(
                    folder, dataset, **{name: value for name, value in given.items() if value is not None}
                )
        except InputError as error:
            # There is no dataset, but the verdicts are useful all the same.
            _show_failure(seen, str(error), as_json)
            raise
    if as_json:
        typer.echo(to_json(report.model_dump(), indent=2))
    elif isinstance(report, data.PartReport):
        _show_part(terminal(), report)
    else:
        _show(terminal(), report)


def _part(text: str) -> dict[str, int]:
    """Return which part is asked for by ``I/N``.

    Raises:
        InputError: When it is not of that form.
    """
    from oscine.errors import InputError

    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise InputError(f"--part {text} is no part; give one such as 2/8, the second of eight.")
    return {"part": int(found[1]), "n_parts": int(found[2])}


def _show_failure(seen: "list[FileReport]", sentence: str, as_json: bool) -> None:
    if as_json:
        files = [report.model_dump() for report in seen]
        typer.echo(to_json({"error": sentence, "files": files}, indent=2))
    elif seen:
        _show_files(terminal(), seen, {})


def _show_part(console: "Console", report: "PartReport") -> None:
    if report.files:
        _show_files(console, report.files, {})
    if report.reused:
        console.print(f"{counted(report.reused, 'file')} finished by an earlier run.")
    console.print(
        f"Part {report.part} of {report.n_parts} is done: {len(report.files)} of "
        f"{counted(report.n_files, 'file')}. When all parts are, run the command without --part.",
        soft_wrap=True,
    )


def _show(console: "Console", report: "PrepareReport") -> None:
    quality = report.quality
    _show_files(console, report.files, report.quality_by_file)
    if report.other_files:
        console.print(f"{counted(report.other_files, 'other file')}, no audio by name.")
    if report.reused:
        console.print(f"{counted(report.reused, 'file')} finished by an earlier run.")
    console.print()
    rows = [
        ("usable", f"{quality.usable_minutes:.1f} of {quality.minutes:.1f} minutes"),
        ("voiced", f"{100 * quality.voiced_share:.0f} %"),
        ("pitch", _pitches(quality)),
        ("loudness", f"{quality.loudness_range_db:.0f} dB from soft to loud"),
        ("noise", _noise(quality)),
        ("held out", f"{report.held_out_s:.1f} s, {report.train_s / 60:.1f} minutes to train on"),
        ("choice", f"{report.validation_s:.1f} s, to choose the best checkpoint"),
    ]
    for name, text in rows:
        console.print(f"{name:9} {text}", soft_wrap=True)
    for sentence in quality.advice:
        console.print(f"! {sentence}", style="yellow")
    console.print(f"The dataset is in {report.dataset}.", soft_wrap=True)


def _show_files(console: "Console", files: "list[FileReport]", qualities: "dict[str, Quality]") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("file", overflow="fold")
    table.add_column("verdict")
    table.add_column("seconds", justify="right")
    table.add_column("remarks", overflow="fold")
    left_out = 0
    for report in sorted(files, key=lambda one: one.path):
        remarks = [*report.reasons, *_suspicions(qualities.get(report.path))]
        if len(files) > _ROWS and not remarks:
            left_out += 1
            continue
        style = _STYLES[report.verdict]
        row = (report.path, Text(report.verdict, style), f"{report.duration_s:.1f}")
        table.add_row(*row, "; ".join(remarks))
    if table.row_count:
        console.print(table)
    verdicts = [report.verdict for report in files]
    counts = ", ".join(f"{verdicts.count(name)} {name}" for name in _STYLES if name in verdicts)
    unnamed = f" ({left_out} of them not listed: nothing to remark)" if left_out else ""
    console.print(f"{counted(len(files), 'file')}: {counts}{unnamed}.", soft_wrap=True)


def _suspicions(quality: "Quality | None") -> list[str]:
    if quality is None:
        return []
    found = []
    if quality.polyphony_suspected:
        found.append(f"polyphony suspected ({100 * quality.polyphony_share:.0f} % of steady moments)")
    if quality.clipping_suspected:
        found.append(f"clipping ({quality.clipped_s:.2f} s)")
    if quality.noise_suspected:
        found.append("noise in the pauses")
    if quality.reverb_suspected:
        found.append(f"reverb suspected ({quality.reverb_s:.1f} s)")
    return found


def _pitches(quality: "Quality") -> str:
    """Return the range of pitches and, as bars from low to high, the time spent on each semitone."""
    if quality.lowest_midi is None or quality.highest_midi is None:
        return "none"
    span = range(quality.lowest_midi, quality.highest_midi + 1)
    most = max(quality.pitch_s.values())
    bars = "".join(_BARS[ceil(8 * quality.pitch_s.get(midi, 0.0) / most)] for midi in span)
    return f"{note_name(span[0])} {bars} {note_name(span[-1])}"


def _noise(quality: "Quality") -> str:
    if quality.signal_to_noise_db is None:
        return "unknown, because there are no pauses"
    return f"{quality.signal_to_noise_db:.0f} dB below the notes"
