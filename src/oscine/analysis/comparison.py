"""The pitch of a recording by each tracker, side by side, for `oscine analyze --compare`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from oscine.analysis.extract import analyze_blocks
from oscine.analysis.features import Features
from oscine.analysis.pitch.agreement import accuracy, agreements, passages
from oscine.analysis.pitch.f0_file import f0_file_beside
from oscine.analysis.pitch.known import with_known_pitch
from oscine.analysis.pitch.trackers import TRACKERS
from oscine.analysis.signal import ANALYSIS_RATE
from oscine.audio import probe, read_blocks
from oscine.files import printable


class Comparison(NamedTuple):
    """The pitch of one file by each tracker.

    Attributes:
        summary: All of it that can be told in JSON.
        tracked: The features of each tracker, by its name; empty for a rejected file.
    """

    summary: dict[str, Any]
    tracked: dict[str, Features]


def compare_file(path: Path) -> Comparison:
    """Return how far all trackers agree on a file, and with the corrected pitch if it lies beside it."""
    report = probe(path)
    judged, curve = with_known_pitch(report, f0_file := f0_file_beside(path))
    summary: dict[str, Any] = {
        "path": report.path,
        "verdict": judged.verdict,
        "reasons": judged.reasons if judged.verdict == "rejected" else report.reasons,
        "duration_s": report.duration_s,
    }
    if judged.verdict == "rejected":
        return Comparison(summary, {})
    tracked = {}
    for name in TRACKERS:
        blocks = read_blocks(path, ANALYSIS_RATE, offset=report.offset)
        tracked[name] = Features.concatenate(list(analyze_blocks(blocks, ANALYSIS_RATE, tracker=name)))
    summary["pairs"] = _rounded([asdict(one) for one in agreements(tracked)])
    if curve is not None and f0_file is not None:
        summary["corrected"] = f0_file.name
        found = [asdict(accuracy(name, features, curve)) for name, features in tracked.items()]
        summary["accuracy"] = _rounded(found)
    summary["passages"] = _rounded([asdict(one) for one in passages(tracked)])
    return Comparison(summary, tracked)


def compare_total(folder: Path, comparisons: list[Comparison]) -> dict[str, Any]:
    """Return a folder's total: how far the trackers agree over all of its usable files."""
    tracked = [one.tracked for one in comparisons if one.tracked]
    joined = {name: Features.concatenate([one[name] for one in tracked]) for name in TRACKERS if tracked}
    return {
        "path": printable(folder),
        "duration_s": round(sum(one.summary["duration_s"] for one in comparisons if one.tracked), 3),
        "pairs": _rounded([asdict(one) for one in agreements(joined)]),
        "files": [one.summary for one in comparisons],
    }


def _rounded(value: Any) -> Any:
    """Return a value of JSON with its numbers to four places."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
