"""Audible differences between a recording and any output, beside pitch and loudness."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from oscine.analysis import Features
from oscine.errors import InputError
from oscine.evaluation.attacks import Attacks, attacks, onsets
from oscine.evaluation.partials import Movement, partial_levels_db, upper_movements
from oscine.evaluation.realism import loud_patches, patch_features, told_apart
from oscine.evaluation.spectrum import (
    cutoff_hz,
    energy_spectrum,
    floor_below_db,
    level_difference_db,
    log_mel_db,
    third_octave_differences_db,
)

_LOWEST_HZ, _HIGH_HZ = 20.0, 8_000.0
_MEDIAN_OF_AT_LEAST = 3


class SoundMetrics(BaseModel):
    """An output against its target, up to the recording's cut-off; None where too little counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    realism: float | None
    """Share of half seconds that a small classifier distinguishes from the target; 0.5 is chance."""
    n_patches: int
    """Half seconds of each sound that count for it: those within 35 dB of the target's loudest."""
    log_mel_l1_db: float | None
    """Mean absolute difference of 64 mel bands over 50 ms, dB."""
    level_db: float | None
    """Level of the output minus that of the target, dB."""
    above_8khz_db: float | None
    """The same for what lies above 8 kHz."""
    third_octaves_db: dict[int, float]
    """The same for each third octave, by its centre in Hz."""
    third_octave_mean_db: float | None
    """Mean absolute difference over the third octaves, dB."""
    third_octave_largest_db: float | None
    """The largest of them, with its sign, dB."""
    movement_db: float | None
    """Standard deviation of the upper partials' levels at 8 to 25 Hz in held notes, dB."""
    target_movement_db: float | None
    """The same of the target."""
    movement_correlation: float | None
    """Mean correlation of two upper partials' movements."""
    target_movement_correlation: float | None
    """The same of the target."""
    attack_db: float | None
    """Median over onsets of the largest rise within 10 ms above 3 kHz, dB."""
    target_attack_db: float | None
    """The same of the target."""
    n_attacks: int
    """Onsets that count."""
    rise_ms: float | None
    """Median time from 10 to 90 % of the amplitude, over onsets out of less than 10 % in both sounds, ms."""
    target_rise_ms: float | None
    """The same of the target."""
    n_rises: int
    """Onsets that count for it."""


class Band(NamedTuple):
    """The band of a recording that counts: measured once, over all of it."""

    cutoff_hz: float
    """Where its band ends."""
    floor_db: float
    """Level, in dB of a mean square of 1, that counts as silence: 60 dB below its mean."""

    @staticmethod
    def of(energy: Float[Tensor, " bin"], n_samples: int, sample_rate: int) -> "Band":
        """Return the band of a recording.

        Args:
            energy: The sum of its stretches' energies (`energy_spectrum`).
            n_samples: Of all stretches together.
            sample_rate: In Hz.
        """
        return Band(cutoff_hz(energy, sample_rate), floor_below_db(float(energy.sum()) / max(1, n_samples)))


class Heard(NamedTuple):
    """The values that the measures need from one segment of a sound."""

    energy: Float[Tensor, " bin"]
    mel_db: Float[Tensor, "frame mel"]
    partials_db: Float[Tensor, "frame partial"]
    attacks: Attacks
    patches: Float[Tensor, "patch feature"]
    patches_db: Float[Tensor, " patch"]
    """Level of each patch."""


def hear(audio: Float[Tensor, " time"], recording: Features, band: Band) -> Heard:
    """Return what the measures need of a stretch of the recording, or of an output for it.

    Args:
        audio: ``n_frames · hop_length`` samples.
        recording: The recording's features: the pitch, the held notes and the onsets are the recording's in
            every sound.
        band: The recording's.

    Raises:
        InputError: When the sound is not as long as the features.
    """
    rate = recording.sample_rate
    if len(audio) != recording.n_frames * recording.hop_length:
        raise InputError(
            f"The sound has {len(audio)} samples, but the recording's features are those of "
            f"{recording.n_frames * recording.hop_length}; compare sounds of one length."
        )
    begins = onsets(recording)
    patches, level_db = patch_features(audio, rate, band.cutoff_hz)
    return Heard(
        energy=energy_spectrum(audio, rate),
        mel_db=log_mel_db(audio, rate, band.cutoff_hz, band.floor_db),
        partials_db=partial_levels_db(audio, recording),
        attacks=attacks(audio, begins, rate, highest_hz=band.cutoff_hz, floor_db=band.floor_db),
        patches=patches,
        patches_db=level_db,
    )


class SoundTally:
    """The measures of an output against its target, over any number of stretches.

    Args:
        band: The recording's.
        sample_rate: In Hz.
    """

    def __init__(self, band: Band, sample_rate: int) -> None:
        self._band, self._sample_rate = band, sample_rate
        self._pairs: list[_Pair] = []
        self._energies: tuple[Tensor, Tensor] | None = None
        self._movements: tuple[Movement, Movement] | None = None

    def add(self, output: Heard, target: Heard, recording: Features) -> None:
        """Add a stretch.

        Args:
            output: The values of the output.
            target: The values of the target: the recording, or another output for it.
            recording: The recording's features.
        """
        energies = (output.energy, target.energy)
        moved = upper_movements(output.partials_db, target.partials_db, recording, self._band.cutoff_hz)
        if self._energies is not None and self._movements is not None:
            energies = (self._energies[0] + energies[0], self._energies[1] + energies[1])
            moved = (self._movements[0].plus(moved[0]), self._movements[1].plus(moved[1]))
        self._energies, self._movements = energies, moved
        self._pairs.append(
            _Pair(
                (output.mel_db - target.mel_db).abs().mean(-1),
                (output.attacks, target.attacks),
                (output.patches.float(), target.patches.float()),
                target.patches_db,
            )
        )

    def result(self) -> SoundMetrics:
        """Return the measures over all stretches; there is at least one."""
        assert self._energies is not None
        assert self._movements is not None
        rate, cutoff = self._sample_rate, self._band.cutoff_hz
        octaves_db = third_octave_differences_db(*self._energies, rate, cutoff)
        largest_db = max(octaves_db.values(), key=abs, default=None)
        loud = loud_patches(torch.cat([pair.patches_db for pair in self._pairs]))
        patches = [torch.cat([pair.patches[i] for pair in self._pairs])[loud] for i in range(2)]
        steep_db = [torch.cat([pair.attacks[i].steepness_db for pair in self._pairs]) for i in range(2)]
        rises_s = torch.stack([torch.cat([pair.attacks[i].rise_s for pair in self._pairs]) for i in range(2)])
        rises_s = rises_s[:, ~rises_s.isnan().any(0)]
        distances_db = torch.cat([pair.distance_db for pair in self._pairs])
        return SoundMetrics(
            realism=told_apart(*patches),
            n_patches=len(patches[1]),
            log_mel_l1_db=float(distances_db.double().mean()) if len(distances_db) else None,
            level_db=level_difference_db(*self._energies, rate, _LOWEST_HZ, cutoff),
            above_8khz_db=level_difference_db(*self._energies, rate, _HIGH_HZ, cutoff),
            third_octaves_db=octaves_db,
            third_octave_mean_db=_mean(map(abs, octaves_db.values())),
            third_octave_largest_db=largest_db,
            movement_db=self._movements[0].deviation_db,
            target_movement_db=self._movements[1].deviation_db,
            movement_correlation=self._movements[0].correlation,
            target_movement_correlation=self._movements[1].correlation,
            attack_db=_median(steep_db[0]),
            target_attack_db=_median(steep_db[1]),
            n_attacks=len(steep_db[1]),
            rise_ms=_median(1000.0 * rises_s[0]),
            target_rise_ms=_median(1000.0 * rises_s[1]),
            n_rises=rises_s.shape[1],
        )


def compare(
    output: Float[Tensor, " time"], target: Float[Tensor, "..."], recording: Features
) -> SoundMetrics:
    """Return the measures of an output against its target, for some minutes of sound at most.

    Args:
        output: The output.
        target: The recording.
        recording: The recording's features (``oscine.analyze``).

    Raises:
        InputError: When a sound is not as long as the features.

    Examples:
        >>> from oscine.analysis import analyze
        >>> recording = 0.1 * torch.sin(0.1 * torch.arange(16000.0))
        >>> level_db = compare(0.5 * recording, recording, analyze(recording, 16000, 64)).level_db
        >>> round(level_db or 0.0, 2)
        -6.02
    """
    rate = recording.sample_rate
    band = Band.of(energy_spectrum(target, rate), len(target), rate)
    tally = SoundTally(band, rate)
    tally.add(hear(output, recording, band), hear(target, recording, band), recording)
    return tally.result()


class _Pair(NamedTuple):
    """The kept values of a segment, output and target."""

    distance_db: Float[Tensor, " frame"]
    attacks: tuple[Attacks, Attacks]
    patches: tuple[Tensor, Tensor]
    patches_db: Tensor


def _median(values: Tensor) -> float | None:
    return float(values.double().median()) if len(values) >= _MEDIAN_OF_AT_LEAST else None


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None
