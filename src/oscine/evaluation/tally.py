"""One candidate's figures over all held-out stretches: its distances from the recording."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from oscine.analysis import Features, analyze, paper_loudness
from oscine.evaluation import metrics
from oscine.evaluation.sound import Band, Heard, SoundMetrics, SoundTally, hear


class Metrics(BaseModel):
    """Distances of an output from its target; None if no frame counts. Lower is better, except in `sound`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loudness_l1_db: float
    """Mean absolute difference of loudness by the paper's definition, dB."""
    f0_l1_semitones: float | None
    """Mean absolute difference of f0 without outliers, semitones."""
    f0_outliers: float | None
    """Share of frames more than 12 semitones off."""
    f0_lost: float | None
    """Share of frames more than 12 semitones off, or in which the tracker finds no pitch in the output."""
    f0_unsure: float | None
    """Share of frames in which the output's f0 has a confidence below 0.85."""
    f0_median_semitones: float | None
    """Median absolute difference of f0, outliers included, semitones."""
    spectral_loss: float
    """Multi-scale spectral loss."""
    mcd_db: float
    """Mel-cepstral distortion, dB."""
    sound: SoundMetrics
    """Audible differences beside pitch and loudness; differences that have a sign are best at 0."""


@dataclass(frozen=True)
class Sound:
    """One stretch of audio, and its features for the metrics."""

    audio: Float[Tensor, " time"]
    features: Features
    loudness_db: Float[Tensor, " frame"]
    """By the paper's definition."""


class Played(NamedTuple):
    """A sound, and the values that the audible measures need."""

    sound: Sound
    heard: Heard


class Tally:
    """One candidate's figures over all stretches.

    Args:
        band: The recording's.
        sample_rate: In Hz.
    """

    def __init__(self, band: Band, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._sounds: list[tuple[Features, Features]] = []
        self._loudness_db: list[tuple[Tensor, Tensor]] = []
        self._mcd_db: list[Tensor] = []
        self._spectral: list[tuple[float, int]] = []
        self._sound = SoundTally(band, sample_rate)

    def add(self, output: Played, target: Played, recording: Features) -> None:
        """Count a stretch.

        Args:
            output: The candidate's output.
            target: The sound for the comparison.
            recording: The recording's features.
        """
        rate, one, other = self._sample_rate, output.sound, target.sound
        self._sounds.append((one.features, other.features))
        self._loudness_db.append((one.loudness_db, other.loudness_db))
        self._mcd_db.append(metrics.mcd_per_frame(one.audio, other.audio, rate))
        self._spectral.append((metrics.multi_scale_spectral(one.audio, other.audio, rate), len(other.audio)))
        self._sound.add(output.heard, target.heard, recording)

    def result(self) -> Metrics:
        """Return the figures; at least one stretch must have been counted."""
        output, target = (Features.concatenate(parts) for parts in zip(*self._sounds, strict=True))
        output_db, target_db = (torch.cat(parts) for parts in zip(*self._loudness_db, strict=True))
        n_samples = sum(n for _, n in self._spectral)
        return Metrics(
            loudness_l1_db=metrics.loudness_l1(output_db, target_db),
            f0_l1_semitones=metrics.f0_l1(output, target),
            f0_outliers=metrics.f0_outliers(output, target),
            f0_lost=metrics.f0_lost(output, target),
            f0_unsure=metrics.f0_unsure(output, target),
            f0_median_semitones=metrics.f0_median(output, target),
            spectral_loss=sum(loss * n for loss, n in self._spectral) / n_samples,
            mcd_db=float(torch.cat(self._mcd_db).double().mean()),
            sound=self._sound.result(),
        )


def heard_sound(audio: Tensor, grid: Features) -> Sound:
    """Return audio with its features for the metrics; recording and output are analysed in the same way.

    The dataset's features cannot be used for the recording, because their windows reach beyond its ends.
    """
    rate, hop = grid.sample_rate, grid.hop_length
    return Sound(audio, analyze(audio, rate, hop), paper_loudness(audio, rate, hop))


def played(sound: Sound, target: Sound, band: Band) -> Played:
    """Return a sound with the values that the audible measures need; pitch and onsets are the target's."""
    return Played(sound, hear(sound.audio, target.features, band))
