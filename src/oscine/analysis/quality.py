"""Can this be learned, and why not: what a recording is worth before anyone waits for a training.

Measured are sums and histograms (``Evidence``), which add up over stretches and files; ``judge`` turns them
into figures, verdicts and advice.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import soxr
import torch
from jaxtyping import Bool, Float32
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from oscine.analysis.advice import Advice
from oscine.analysis.decay import ringing_times
from oscine.analysis.features import VOICED, Features
from oscine.analysis.polyphony import STEP_S, polyphonic_moments
from oscine.analysis.signal import ANALYSIS_RATE
from oscine.audio.report import n_clipped
from oscine.functional.runs import runs
from oscine.plural import counted

#: The features' own floor: digital silence says nothing about noise.
_SILENT_DB = -79.0
#: Frames within this of the loudest ones count as sound.
_SOUND_RANGE_DB = 30.0
#: A pause is this long at least, and only that much of pauses tells the noise.
_PAUSE_S, _LEAST_PAUSES_S, _PAUSE_BELOW_DB = 0.2, 0.5, 10.0


class Evidence(BaseModel):
    """Sums and histograms, in seconds unless stated; those of two recordings add up to those of both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_s: float = 0.0
    sounding_s: float = Field(default=0.0, description="within 30 dB of the loudest frames")
    voiced_s: float = Field(default=0.0, description="with a pitch")
    clipped_s: float = Field(default=0.0, description="in runs of three or more samples at full scale")
    judged_s: float = Field(default=0.0, description="voiced, loud and steady: judged for polyphony")
    polyphonic_s: float = Field(default=0.0, description="of those, with a second note")
    pitch_s: dict[int, float] = Field(default={}, description="voiced seconds per MIDI semitone")
    loudness_s: dict[int, float] = Field(default={}, description="voiced seconds per dB of loudness")
    voiced_power_s: dict[int, float] = Field(default={}, description="voiced seconds per dB of power")
    pause_power_s: dict[int, float] = Field(default={}, description="seconds of pauses per dB of power")
    ringing: dict[int, float] = Field(default={}, description="places per 0.05 s of time to fall by 60 dB")


class Quality(BaseModel):
    """The report on one recording or many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minutes: float
    usable_minutes: float = Field(description="voiced, less the share that is polyphonic")
    voiced_share: float = Field(description="of the whole time")
    pitch_s: dict[int, float] = Field(description="pitch coverage: seconds per MIDI semitone")
    lowest_midi: int | None = Field(description="1st percentile of pitch; null where there is none")
    highest_midi: int | None = Field(description="99th percentile of pitch")
    loudness_range_db: float = Field(description="between the 5th and the 95th percentile of voiced loudness")
    noise_floor_db: float | None = Field(description="level of the pauses, full scale is 0; null without any")
    signal_to_noise_db: float | None = Field(description="median voiced level above the noise floor")
    noise_suspected: bool
    clipped_s: float
    clipping_suspected: bool
    polyphony_share: float = Field(description="of loud and steady voiced moments")
    polyphony_suspected: bool
    reverb_s: float | None = Field(description="median time to fall by 60 dB; null where nothing showed it")
    reverb_suspected: bool
    learnable: bool
    advice: list[str] = Field(description="what to do about each finding, in plain words")
    evidence: Evidence

    def __str__(self) -> str:
        """Return a line in words."""
        return (
            f"quality: {self.usable_minutes:.1f} of {self.minutes:.1f} minutes usable, "
            f"{100 * self.voiced_share:.0f} % with a pitch, {counted(len(self.advice), 'piece')} of advice"
        )

    __repr__ = __str__


def assess(
    features: Features, audio: Float32[Tensor, " time"] | Float32[np.ndarray, " time"], sample_rate: int
) -> Quality:
    """Return the report on one continuous sound.

    Args:
        features: Its analysis.
        audio: The sound that was analysed, mono, full scale is 1.
        sample_rate: Of the sound, in Hz; each second of it is described by ``features.frame_rate`` frames.
    """
    samples = audio.numpy() if isinstance(audio, Tensor) else audio
    frame_s = 1.0 / features.frame_rate
    power_db, loudness_db = features.power_db.numpy(), features.loudness_db.numpy()
    voiced = features.confidence.numpy() >= VOICED
    loudest_db = float(np.quantile(power_db, 0.99)) if len(power_db) else 0.0
    audible = power_db > _SILENT_DB
    sounding = (power_db > loudest_db - _SOUND_RANGE_DB) & audible
    # As loud as the notes and without pitch is a sound of its own, not what is left in a pause.
    quiet = power_db < loudest_db - _PAUSE_BELOW_DB
    pauses = _pauses(voiced, features.frame_rate)
    signal = soxr.resample(samples, sample_rate, ANALYSIS_RATE) if sample_rate != ANALYSIS_RATE else samples
    polyphonic = polyphonic_moments(features, signal)
    return judge(
        Evidence(
            total_s=features.n_frames * frame_s,
            sounding_s=int(sounding.sum()) * frame_s,
            voiced_s=int(voiced.sum()) * frame_s,
            clipped_s=n_clipped(samples) / sample_rate,
            judged_s=len(polyphonic) * STEP_S,
            polyphonic_s=int(polyphonic.sum()) * STEP_S,
            pitch_s=_histogram(features.midi.numpy()[voiced], frame_s),
            loudness_s=_histogram(loudness_db[voiced], frame_s),
            voiced_power_s=_histogram(power_db[voiced], frame_s),
            pause_power_s=_histogram(power_db[pauses & audible & quiet], frame_s),
            ringing=_histogram(ringing_times(features, signal) / 0.05, 1.0),
        )
    )


def merge(qualities: Sequence[Quality], clipped_s: int | float | None = None) -> Quality:
    """Return the report on the sound of all given reports.

    Args:
        qualities: Reports on different stretches or files.
        clipped_s: The clipping, where it is known better than from the sound that was assessed
            (``FileReport.clipped_s``: resampling rounds the flat tops off).
    """
    total = _sum([quality.evidence for quality in qualities])
    return judge(total if clipped_s is None else total.model_copy(update={"clipped_s": clipped_s}))


def judge(evidence: Evidence) -> Quality:
    """Return figures, verdicts and advice for what was measured."""
    has_pauses = sum(evidence.pause_power_s.values()) >= _LEAST_PAUSES_S and evidence.voiced_s > 0
    # Tails and breath fill the louder part of pauses.
    noise_floor_db = _quantile(evidence.pause_power_s, 0.2) if has_pauses else None
    level_db = _quantile(evidence.voiced_power_s, 0.5)
    n_ringing = sum(evidence.ringing.values())
    findings = Advice(
        total_s=evidence.total_s,
        sounding_s=evidence.sounding_s,
        voiced_s=evidence.voiced_s,
        clipped_s=evidence.clipped_s,
        pitch_span=_quantile(evidence.pitch_s, 0.99) - _quantile(evidence.pitch_s, 0.01),
        loudness_range_db=_quantile(evidence.loudness_s, 0.95) - _quantile(evidence.loudness_s, 0.05),
        signal_to_noise_db=None if noise_floor_db is None else level_db - noise_floor_db,
        judged_s=evidence.judged_s,
        polyphony_share=evidence.polyphonic_s / evidence.judged_s if evidence.judged_s else 0.0,
        reverb_s=round(0.05 * _quantile(evidence.ringing, 0.5), 2) if n_ringing else None,
        n_ringing=int(n_ringing),
    )
    has_pitch = bool(evidence.pitch_s)
    return Quality(
        minutes=evidence.total_s / 60,
        usable_minutes=evidence.voiced_s * (1 - findings.polyphony_share) / 60,
        voiced_share=min(1.0, evidence.voiced_s / evidence.total_s) if evidence.total_s else 0.0,
        pitch_s=evidence.pitch_s,
        lowest_midi=int(_quantile(evidence.pitch_s, 0.01)) if has_pitch else None,
        highest_midi=int(_quantile(evidence.pitch_s, 0.99)) if has_pitch else None,
        loudness_range_db=findings.loudness_range_db,
        noise_floor_db=noise_floor_db,
        signal_to_noise_db=findings.signal_to_noise_db,
        noise_suspected=findings.noise_suspected,
        clipped_s=evidence.clipped_s,
        clipping_suspected=findings.clipping_suspected,
        polyphony_share=findings.polyphony_share,
        polyphony_suspected=findings.polyphony_suspected,
        reverb_s=findings.reverb_s,
        reverb_suspected=findings.reverb_suspected,
        learnable=findings.learnable,
        advice=findings.sentences(),
        evidence=evidence,
    )


def _pauses(voiced: Bool[np.ndarray, " frame"], frame_rate: float) -> Bool[np.ndarray, " frame"]:
    """Return which frames lie in long enough runs without pitch."""
    pauses = np.zeros(len(voiced), bool)
    for start, stop in runs(torch.from_numpy(~voiced), _PAUSE_S * frame_rate).tolist():
        pauses[start:stop] = True
    return pauses


def _histogram(values: np.ndarray, weight: float) -> dict[int, float]:
    bins, counts = np.unique(np.round(values).astype(int), return_counts=True)
    return {int(place): round(int(count) * weight, 9) for place, count in zip(bins, counts, strict=True)}


def _sum(parts: Sequence[Evidence]) -> Evidence:
    total: dict[str, float | dict[int, float]] = {}
    for name in Evidence.model_fields:
        values = [getattr(part, name) for part in parts]
        if values and isinstance(values[0], dict):
            histogram: Counter[int] = Counter()
            for value in values:
                histogram.update(value)  # a Counter adds
            total[name] = {place: round(histogram[place], 9) for place in sorted(histogram)}
        else:
            total[name] = sum(values)
    return Evidence.model_validate(total) if parts else Evidence()


def _quantile(histogram: Mapping[int, float], share: float) -> float:
    """Return the bin in which the running sum reaches the share; 0 for an empty histogram."""
    places = sorted(histogram)
    running = np.cumsum([histogram[place] for place in places])
    return float(places[int(np.searchsorted(running, share * running[-1]))]) if places else 0.0
