"""A voice at another pitch, with other formants, another intonation or more breath."""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from oscine.analysis import TRACKERS
from oscine.audio import Sound
from oscine.audio.output import AUDIO_OUTPUTS, check_output, write_audio
from oscine.errors import InputError
from oscine.explain import explain
from oscine.files import printable, write_atomically
from oscine.functional import envelope_grid_hz, read_envelope
from oscine.models import Instrument
from oscine.voices.codec import DEFAULT_BITRATE, SUFFIX, check_bitrate, encode
from oscine.voices.envelope_flow import EnvelopeFlow
from oscine.voices.heard import HeardVoice, hear, is_coded
from oscine.voices.playing import audible_hz, changed, changed_blocks, grid_of, mean_hz
from oscine.voices.voice import Voice


class VoiceChange(BaseModel):
    """The changes of a voice; by default none.

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
        return audible_hz(torch.exp2(changed / 12), voice.sample_rate)

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
    """The report of `oscine voice`."""

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
    flow: EnvelopeFlow | None = None,
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
        flow: Its predictor restores the envelopes of a coded voice; left out, they stay as decoded.
        tracker: The pitch tracker, one of `oscine.analysis.TRACKERS`.
        seed: Of the noise.

    Raises:
        InputError: The sound cannot be read or is empty, or the vocoder takes other inputs;
            and when something else than a coded voice of 16 kHz or more is to be restored.
    """
    change = change or VoiceChange()
    heard = hear(sound, *grid_of(sound, vocoder), tracker, flow)
    return torch.cat(list(changed_blocks(heard, change, vocoder, seed))), heard.sample_rate


def change_voice_file(
    input_path: str | Path,
    output_path: str | Path,
    change: VoiceChange | None = None,
    *,
    vocoder: Instrument | None = None,
    flow: EnvelopeFlow | None = None,
    tracker: str = TRACKERS[0],
    seed: int = 0,
    bitrate: float | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> VoiceReport:
    """Change the voice in a file, write it to another, and return a report.

    Sound is written as 24-bit PCM; a name that ends in ``.ovc`` gets a coded voice of a few kb/s instead
    (`oscine.voices.encode`), which can be the input later.

    Memory does not grow with the length, apart from the features. The output file appears complete or not at
    all; if its peak would clip, the level is reduced.

    Args:
        input_path: The recording, or a coded voice.
        output_path: ``.wav``, ``.flac`` or ``.ovc``.
        change: See `change_voice`.
        vocoder: See `change_voice`.
        flow: See `change_voice`.
        tracker: See `change_voice`.
        seed: Of the noise.
        bitrate: Of a coded voice, kb/s, 0.6 … 8; 2 if left out.
        on_progress: Called with the finished share of the synthesis.

    Raises:
        InputError: See `change_voice`; and when the output would overwrite the input or cannot be written.
    """
    change = change or VoiceChange()
    input_path, output_path = Path(input_path), Path(output_path)
    check_output(output_path, input_path, (*AUDIO_OUTPUTS, SUFFIX))
    if is_coded(output_path) and vocoder is not None:
        raise InputError("A coded voice is played by a vocoder, not written by one; leave the vocoder out.")
    if bitrate is not None and not is_coded(output_path):
        raise InputError(
            f"Only a coded voice ({SUFFIX}) has a bit rate; leave it out for {output_path.suffix}."
        )
    bitrate = DEFAULT_BITRATE if bitrate is None else bitrate
    check_bitrate(bitrate)
    began = time.perf_counter()
    heard = hear(input_path, *grid_of(input_path, vocoder), tracker, flow)
    n_samples, seconds = heard.n_samples, heard.n_samples / heard.sample_rate
    remarks, peak, gain, bits = heard.remarks, 0.0, 1.0, None
    if is_coded(output_path):
        content = encode(changed(heard, change), bitrate)
        write_atomically(output_path, content)
        bits = 8 * len(content)
        if bits > 1000 * bitrate * seconds:
            remarks.append(f"This sound can't be coded in {bitrate:g} kb/s; it has the coarsest steps.")
    else:
        blocks = changed_blocks(heard, change, vocoder, seed)
        peak, gain = write_audio(output_path, blocks, heard.sample_rate, n_samples, on_progress)
    if gain < 1:
        remarks.append(f"The peak was {peak:.2f} of full scale, so the level was reduced.")
    return VoiceReport(
        output=printable(output_path),
        sample_rate=heard.sample_rate,
        seconds=seconds,
        **change.model_dump(),
        f0_hz=(mean_hz(heard.f0_hz, heard.voiced), mean_hz(change.f0_hz(heard), heard.voiced)),
        voiced_share=float(heard.voiced.float().mean()),
        peak=peak,
        scaled_db=float(20 * torch.log10(torch.tensor(gain))),
        bitrate=None if bits is None else bits / seconds / 1000,
        real_time_factor=(time.perf_counter() - began) / seconds,
        remarks=remarks,
    )
