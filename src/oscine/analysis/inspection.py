"""The report of `oscine analyze`: the content of recordings, and whether they can be learned."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from oscine.analysis.advice import LEAST_MELODY_S
from oscine.analysis.features import VOICED, Features
from oscine.analysis.pitch.f0_file import f0_file_beside
from oscine.analysis.pitch.known import with_known_pitch
from oscine.analysis.pitch.trackers import TRACKERS
from oscine.analysis.plot import plot_features
from oscine.analysis.quality import Quality, assess, merge
from oscine.analysis.signal import ANALYSIS_RATE, default_hop_length
from oscine.analysis.stretches import stretches
from oscine.audio.file import AUDIO_SUFFIXES, FileReport, probe, read_blocks
from oscine.errors import InputError
from oscine.files import printable

_PICTURE_S = 300.0


class Inspection(NamedTuple):
    """The findings about one file.

    Attributes:
        summary: All of it that can be told in JSON.
        quality: The report on the sound; None for a rejected file.
        features: Pitch and loudness; None for a rejected file.
    """

    summary: dict[str, Any]
    quality: Quality | None
    features: Features | None


def audio_files(recording: Path) -> list[Path]:
    """Return a file itself, or the audio files in a folder and below it, in order.

    Raises:
        InputError: When there is nothing.
    """
    if not recording.exists():
        raise InputError(f"{recording} does not exist; check the path.")
    if not recording.is_dir():
        return [recording]
    paths = sorted(path for path in recording.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    if not paths:
        raise InputError(f"{recording} holds no audio file; give a folder with wav, flac, ogg or mp3 files.")
    return paths


def inspect_file(path: Path, picture: Path | None = None, tracker: str = TRACKERS[0]) -> Inspection:
    """Judge and analyse a file, and draw its first five minutes where a path for the picture is given.

    The pitch is that of the file beside it (``f0_file_beside``), or what the tracker finds.
    """
    report, curve = with_known_pitch(probe(path), f0_file_beside(path))
    if report.verdict == "rejected":
        return Inspection(_told(report), None, None)
    parts, qualities, sounds, n_drawn = [], [], [], 0
    blocks = read_blocks(path, ANALYSIS_RATE, offset=report.offset)
    hop_length = default_hop_length(ANALYSIS_RATE)
    for audio, part in stretches(blocks, ANALYSIS_RATE, hop_length, curve or tracker):
        parts.append(part)
        qualities.append(assess(part, audio, ANALYSIS_RATE))
        if picture is not None and n_drawn < _PICTURE_S * ANALYSIS_RATE:
            sounds.append(audio)
            n_drawn += len(audio)
    features = Features.concatenate(parts)
    if picture is not None:
        sound = np.concatenate(sounds)[: int(_PICTURE_S * ANALYSIS_RATE)]
        shown = features.slice(0, -(-len(sound) // features.hop_length))
        plot_features(sound, ANALYSIS_RATE, shown, picture, printable(path.name))
    quality = merge(qualities, report.clipped_s)
    summary = _told(report) | _judged(quality) | _levels([features])
    return Inspection(summary, quality, features)


def summarize(place: str | Path, inspections: list[Inspection]) -> dict[str, Any]:
    """Return the total of a folder or of several files: the reports of the usable ones, taken together."""
    verdicts = [one.summary["verdict"] for one in inspections]
    summary: dict[str, Any] = {
        "path": printable(place),
        "verdict": "rejected" if all(verdict == "rejected" for verdict in verdicts) else "ok",
        "reasons": [],
        "n_files": {verdict: verdicts.count(verdict) for verdict in ("ok", "repaired", "rejected")},
        "learnable": False,
        "playable": False,
    }
    qualities = [one.quality for one in inspections if one.quality is not None]
    if qualities:
        summary |= _judged(merge(qualities))
        summary |= _levels([one.features for one in inspections if one.features is not None])
    return summary


def _told(report: FileReport) -> dict[str, Any]:
    return {
        "path": report.path,
        "verdict": report.verdict,
        "reasons": report.reasons,
        "sample_rate": report.sample_rate,
        "n_channels": report.n_channels,
        "duration_s": report.duration_s,
        "learnable": False,
        "playable": False,
    }


def _judged(quality: Quality) -> dict[str, Any]:
    """Return a report, and whether there is enough of a melody to play it with an instrument."""
    voiced_s = quality.evidence.voiced_s
    judged = {"voiced_s": round(voiced_s, 3), "playable": voiced_s >= LEAST_MELODY_S}
    return quality.model_dump(exclude={"evidence"}) | judged


def _levels(parts: list[Features]) -> dict[str, Any]:
    """Return median and range of pitch and loudness where there is a pitch, and how sure the tracker is."""
    confidence = torch.cat([part.confidence for part in parts])
    voiced = confidence >= VOICED
    levels: dict[str, Any] = {"confidence_mean": round(float(confidence.mean()), 3)}
    for name in ("f0_hz", "loudness_db"):
        values = torch.cat([getattr(part, name) for part in parts])[voiced].numpy()
        for label, share in (("low", 0.05), ("median", 0.5), ("high", 0.95)):
            level = round(float(np.quantile(values, share)), 2) if len(values) else None
            levels[f"{name}_{label}"] = level
    return levels
