"""Statistics of a voice, averaged over its words: pitch, mean envelopes and their covariance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import TRACKERS, VOICED, Features
from oscine.audio import Sound, rate_of
from oscine.errors import InputError
from oscine.functional import envelope_grid_hz
from oscine.transfer.streaming import describe, listen
from oscine.voices.voice import Voice, voice_bands, voice_hop, voice_pieces

#: Frames this far below the loud ones are pauses, dB.
_PAUSE_DB = 40.0
#: Share of noise in the power of these frequencies at which a frame counts as half voiced, and its softness.
_VOICED_HZ, _HALF_VOICED, _SOFTNESS = (150.0, 2000.0), 0.4, 0.08
_LEAST_FRAMES = 50


@dataclass(frozen=True)
class VoiceStatistics:
    """Statistics of a voice, independent of its words.

    Attributes:
        pitch: Mean of the pitch over voiced frames, semitones above 1 Hz.
        spread: Standard deviation of it, semitones.
        mean_db: Mean envelope about each frame's own mean: of voiced frames, then of unvoiced ones, dB.
        covariance: Of the same, dB².
        seconds: Of speech without pauses.
        sample_rate: Hz.
    """

    pitch: float
    spread: float
    mean_db: Float[Tensor, "2 band"]
    covariance: Float[Tensor, "2 band band"]
    seconds: float
    sample_rate: int


def voice_statistics(
    sounds: Sound | Sequence[Sound], sample_rate: int | None = None, *, tracker: str = TRACKERS[0]
) -> VoiceStatistics:
    """Return the statistics of the voice in recordings; memory does not grow with their length.

    Args:
        sounds: One recording or several; half a minute is enough.
        sample_rate: At which they are analysed, Hz; the lowest of theirs if left out.
        tracker: The pitch tracker, one of `oscine.analysis.TRACKERS`.

    Raises:
        InputError: A sound cannot be read, or there is less than a quarter of a second of voiced speech.
    """
    several = several_sounds(sounds)
    rate = sample_rate or min(rate_of(sound) for sound in several)
    total = Sums(voice_bands(rate))
    heard = [listen(sound, rate, voice_hop(rate), tracker=tracker)[0] for sound in several]
    loud_db = max(map(loudest_db, heard))
    for sound, features in zip(several, heard, strict=True):
        total.add(sound, features, loud_db)
    return total.statistics(describe(several[0]), rate)


def several_sounds(sounds: Sound | Sequence[Sound]) -> list[Sound]:
    """Return one recording or several as a list.

    Raises:
        InputError: When there is none.
    """
    is_pair = isinstance(sounds, tuple) and len(sounds) == 2 and _is_rate(sounds[1])
    if is_pair or isinstance(sounds, (str, bytes)) or not isinstance(sounds, Sequence):
        return [sounds]  # type: ignore[list-item]
    if not sounds:
        raise InputError("There is no recording of the target; give one or more.")
    return list(sounds)  # type: ignore[arg-type]


def _is_rate(value: object) -> bool:
    return not isinstance(value, (str, Path, tuple))


def loudest_db(features: Features) -> float:
    """Return the power that 5 % of a recording's frames exceed, dB."""
    return float(torch.quantile(features.power_db[:: max(1, features.n_frames // 100_000)], 0.95))


class Sums:
    """Sums over frames, weighted by how far each is voiced or unvoiced, in float64."""

    def __init__(self, n_bands: int) -> None:
        self.weight = torch.zeros(2, dtype=torch.float64)
        self.first = torch.zeros(2, n_bands, dtype=torch.float64)
        self.second = torch.zeros(2, n_bands, n_bands, dtype=torch.float64)
        self.pitch = torch.zeros(3, dtype=torch.float64)
        self.seconds = 0.0

    def add(self, sound: Sound, features: Features, loud_db: float | None = None) -> None:
        """Add a recording.

        Args:
            sound: The recording.
            features: Of all of it.
            loud_db: Power of the loud frames (`loudest_db`) of all recordings together, dB; of this one alone
                if left out. A recording that is silent beside the others then adds nothing.
        """
        loud = loudest_db(features) if loud_db is None else loud_db
        at = 0
        for voice in voice_pieces(sound, features):
            part = slice(at, at + len(voice.f0_hz))
            at = part.stop
            active = features.power_db[part] > loud - _PAUSE_DB
            shape, voiced = shape_of(voice.density_db).double()[active], voicedness(voice).double()[active]
            for kind, weight in enumerate((voiced, 1 - voiced)):
                self.weight[kind] += weight.sum()
                self.first[kind] += weight @ shape
                self.second[kind] += (weight[:, None] * shape).T @ shape
            tonal = features.confidence[part] >= VOICED
            semitones = 12 * torch.log2(features.f0_hz[part].double()[tonal])
            self.pitch += torch.stack(
                [torch.tensor(float(len(semitones))).double(), semitones.sum(), (semitones**2).sum()]
            )
            self.seconds += float(active.sum()) / features.frame_rate

    def statistics(self, name: str, sample_rate: int) -> VoiceStatistics:
        """Return the statistics of all that was added."""
        n, total, squares = (float(x) for x in self.pitch)
        if n < _LEAST_FRAMES or self.weight[0] < _LEAST_FRAMES:
            raise InputError(
                f"{name} has less than a quarter of a second of voiced speech; give a recording of a voice."
            )
        # A kind that hardly occurs is taken as the other one.
        rare = self.weight[1] < _LEAST_FRAMES
        kinds = [0, 0] if rare else [0, 1]
        weight = self.weight[kinds][:, None]
        mean = self.first[kinds] / weight
        covariance = self.second[kinds] / weight[..., None] - mean[:, :, None] * mean[:, None]
        spread = math.sqrt(max(squares / n - (total / n) ** 2, 0.0))
        return VoiceStatistics(total / n, spread, mean.float(), covariance.float(), self.seconds, sample_rate)


def voicedness(voice: Voice) -> Float[Tensor, " frame"]:
    """Return how far each frame is voiced, 0 … 1, from the noise's share of the power at 150 … 2000 Hz."""
    grid = envelope_grid_hz(voice.density_db.shape[-1], voice.sample_rate)
    low = (grid > _VOICED_HZ[0]) & (grid < _VOICED_HZ[1])
    power = 10 ** (voice.density_db[:, low] / 10)
    noise = power * torch.sigmoid(voice.noise_ratio_db[:, low] * (math.log(10) / 10))
    return torch.sigmoid((_HALF_VOICED - noise.sum(1) / power.sum(1)) / _SOFTNESS)


def shape_of(density_db: Float[Tensor, "frame band"]) -> Float[Tensor, "frame band"]:
    """Return envelopes about each frame's own mean, dB."""
    return density_db - density_db.mean(1, keepdim=True)


def level_db(density_db: Float[Tensor, "frame band"], sample_rate: int) -> Float[Tensor, "frame 1"]:
    """Return the power of each frame, dB of full scale squared."""
    widths = torch.gradient(envelope_grid_hz(density_db.shape[-1], sample_rate).float())[0]
    return 10 * torch.log10((10 ** (density_db / 10) * widths).sum(1, keepdim=True))


def level_kept(shape: Float[Tensor, "frame band"], voice: Voice) -> Float[Tensor, "frame band"]:
    """Return envelopes of these shapes with the power of a voice's frames, dB."""
    return shape + level_db(voice.density_db, voice.sample_rate) - level_db(shape, voice.sample_rate)
