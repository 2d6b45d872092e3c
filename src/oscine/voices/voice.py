"""`Voice`: what a voice does, frame by frame, and the sound of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import Features, continuous_f0, spectral_envelope
from oscine.audio import Sound, rate_of, sound_blocks
from oscine.audio.samples import spans_of
from oscine.functional import envelope_oscillator
from oscine.transfer.streaming import listen

#: Width of a band, mel: 80 bands at 16 kHz.
_BAND_MEL = 36.0
_FRAMES_PER_S = 200
_PIECE_S, _AROUND_S = 20.0, 1.0
N_NOISE_BANDS = 257
#: A voice of 40 Hz at 48 kHz has no partial above this number.
_MOST_PARTIALS = 600


@dataclass(frozen=True)
class Voice:
    """Pitch, spectral envelope and noise; frame t describes the instant ``(t + 1) · hop_length``.

    Attributes:
        f0_hz: Fundamental without gaps, Hz; if the noise ratio is high it is inaudible.
        density_db: Power density at `oscine.functional.envelope_grid_hz`, dB of full scale squared per Hz.
        noise_ratio_db: Power of the noise over that of the partials, dB.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """

    f0_hz: Float[Tensor, " frame"]
    density_db: Float[Tensor, "frame band"]
    noise_ratio_db: Float[Tensor, "frame band"]
    sample_rate: int
    hop_length: int

    def play(self, *, seed: int = 0) -> Float[Tensor, " time"]:
        """Return its sound, ``frame · hop_length`` samples.

        Args:
            seed: Of the noise.
        """
        with torch.no_grad():
            return envelope_oscillator(
                self.f0_hz[None],
                self.density_db[None],
                self.noise_ratio_db[None],
                n_partials=n_partials(self.f0_hz, self.sample_rate),
                n_noise_bands=N_NOISE_BANDS,
                sample_rate=self.sample_rate,
                hop_length=self.hop_length,
                seed=seed,
            )[0]

    def slice(self, start: int, stop: int) -> "Voice":
        """Return frames ``start`` … ``stop − 1``."""
        return Voice(
            self.f0_hz[start:stop],
            self.density_db[start:stop],
            self.noise_ratio_db[start:stop],
            self.sample_rate,
            self.hop_length,
        )


def voice_bands(sample_rate: int) -> int:
    """Return the number of points of a voice's envelope: one every 36 mel, 80 at 16 kHz."""
    return 1 + round(2595 * math.log10(1 + sample_rate / 1400) / _BAND_MEL)


def voice_hop(sample_rate: int) -> int:
    """Return the samples per frame of a voice: 5 ms."""
    return max(1, round(sample_rate / _FRAMES_PER_S))


def n_partials(f0_hz: Float[Tensor, " frame"], sample_rate: int) -> int:
    """Return the number of partials below Nyquist at the lowest pitch."""
    return min(_MOST_PARTIALS, max(1, math.ceil(sample_rate / 2 / max(float(f0_hz.min()), 1.0))))


def analyze_voice(sound: Sound, tracker: str = "swift-f0") -> Voice:
    """Return the pitch, envelope and noise of a voice in a recording.

    Args:
        sound: An audio file, or samples and their rate in Hz.
        tracker: The pitch tracker, one of `oscine.analysis.TRACKERS`.

    Raises:
        InputError: The sound cannot be read or is empty.

    Examples:
        >>> import torch
        >>> voice = analyze_voice((torch.sin(torch.arange(16000) / 16000 * 2 * torch.pi * 220), 16000))
        >>> voice.density_db.shape
        torch.Size([200, 80])
    """
    sample_rate = rate_of(sound)
    features, _ = listen(sound, sample_rate, voice_hop(sample_rate), tracker=tracker)
    pieces = list(voice_pieces(sound, features))
    return Voice(
        continuous_f0(features),
        torch.cat([piece.density_db for piece in pieces]),
        torch.cat([piece.noise_ratio_db for piece in pieces]),
        sample_rate,
        features.hop_length,
    )


def voice_pieces(sound: Sound, features: Features, n_bands: int | None = None) -> Iterator[Voice]:
    """Yield a recording's voice, 20 s at a time, so that hours need no more memory for the sound.

    Args:
        sound: The recording.
        features: Of all of it, at the rate and hop that the voice is to have.
        n_bands: Points of the envelope; `voice_bands` if left out.
    """
    sample_rate, hop_length, n_frames = features.sample_rate, features.hop_length, features.n_frames
    n_bands = n_bands or voice_bands(sample_rate)
    f0_hz = continuous_f0(features)
    n_piece, n_around = round(_PIECE_S * features.frame_rate), round(_AROUND_S * features.frame_rate)
    starts = range(0, n_frames, n_piece)
    firsts = [max(0, start - n_around) for start in starts]
    lasts = [min(n_frames, start + n_piece + n_around) for start in starts]
    spans = [(first * hop_length, last * hop_length) for first, last in zip(firsts, lasts, strict=True)]
    windows = spans_of(sound_blocks(sound, sample_rate), spans)
    for start, first, last, audio in zip(starts, firsts, lasts, windows, strict=True):
        both = spectral_envelope(audio, f0_hz[first:last], sample_rate, hop_length, n_bands)
        density_db, ratio_db = both.split(n_bands, -1)
        whole = Voice(f0_hz[first:last], density_db, ratio_db, sample_rate, hop_length)
        yield whole.slice(start - first, min(start + n_piece, n_frames) - first)
