"""A voice at another pitch, with other formants, another intonation or more breath."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from oscine.analysis import TRACKERS, VOICED, Features, continuous_f0
from oscine.audio import FileReport, Sound
from oscine.audio.output import check_output, write_audio
from oscine.errors import InputError
from oscine.explain import explain
from oscine.files import printable, write_atomically
from oscine.functional import envelope_grid_hz, read_envelope
from oscine.models import Instrument
from oscine.models.inputs import Envelope
from oscine.processors import EnvelopeOscillator
from oscine.streaming import Streaming
from oscine.transfer.streaming import listen
from oscine.voices.voice import (
    N_NOISE_BANDS,
    Voice,
    n_partials,
    sound_rate,
    voice_bands,
    voice_hop,
    voice_pieces,
)

_LOWEST_HZ = 40.0
_BLOCK_FRAMES = 400


class VoiceChange(BaseModel):
    """What is to be changed of a voice; by default nothing.

    Raises:
        InputError: From `make`, when a value is out of its range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    pitch: float = Field(default=0.0, ge=-36.0, le=36.0)
    """Semitones up or down."""
    formant: float = Field(default=1.0, ge=0.4, le=2.5)
    """Factor on the frequencies of the formants: below 1 a longer vocal tract, above 1 a shorter one."""
    intonation: float = Field(default=1.0, ge=0.0, le=4.0)
    """Factor on the pitch's distance from its mean over voiced frames, in semitones; 0 is monotonous."""
    breath_db: float = Field(default=0.0, ge=-60.0, le=60.0)
    """dB added to the ratio of noise to partials; 60 whispers."""

    @staticmethod
    def make(**values: float) -> "VoiceChange":
        """Return a change.

        Raises:
            InputError: When a value is out of its range.
        """
        try:
            return VoiceChange(**values)
        except ValidationError as error:
            raise InputError(
                f"The change of the voice can't be made: {explain(error, VoiceChange)}."
            ) from None

    def f0_hz(self, features: Features) -> Float[Tensor, " frame"]:
        """Return the changed pitch of all frames, without gaps, Hz; at least 40."""
        semitones = 12 * torch.log2(continuous_f0(features))
        voiced = features.confidence >= VOICED
        mean = semitones[voiced].mean() if bool(voiced.any()) else semitones.mean()
        changed = mean + self.intonation * (semitones - mean) + self.pitch
        highest = features.sample_rate / 4
        return torch.exp2(changed / 12).clamp(_LOWEST_HZ, max(highest, _LOWEST_HZ))

    def apply(self, voice: Voice, f0_hz: Float[Tensor, " frame"]) -> Voice:
        """Return a voice with another pitch, its envelope changed.

        Moved formants keep the power: an envelope that is stretched over more Hz is lower.
        """
        density_db, ratio_db = voice.density_db, voice.noise_ratio_db
        if self.formant != 1:
            grid = envelope_grid_hz(density_db.shape[-1], voice.sample_rate) / self.formant
            points = grid.expand(len(density_db), -1)
            density_db = read_envelope(density_db, points, voice.sample_rate)
            density_db = density_db - 10 * torch.log10(torch.tensor(self.formant))
            ratio_db = read_envelope(ratio_db, points, voice.sample_rate)
        return Voice(f0_hz, density_db, ratio_db + self.breath_db, voice.sample_rate, voice.hop_length)


class VoiceReport(BaseModel):
    """What was done."""

    output: str
    sample_rate: int
    seconds: float
    pitch: float
    formant: float
    intonation: float
    breath_db: float
    f0_hz: tuple[float, float]
    """Mean pitch of the voiced frames before and after, Hz; in semitones' mean."""
    voiced_share: float
    peak: float
    scaled_db: float
    real_time_factor: float
    remarks: list[str]


def change_voice(
    sound: Sound,
    change: VoiceChange | None = None,
    *,
    vocoder: Instrument | None = None,
    tracker: str = TRACKERS[0],
    seed: int = 0,
) -> tuple[Float[Tensor, " time"], int]:
    """Return a changed recording of a voice and its sample rate, Hz: as long as the input, in time with it.

    Nothing is trained: pitch and envelope are measured and played again, so the pitch is exact and the
    formants stay where they are.

    Args:
        sound: An audio file, or samples and their rate in Hz. Channels are mixed.
        change: Of pitch, formants, intonation and breath; none if left out, which is copy synthesis.
        vocoder: A trained instrument whose synth has an `EnvelopeOscillator` and which takes ``f0`` and a
            measured ``envelope`` (recipe ``voice``); plain synthesis if left out.
        tracker: What finds the pitch, one of `oscine.analysis.TRACKERS`.
        seed: Of the noise.

    Raises:
        InputError: The sound cannot be read or is empty, or the vocoder takes other inputs.
    """
    change = change or VoiceChange()
    features, n_samples = listen(sound, *_grid(sound, vocoder), tracker=tracker)
    blocks = _blocks(sound, features, n_samples, change, vocoder, seed)
    return torch.cat(list(blocks)), features.sample_rate


def change_voice_file(
    input_path: str | Path,
    output_path: str | Path,
    change: VoiceChange | None = None,
    *,
    vocoder: Instrument | None = None,
    tracker: str = TRACKERS[0],
    seed: int = 0,
    on_progress: Callable[[float], None] | None = None,
) -> VoiceReport:
    """Change the voice in a file, write it to another as 24-bit PCM, and return what was done.

    Memory does not grow with the length, apart from the features. The output file appears complete or not at
    all; if its peak would clip, the level is reduced.

    Args:
        input_path: The recording.
        output_path: ``.wav`` or ``.flac``.
        change: See `change_voice`.
        vocoder: See `change_voice`.
        tracker: See `change_voice`.
        seed: Of the noise.
        on_progress: Called with the finished share of the synthesis.

    Raises:
        InputError: See `change_voice`; and when the output would overwrite the input or cannot be written.
    """
    change = change or VoiceChange()
    input_path, output_path = Path(input_path), Path(output_path)
    check_output(output_path, input_path, (".wav", ".flac"))
    began = time.perf_counter()
    verdicts: list[FileReport] = []
    grid = _grid(input_path, vocoder)
    features, n_samples = listen(input_path, *grid, verdicts.append, tracker)

    def told() -> Iterator[Tensor]:
        done = 0
        for block in _blocks(input_path, features, n_samples, change, vocoder, seed):
            yield block
            done += len(block)
            if on_progress is not None:
                on_progress(done / n_samples)

    peak = gain = 1.0

    def write(path: Path) -> None:
        nonlocal peak, gain
        peak, gain = write_audio(path, told(), features.sample_rate, n_samples)

    write_atomically(output_path, write)
    seconds = n_samples / features.sample_rate
    voiced = features.confidence >= VOICED
    remarks = [f"Of the input: {reason}." for reason in verdicts[0].reasons]
    if not bool(voiced.any()):
        remarks.append("No pitch was found in the input, so its envelope was measured as if it had 440 Hz.")
    if gain < 1:
        remarks.append(f"The peak was {peak:.2f} of full scale, so the level was reduced.")
    return VoiceReport(
        output=printable(output_path),
        sample_rate=features.sample_rate,
        seconds=seconds,
        **change.model_dump(),
        f0_hz=(_mean_hz(continuous_f0(features), voiced), _mean_hz(change.f0_hz(features), voiced)),
        voiced_share=float(voiced.float().mean()),
        peak=peak,
        scaled_db=float(20 * torch.log10(torch.tensor(gain))),
        real_time_factor=(time.perf_counter() - began) / seconds,
        remarks=remarks,
    )


def _mean_hz(f0_hz: Float[Tensor, " frame"], voiced: Tensor) -> float:
    heard = f0_hz[voiced] if bool(voiced.any()) else f0_hz
    return float(torch.exp2(torch.log2(heard).mean()))


def _grid(sound: Sound, vocoder: Instrument | None) -> tuple[int, int]:
    """Return the sample rate and hop of the synthesis.

    Raises:
        InputError: When the vocoder takes other inputs than a pitch and an envelope.
    """
    if vocoder is None:
        sample_rate = sound_rate(sound)
        return sample_rate, voice_hop(sample_rate)
    names = list(vocoder.inputs)
    if sorted(names) != ["envelope_db", "f0_hz"]:
        raise InputError(
            f"The instrument takes {', '.join(names)}; a vocoder takes f0_hz and envelope_db (recipe voice)."
        )
    return vocoder.sample_rate, vocoder.hop_length


def _blocks(
    sound: Sound,
    features: Features,
    n_samples: int,
    change: VoiceChange,
    vocoder: Instrument | None,
    seed: int,
) -> Iterator[Float[Tensor, " time"]]:
    """Yield the changed voice's sound, in all ``n_samples``."""
    f0_hz = change.f0_hz(features)
    sample_rate, hop_length = features.sample_rate, features.hop_length
    n_bands = voice_bands(sample_rate)
    if vocoder is not None:
        n_bands = next(one.n_bands for one in vocoder.all_inputs() if isinstance(one, Envelope))
    sizes = n_bands, n_partials(f0_hz, sample_rate), N_NOISE_BANDS
    plain = EnvelopeOscillator(*sizes, sample_rate, hop_length)
    player = cast("Streaming[Any]", plain if vocoder is None else vocoder)
    state, at = player.init_state(1, seed), 0
    with torch.no_grad():
        for piece in voice_pieces(sound, features, n_bands):
            changed = change.apply(piece, f0_hz[at : at + len(piece.f0_hz)])
            for first in range(0, len(changed.f0_hz), _BLOCK_FRAMES):
                now = changed.slice(first, first + _BLOCK_FRAMES)
                levels = [now.density_db[None], now.noise_ratio_db[None]]
                if vocoder is not None:
                    levels = [torch.cat(levels, -1)]
                audio, state = player.step(now.f0_hz[None], *levels, state=state)
                begin = (at + first) * hop_length
                yield audio[0, : max(0, n_samples - begin)]
            at += len(piece.f0_hz)
