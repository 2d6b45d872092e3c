"""Performances: their pitch by two trackers, where these disagree, and their loudness."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from oscine.analysis import VOICED, Features, analyze_blocks
from oscine.analysis.pitch.agreement import passages
from oscine.analysis.signal import ANALYSIS_RATE
from oscine.audio import read_blocks
from oscine.errors import InputError
from oscine.files import write_atomically
from oscine.studio.work.job import Job
from oscine.studio.work.sounds import decoded
from oscine.threads import one_thread

TRACKER, OTHER = "swift-f0", "yin"
#: 100 frames a second: vibrato is drawn well, and half an hour fits into a request.
HOP_LENGTH = ANALYSIS_RATE // 100
CURVES = "curves.json"
#: Lies beside the sound, where `transfer` finds it.
DRAWN = "sound.f0.csv"


def analyse_performance(job: Job) -> None:
    """Decode and analyse a performance; its curves are written once."""
    sound, facts = decoded(job, "performance", job.limits.performance_s)
    if facts["verdict"] == "rejected":
        reason = facts["reasons"][0] if facts["reasons"] else "it can't be read"
        raise InputError(f"{job.thing('performance')['name']} can't be used: {reason.rstrip('.')}.")
    with one_thread():
        tracked = {name: _features(sound, name, job, i / 2) for i, name in enumerate((TRACKER, OTHER))}
    write_atomically(sound.with_name(CURVES), json.dumps(_told(tracked)))
    job.database.change(job.subject, state="ready")


def _features(sound: Path, tracker: str, job: Job, share: float) -> Features:
    parts = []
    for part in analyze_blocks(read_blocks(sound, ANALYSIS_RATE), ANALYSIS_RATE, HOP_LENGTH, tracker=tracker):
        parts.append(part)
        job.tell(f"Finding the pitch ({tracker})", share + 0.25)
    return Features.concatenate(parts)


def _told(tracked: dict[str, Features]) -> dict[str, Any]:
    first = tracked[TRACKER]
    return {
        "frame_rate": first.frame_rate,
        "f0_hz": _pitch(first),
        "confidence": np.round(first.confidence.numpy().astype(float), 3).tolist(),
        "tracker": TRACKER,
        "other_f0_hz": _pitch(tracked[OTHER]),
        "other": OTHER,
        "disagreement": [[round(one.start_s, 3), round(one.end_s, 3)] for one in passages(tracked)],
        "loudness_db": np.round(first.loudness_db.numpy().astype(float), 2).tolist(),
        "edited": False,
    }


def _pitch(features: Features) -> list[float | None]:
    pairs = zip(features.f0_hz.tolist(), features.confidence.tolist(), strict=True)
    return [round(f0_hz, 2) if confidence >= VOICED else None for f0_hz, confidence in pairs]
