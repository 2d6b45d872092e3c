"""One voice in the manner of another, without training: the statistics of both, and the map between them.

A voice's frames are of two kinds, voiced and unvoiced, and each kind has a mean shape m and a covariance Σ of
its envelope in dB. Of all linear maps that give the source's statistics those of the target, one moves the
frames least (the optimal transport between two normal distributions):

    A = Σs^−½ (Σs^½ Σt Σs^½)^½ Σs^−½,    shape ↦ mt + A (shape − ms)

A frame that is partly voiced gets a share of both maps. The frame's level stays that of the source. Pitch is
mapped by mean and spread in semitones.

Reference: Takatsu, Wasserstein geometry of Gaussian measures, Osaka Journal of Mathematics 48, 2011, for the
map. Without the covariances it is the mean and variance map, the classic baseline of voice conversion.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from pydantic import BaseModel
from torch import Tensor

from oscine.analysis import TRACKERS, VOICED, Features
from oscine.audio import FileReport, Sound, rate_of
from oscine.audio.output import check_output
from oscine.errors import InputError
from oscine.files import printable
from oscine.functional import envelope_grid_hz
from oscine.transfer.streaming import describe, listen
from oscine.voices.heard import HeardVoice, heard_in
from oscine.voices.playing import audible_hz, changed_blocks, mean_hz, write_blocks
from oscine.voices.voice import Voice, voice_bands, voice_hop, voice_pieces

#: Frames this far below the loud ones are pauses, dB.
_PAUSE_DB = 40.0
#: Share of noise in the power of these frequencies at which a frame counts as half voiced, and its softness.
_VOICED_HZ, _HALF_VOICED, _SOFTNESS = (150.0, 2000.0), 0.4, 0.08
#: Of a covariance, the share that its diagonal alone is given; a variance added, dB².
_SHRINK, _RIDGE = 0.5, 0.5
_LEAST_FRAMES = 50
#: The target's melody is at most this many times as wide as the source's.
_WIDEST = 4.0


@dataclass(frozen=True)
class VoiceStatistics:
    """What a voice is like, whatever it says.

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
    """Return what the voice in some recordings is like; memory does not grow with their length.

    Args:
        sounds: One recording or several; half a minute is enough.
        sample_rate: At which they are analysed, Hz; the lowest of theirs if left out.
        tracker: What finds the pitch, one of `oscine.analysis.TRACKERS`.

    Raises:
        InputError: A sound cannot be read, or there is less than a quarter of a second of voiced speech.
    """
    several = _several(sounds)
    rate = sample_rate or min(rate_of(sound) for sound in several)
    total = _Sums(voice_bands(rate))
    for sound in several:
        features, _ = listen(sound, rate, voice_hop(rate), tracker=tracker)
        total.add(sound, features)
    return total.statistics(describe(several[0]), rate)


def _several(sounds: Sound | Sequence[Sound]) -> list[Sound]:
    if isinstance(sounds, (str, Path)) or (
        isinstance(sounds, tuple) and len(sounds) == 2 and _is_rate(sounds[1])
    ):
        return [sounds]  # type: ignore[list-item]
    if not sounds:
        raise InputError("There is no recording of the target; give one or more.")
    return list(sounds)  # type: ignore[arg-type]


def _is_rate(value: object) -> bool:
    return not isinstance(value, (str, Path, tuple))


class _Sums:
    """Sums over frames, weighted by how far each is voiced or unvoiced, in float64."""

    def __init__(self, n_bands: int) -> None:
        self.weight = torch.zeros(2, dtype=torch.float64)
        self.first = torch.zeros(2, n_bands, dtype=torch.float64)
        self.second = torch.zeros(2, n_bands, n_bands, dtype=torch.float64)
        self.pitch = torch.zeros(3, dtype=torch.float64)
        self.seconds = 0.0

    def add(self, sound: Sound, features: Features) -> None:
        """Add a recording."""
        loud = float(torch.quantile(features.power_db[:: max(1, features.n_frames // 100_000)], 0.95))
        at = 0
        for voice in voice_pieces(sound, features):
            part = slice(at, at + len(voice.f0_hz))
            at = part.stop
            active = features.power_db[part] > loud - _PAUSE_DB
            shape, voiced = _shape(voice.density_db).double()[active], voicedness(voice).double()[active]
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


def _shape(density_db: Float[Tensor, "frame band"]) -> Float[Tensor, "frame band"]:
    return density_db - density_db.mean(1, keepdim=True)


def _level_db(density_db: Float[Tensor, "frame band"], sample_rate: int) -> Float[Tensor, "frame 1"]:
    widths = torch.gradient(envelope_grid_hz(density_db.shape[-1], sample_rate).float())[0]
    return 10 * torch.log10((10 ** (density_db / 10) * widths).sum(1, keepdim=True))


def transport(
    source: Float[Tensor, "band band"], target: Float[Tensor, "band band"]
) -> Float[Tensor, "band band"]:
    """Return A = Σs^−½ (Σs^½ Σt Σs^½)^½ Σs^−½, the symmetric matrix with A Σs A = Σt.

    Args:
        source: Covariance Σs, positive definite.
        target: Covariance Σt, positive definite.
    """
    root = _root(source)
    inverse = torch.linalg.inv(root)
    return inverse @ _root(root @ target @ root) @ inverse


def _root(matrix: Float[Tensor, "band band"]) -> Float[Tensor, "band band"]:
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


class Conversion:
    """The map from one voice's statistics to another's; a change of a voice (`oscine.voices.playing.Change`).

    Args:
        source: Of the voice that is changed.
        target: Of the voice that it is to be like, at the same sample rate.
        strength: 0 … 1: how far towards the target.

    Raises:
        InputError: When the strength is out of its range or the rates differ.
    """

    def __init__(self, source: VoiceStatistics, target: VoiceStatistics, strength: float = 1.0) -> None:
        if not 0 <= strength <= 1:
            raise InputError(f"The strength is {strength:g}; give a number from 0 to 1.")
        if source.sample_rate != target.sample_rate:
            raise InputError(
                f"The statistics are of {source.sample_rate} Hz and {target.sample_rate} Hz; take both at "
                "one rate."
            )
        self.source, self.target, self.strength = source, target, strength
        maps = [
            transport(_regular(a.double()), _regular(b.double()))
            for a, b in zip(source.covariance, target.covariance, strict=True)
        ]
        self._matrices = torch.stack(maps).float()

    def f0_hz(self, voice: HeardVoice) -> Float[Tensor, " frame"]:
        """Return the pitch at the target's mean and spread, in semitones, Hz."""
        semitones = 12 * torch.log2(voice.f0_hz)
        factor = min(self.target.spread / max(self.source.spread, 0.1), _WIDEST)
        mapped = self.target.pitch + (semitones - self.source.pitch) * factor
        return audible_hz(torch.exp2(torch.lerp(semitones, mapped, self.strength) / 12), voice.sample_rate)

    def apply(self, voice: Voice, f0_hz: Float[Tensor, " frame"]) -> Voice:
        """Return the voice at another pitch, its envelope mapped and its level kept."""
        shape, voiced = _shape(voice.density_db), voicedness(voice)[:, None]
        mapped = [
            (shape - self.source.mean_db[kind]) @ self._matrices[kind] + self.target.mean_db[kind]
            for kind in range(2)
        ]
        changed = torch.lerp(shape, torch.lerp(mapped[1], mapped[0], voiced), self.strength)
        density_db = (
            changed + _level_db(voice.density_db, voice.sample_rate) - _level_db(changed, voice.sample_rate)
        )
        return Voice(f0_hz, density_db, voice.noise_ratio_db, voice.sample_rate, voice.hop_length)


def _regular(covariance: Float[Tensor, "band band"]) -> Float[Tensor, "band band"]:
    diagonal = torch.diag(covariance.diagonal())
    return torch.lerp(covariance, diagonal, _SHRINK) + _RIDGE * torch.eye(len(covariance)).to(covariance)


class ConversionReport(BaseModel):
    """What was done."""

    output: str
    sample_rate: int
    seconds: float
    target_s: float
    """Speech of the target that was used, pauses left out."""
    strength: float
    f0_hz: tuple[float, float]
    """Mean pitch of the voiced frames before and after, Hz; in semitones' mean."""
    peak: float
    scaled_db: float
    real_time_factor: float
    remarks: list[str]


def convert_voice(
    sound: Sound,
    like: Sound | Sequence[Sound],
    *,
    strength: float = 1.0,
    tracker: str = TRACKERS[0],
    seed: int = 0,
) -> tuple[Float[Tensor, " time"], int]:
    """Return a recording in the manner of another voice, and its sample rate in Hz; nothing is trained.

    The words and their timing are the input's. The result is at the lowest sample rate of all recordings.

    Args:
        sound: The recording.
        like: One recording of the target's voice or several, half a minute in all.
        strength: 0 … 1: how far towards the target.
        tracker: What finds the pitch, one of `oscine.analysis.TRACKERS`.
        seed: Of the noise.

    Raises:
        InputError: A sound cannot be read or has no voice, or the strength is out of its range.
    """
    heard, conversion = _prepared(sound, like, strength, tracker)
    return torch.cat(list(changed_blocks(heard, conversion, seed=seed))), heard.sample_rate


def convert_voice_file(
    input_path: str | Path,
    like: Sequence[str | Path],
    output_path: str | Path,
    *,
    strength: float = 1.0,
    tracker: str = TRACKERS[0],
    seed: int = 0,
    on_progress: Callable[[float], None] | None = None,
) -> ConversionReport:
    """Convert the voice in a file, write it to another as 24-bit PCM, and return what was done.

    Memory does not grow with the length, apart from the features. The output file appears complete or not at
    all; if its peak would clip, the level is reduced.

    Args:
        input_path: The recording.
        like: Recordings of the target.
        output_path: ``.wav`` or ``.flac``.
        strength: See `convert_voice`.
        tracker: See `convert_voice`.
        seed: Of the noise.
        on_progress: Called with the finished share of the synthesis.

    Raises:
        InputError: See `convert_voice`; and when the output would overwrite an input or cannot be written.
    """
    input_path, output_path = Path(input_path), Path(output_path)
    for path in (input_path, *map(Path, like)):
        check_output(output_path, path)
    began = time.perf_counter()
    heard, conversion = _prepared(input_path, list(like), strength, tracker)
    blocks = changed_blocks(heard, conversion, seed=seed)
    peak, gain = write_blocks(output_path, blocks, heard.sample_rate, heard.n_samples, on_progress)
    remarks, seconds = heard.remarks, heard.n_samples / heard.sample_rate
    if gain < 1:
        remarks.append(f"The peak was {peak:.2f} of full scale, so the level was reduced.")
    return ConversionReport(
        output=printable(output_path),
        sample_rate=heard.sample_rate,
        seconds=seconds,
        target_s=conversion.target.seconds,
        strength=strength,
        f0_hz=(mean_hz(heard.f0_hz, heard.voiced), mean_hz(conversion.f0_hz(heard), heard.voiced)),
        peak=peak,
        scaled_db=20 * math.log10(gain),
        real_time_factor=(time.perf_counter() - began) / seconds,
        remarks=remarks,
    )


def _prepared(
    sound: Sound, like: Sound | Sequence[Sound], strength: float, tracker: str
) -> tuple[HeardVoice, Conversion]:
    several = _several(like)
    rate = min(rate_of(one) for one in (sound, *several))
    target = voice_statistics(several, rate, tracker=tracker)
    verdicts: list[FileReport] = []
    features, n_samples = listen(sound, rate, voice_hop(rate), verdicts.append, tracker)
    sums = _Sums(voice_bands(rate))
    sums.add(sound, features)
    heard = heard_in(sound, features, n_samples, voice_bands(rate), verdicts[0].reasons)
    return heard, Conversion(sums.statistics(describe(sound), rate), target, strength)
