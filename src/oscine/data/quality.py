"""Can this be learned, and why not: what a recording is worth before anyone waits for a training.

Measured are sums and histograms (``Evidence``), which add up over blocks and files; ``judge`` turns them into
verdicts and advice.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from oscine.analysis import VOICED, Features

#: Less voiced sound than this cannot be learned.
LEAST_VOICED_S = 30.0

#: The features' own floor: digital silence says nothing about noise.
_SILENT_DB = -79.0


class Evidence(BaseModel):
    """Sums and histograms over time, in seconds: two of them add up to that of both recordings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_s: float = 0.0
    voiced_s: float = 0.0
    clipped_s: float = 0.0
    pitch_s: dict[int, float] = Field(default={}, description="voiced seconds per MIDI semitone")
    loudness_s: dict[int, float] = Field(default={}, description="voiced seconds per dB of loudness")
    power_s: dict[int, float] = Field(default={}, description="seconds per dB of RMS power, silence left out")


class Quality(BaseModel):
    """The report on one recording or many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minutes: float
    usable_minutes: float = Field(description="with a pitch")
    voiced_share: float
    pitch_s: dict[int, float] = Field(description="seconds per MIDI semitone")
    loudness_range_db: float = Field(description="between the 5th and the 95th percentile of voiced loudness")
    noise_floor_db: float = Field(description="1st percentile of power, full scale is 0")
    signal_to_noise_db: float = Field(description="median voiced level above the noise floor, at least")
    clipped_s: float
    clipping_suspected: bool
    learnable: bool
    advice: list[str] = Field(description="what to do about each finding, in plain words")
    evidence: Evidence


def _histogram(values: Float32[np.ndarray, " frame"], frame_s: float) -> dict[int, float]:
    bins, counts = np.unique(np.round(values).astype(int), return_counts=True)
    return {int(place): int(count) * frame_s for place, count in zip(bins, counts, strict=True)}


def _sum(histograms: Sequence[dict[int, float]]) -> dict[int, float]:
    total: Counter[int] = Counter()
    for histogram in histograms:
        total.update(histogram)  # a Counter adds
    return {place: total[place] for place in sorted(total)}


def _quantile(histogram: dict[int, float], share: float) -> float:
    """Return the bin in which the running sum reaches the share; 0 for an empty histogram."""
    if not histogram:
        return 0.0
    places = np.array(sorted(histogram))
    running = np.cumsum([histogram[int(place)] for place in places])
    return float(places[np.searchsorted(running, share * running[-1])])


def assess(
    features: Features, audio: Float32[Tensor, " time"] | Float32[np.ndarray, " time"], sample_rate: int
) -> Quality:
    """Return the report on one stretch of sound.

    Args:
        features: Its analysis.
        audio: The sound that was analysed, mono, full scale is 1.
        sample_rate: Of the sound, in Hz; ``features.frame_rate`` frames describe each second of it.
    """
    samples = audio.numpy() if isinstance(audio, Tensor) else audio
    frame_s = 1.0 / features.frame_rate
    confidence, power_db = features.confidence.numpy(), features.power_db.numpy()
    voiced = confidence >= VOICED
    midi = 69 + 12 * np.log2(features.f0_hz.numpy()[voiced] / 440)
    full = np.abs(samples) >= 0.999
    clipped = full[2:] & full[1:-1] & full[:-2]
    return judge(
        Evidence(
            total_s=features.n_frames * frame_s,
            voiced_s=int(voiced.sum()) * frame_s,
            clipped_s=int(clipped.sum()) / sample_rate,
            pitch_s=_histogram(midi, frame_s),
            loudness_s=_histogram(features.loudness_db.numpy()[voiced], frame_s),
            power_s=_histogram(power_db[power_db > _SILENT_DB], frame_s),
        )
    )


def merge(qualities: Sequence[Quality]) -> Quality:
    """Return the report on all the sound that the given reports are about."""
    parts = [quality.evidence for quality in qualities]
    return judge(
        Evidence(
            total_s=sum(part.total_s for part in parts),
            voiced_s=sum(part.voiced_s for part in parts),
            clipped_s=sum(part.clipped_s for part in parts),
            pitch_s=_sum([part.pitch_s for part in parts]),
            loudness_s=_sum([part.loudness_s for part in parts]),
            power_s=_sum([part.power_s for part in parts]),
        )
    )


def judge(evidence: Evidence) -> Quality:
    """Return verdicts and advice for what was measured."""
    advice = []
    loudness_range_db = _quantile(evidence.loudness_s, 0.95) - _quantile(evidence.loudness_s, 0.05)
    noise_floor_db = _quantile(evidence.power_s, 0.01)
    learnable = evidence.voiced_s >= LEAST_VOICED_S
    if not learnable:
        advice.append(f"Only {evidence.voiced_s:.1f} s have a pitch; record at least {LEAST_VOICED_S:.0f} s.")
    clipping = evidence.clipped_s > 1e-4 * evidence.total_s
    return Quality(
        minutes=evidence.total_s / 60,
        usable_minutes=evidence.voiced_s / 60,
        voiced_share=evidence.voiced_s / evidence.total_s if evidence.total_s else 0.0,
        pitch_s=evidence.pitch_s,
        loudness_range_db=loudness_range_db,
        noise_floor_db=noise_floor_db,
        signal_to_noise_db=_quantile(evidence.power_s, 0.5) - noise_floor_db,
        clipped_s=evidence.clipped_s,
        clipping_suspected=clipping,
        learnable=learnable,
        advice=advice,
        evidence=evidence,
    )
