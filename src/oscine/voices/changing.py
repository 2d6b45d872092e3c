"""A voice at another pitch, with other formants, another intonation or more breath."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from oscine.analysis import TRACKERS
from oscine.audio import Sound
from oscine.audio.output import check_output, write_audio
from oscine.errors import InputError
from oscine.explain import explain
from oscine.files import printable, write_atomically
from oscine.functional import envelope_grid_hz, read_envelope
from oscine.models import Instrument
from oscine.models.inputs import Envelope
from oscine.processors import EnvelopeOscillator
from oscine.streaming import Streaming
from oscine.voices.codec import DEFAULT_BITRATE, SUFFIX, check_bitrate, encode
from oscine.voices.heard import HeardVoice, hear, is_coded, read_coded
from oscine.voices.voice import (
    N_NOISE_BANDS,
    Voice,
    n_partials,
    sound_rate,
    voice_bands,
    voice_hop,
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

    def f0_hz(self, voice: HeardVoice) -> Float[Tensor, " frame"]:
        """Return the changed pitch of all frames, without gaps, Hz; at least 40."""
        semitones, voiced = 12 * torch.log2(voice.f0_hz), voice.voiced
        mean = semitones[voiced].mean() if bool(voiced.any()) else semitones.mean()
        changed = mean + self.intonation * (semitones - mean) + self.pitch
        highest = voice.sample_rate / 4
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
    """Of full scale; 0 where a coded voice was written."""
    scaled_db: float
    bitrate: float | None
    """kb/s of the coded voice that was written; None for sound."""
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
        sound: An audio file, a coded voice (``.ovc``), or samples and their rate in Hz. Channels are mixed.
        change: Of pitch, formants, intonation and breath; none if left out, which is copy synthesis.
        vocoder: A trained instrument whose synth has an `EnvelopeOscillator` and which takes ``f0`` and a
            measured ``envelope`` (recipe ``voice``); plain synthesis if left out.
        tracker: What finds the pitch, one of `oscine.analysis.TRACKERS`.
        seed: Of the noise.

    Raises:
        InputError: The sound cannot be read or is empty, or the vocoder takes other inputs.
    """
    change = change or VoiceChange()
    heard = hear(sound, *_grid(sound, vocoder), tracker)
    return torch.cat(list(_blocks(heard, change, vocoder, seed))), heard.sample_rate


def change_voice_file(
    input_path: str | Path,
    output_path: str | Path,
    change: VoiceChange | None = None,
    *,
    vocoder: Instrument | None = None,
    tracker: str = TRACKERS[0],
    seed: int = 0,
    bitrate: float | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> VoiceReport:
    """Change the voice in a file, write it to another, and return what was done.

    Sound is written as 24-bit PCM; a name that ends in ``.ovc`` gets a coded voice of a few kb/s instead
    (`oscine.voices.encode`), which can be the input later.

    Memory does not grow with the length, apart from the features. The output file appears complete or not at
    all; if its peak would clip, the level is reduced.

    Args:
        input_path: The recording, or a coded voice.
        output_path: ``.wav``, ``.flac`` or ``.ovc``.
        change: See `change_voice`.
        vocoder: See `change_voice`.
        tracker: See `change_voice`.
        seed: Of the noise.
        bitrate: Of a coded voice, kb/s, 0.6 … 8; 2 if left out.
        on_progress: Called with the finished share of the synthesis.

    Raises:
        InputError: See `change_voice`; and when the output would overwrite the input or cannot be written.
    """
    change = change or VoiceChange()
    input_path, output_path = Path(input_path), Path(output_path)
    check_output(output_path, input_path, (".wav", ".flac", SUFFIX))
    if is_coded(output_path) and vocoder is not None:
        raise InputError("A coded voice is played by a vocoder, not written by one; leave the vocoder out.")
    if bitrate is not None and not is_coded(output_path):
        raise InputError(
            f"Only a coded voice ({SUFFIX}) has a bit rate; leave it out for {output_path.suffix}."
        )
    bitrate = DEFAULT_BITRATE if bitrate is None else bitrate
    check_bitrate(bitrate)
    began = time.perf_counter()
    heard = hear(input_path, *_grid(input_path, vocoder), tracker)
    n_samples, seconds = heard.n_samples, heard.n_samples / heard.sample_rate
    remarks, peak, gain, bits = heard.remarks, 0.0, 1.0, None

    def told() -> Iterator[Tensor]:
        done = 0
        for block in _blocks(heard, change, vocoder, seed):
            yield block
            done += len(block)
            if on_progress is not None:
                on_progress(done / n_samples)

    def write(path: Path) -> None:
        nonlocal peak, gain
        peak, gain = write_audio(path, told(), heard.sample_rate, n_samples)

    if is_coded(output_path):
        content = encode(_changed(heard, change), bitrate)
        write_atomically(output_path, content)
        bits = 8 * len(content)
        if bits > 1000 * bitrate * seconds:
            remarks.append(f"This sound can't be coded in {bitrate:g} kb/s; it has the coarsest steps.")
    else:
        write_atomically(output_path, write)
    if gain < 1:
        remarks.append(f"The peak was {peak:.2f} of full scale, so the level was reduced.")
    return VoiceReport(
        output=printable(output_path),
        sample_rate=heard.sample_rate,
        seconds=seconds,
        **change.model_dump(),
        f0_hz=(_mean_hz(heard.f0_hz, heard.voiced), _mean_hz(change.f0_hz(heard), heard.voiced)),
        voiced_share=float(heard.voiced.float().mean()),
        peak=peak,
        scaled_db=float(20 * torch.log10(torch.tensor(gain))),
        bitrate=None if bits is None else bits / seconds / 1000,
        real_time_factor=(time.perf_counter() - began) / seconds,
        remarks=remarks,
    )


def _mean_hz(f0_hz: Float[Tensor, " frame"], voiced: Tensor) -> float:
    heard = f0_hz[voiced] if bool(voiced.any()) else f0_hz
    return float(torch.exp2(torch.log2(heard).mean()))


def _grid(sound: Sound, vocoder: Instrument | None) -> tuple[int, int, int]:
    """Return the sample rate, hop and bands of the synthesis.

    Raises:
        InputError: When the vocoder takes other inputs than a pitch and an envelope.
    """
    if vocoder is None:
        sample_rate = read_coded(sound).sample_rate if is_coded(sound) else sound_rate(sound)
        return sample_rate, voice_hop(sample_rate), voice_bands(sample_rate)
    names = list(vocoder.inputs)
    if sorted(names) != ["envelope_db", "f0_hz"]:
        raise InputError(
            f"The instrument takes {', '.join(names)}; a vocoder takes f0_hz and envelope_db (recipe voice)."
        )
    n_bands = next(one.n_bands for one in vocoder.all_inputs() if isinstance(one, Envelope))
    return vocoder.sample_rate, vocoder.hop_length, n_bands


def _changed(heard: HeardVoice, change: VoiceChange) -> Iterator[Voice]:
    """Yield the changed voice, some seconds at a time."""
    f0_hz, at = change.f0_hz(heard), 0
    for piece in heard.pieces:
        yield change.apply(piece, f0_hz[at : at + len(piece.f0_hz)])
        at += len(piece.f0_hz)


def _blocks(
    heard: HeardVoice, change: VoiceChange, vocoder: Instrument | None, seed: int
) -> Iterator[Float[Tensor, " time"]]:
    """Yield the changed voice's sound, in all ``n_samples``."""
    player, state, at = None, None, 0
    partials = n_partials(change.f0_hz(heard), heard.sample_rate)
    with torch.no_grad():
        for changed in _changed(heard, change):
            if player is None:
                sizes = changed.density_db.shape[-1], partials, N_NOISE_BANDS
                plain = EnvelopeOscillator(*sizes, heard.sample_rate, heard.hop_length)
                player = cast("Streaming[Any]", plain if vocoder is None else vocoder)
                state = player.init_state(1, seed)
            for first in range(0, len(changed.f0_hz), _BLOCK_FRAMES):
                now = changed.slice(first, first + _BLOCK_FRAMES)
                levels = [now.density_db[None], now.noise_ratio_db[None]]
                if vocoder is not None:
                    levels = [torch.cat(levels, -1)]
                audio, state = player.step(now.f0_hz[None], *levels, state=state)
                yield audio[0, : max(0, heard.n_samples - at * heard.hop_length)]
                at += len(now.f0_hz)
