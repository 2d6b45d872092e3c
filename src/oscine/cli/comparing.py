"""``oscine analyze --compare``: the trackers side by side, and the passages in which they differ."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from oscine.cli.progress import progress
from oscine.cli.terminal import terminal, to_json

if TYPE_CHECKING:
    from rich.console import Console

#: So many passages are printed; all of them are in the JSON.
_MOST_PASSAGES = 12


def compare(recording: Path, form: str | None, as_json: bool) -> None:
    """Run all trackers over a file or a folder, and show how far they agree.

    Raises:
        InputError: When there is no file, or none that can be used.
    """
    import typer

    from oscine.analysis.comparison import compare_file, compare_total
    from oscine.analysis.inspection import audio_files
    from oscine.errors import InputError

    is_folder = recording.is_dir()
    console = terminal()
    paths, compared = audio_files(recording), []
    with progress("analysing", form, quiet=as_json or not is_folder) as tell_share:
        for number, path in enumerate(paths):
            tell_share(number / len(paths), f"{number + 1} of {len(paths)}")
            compared.append(compare_file(path))
    total = compare_total(recording, compared) if is_folder else compared[0].summary
    if as_json:
        typer.echo(to_json(total))
    else:
        for one in compared:
            _show_file(console, one.summary)
        if is_folder and total["pairs"]:
            console.print(f"All files ({total['duration_s']:.1f} s)", style="bold")
            _show_pairs(console, total["pairs"])
    if not any(one.tracked for one in compared):
        if is_folder:
            raise InputError(
                f"No file in {recording} can be used, of {len(compared)}; each one's reason is above."
            )
        reasons = "; ".join(total["reasons"])
        raise InputError(f"{recording} cannot be used ({reasons}); give a recording of one voice.")


def _show_file(console: "Console", summary: dict[str, Any]) -> None:
    title = f"{summary['path']} ({summary['duration_s']:.1f} s)"
    console.print(title, style="bold", soft_wrap=True)
    if "pairs" not in summary:
        reasons = "; ".join(summary["reasons"])
        console.print(f"rejected: {reasons}", soft_wrap=True)
        return
    _show_pairs(console, summary["pairs"])
    if "accuracy" in summary:
        _show_accuracy(console, summary["corrected"], summary["accuracy"])
    _show_passages(console, summary["passages"])


def _show_pairs(console: "Console", pairs: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("trackers")
    for name in ("within 50 cents", "octave errors", "median cents", "same voicing"):
        table.add_column(name, justify="right")
    for one in pairs:
        cells = [_percent(one["same_pitch"]), _percent(one["octave_errors"]), _cents(one["median_cents"])]
        table.add_row(" – ".join(one["trackers"]), *cells, _percent(one["same_voicing"]))
    console.print(table)


def _show_accuracy(console: "Console", corrected: str, found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    console.print(f"Against {corrected}:", soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("tracker")
    for name in ("pitch right", "octaves ignored", "median cents", "voicing found", "false alarms"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(
            one["tracker"],
            _percent(one["raw_pitch_accuracy"]),
            _percent(one["raw_chroma_accuracy"]),
            _cents(one["median_cents"]),
            _percent(one["voicing_recall"]),
            _percent(one["voicing_false_alarm"]),
        )
    console.print(table)


def _show_passages(console: "Console", found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    if not found:
        console.print("The trackers agree everywhere.")
        return
    # Pitch before voicing, long before short; then again in order of time.
    first = sorted(found, key=lambda one: (one["on"] != "pitch", one["start_s"] - one["end_s"]))
    shown = sorted(first[:_MOST_PASSAGES], key=lambda one: one["start_s"])
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("passage (s)", no_wrap=True)
    table.add_column("differ on")
    for name in found[0]["f0_hz"]:
        table.add_column(f"{name} (Hz)", justify="right")
    for one in shown:
        values = [f"{f0_hz:.1f}" if f0_hz else "–" for f0_hz in one["f0_hz"].values()]
        table.add_row(f"{one['start_s']:.2f} to {one['end_s']:.2f}", one["on"], *values)
    console.print(table)
    n_more = len(found) - len(shown)
    if n_more:
        console.print(f"{n_more} further passages are in --json.")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _cents(cents: float | None) -> str:
    return "–" if cents is None else f"{cents:.1f}"
