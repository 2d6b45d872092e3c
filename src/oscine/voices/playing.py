"""A recording's voice, changed frame by frame and played: what all changes of a voice share."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.audio import Sound, rate_of
from oscine.errors import InputError
from oscine.models import Instrument
from oscine.models.inputs import Envelope
from oscine.processors import EnvelopeOscillator
from oscine.streaming import Streaming
from oscine.voices.heard import HeardVoice, is_coded, read_coded
from oscine.voices.voice import N_NOISE_BANDS, Voice, n_partials, voice_bands, voice_hop

_LOWEST_HZ = 40.0
_BLOCK_FRAMES = 400


@runtime_checkable
class Change(Protocol):
    """A change of a voice: first its pitch, all at once, then the rest, piece by piece."""

    def f0_hz(self, voice: HeardVoice) -> Float[Tensor, " frame"]:
        """Return the changed pitch of all frames, without gaps, Hz."""
        ...

    def apply(self, voice: Voice, f0_hz: Float[Tensor, " frame"]) -> Voice:
        """Return a piece of the voice at the changed pitch."""
        ...


def audible_hz(f0_hz: Float[Tensor, " frame"], sample_rate: int) -> Float[Tensor, " frame"]:
    """Return a pitch kept between 40 Hz and a quarter of the sample rate."""
    return f0_hz.clamp(_LOWEST_HZ, max(sample_rate / 4, _LOWEST_HZ))


def mean_hz(f0_hz: Float[Tensor, " frame"], voiced: Tensor) -> float:
    """Return the mean pitch of the voiced frames, or of all where there are none; in semitones' mean, Hz."""
    heard = f0_hz[voiced] if bool(voiced.any()) else f0_hz
    return float(torch.exp2(torch.log2(heard).mean()))


def grid_of(sound: Sound, vocoder: Instrument | None = None) -> tuple[int, int, int]:
    """Return the sample rate, hop and bands of the synthesis.

    Raises:
        InputError: When the vocoder takes other inputs than a pitch and an envelope.
    """
    if vocoder is None:
        sample_rate = read_coded(sound).sample_rate if is_coded(sound) else rate_of(sound)
        return sample_rate, voice_hop(sample_rate), voice_bands(sample_rate)
    names = list(vocoder.inputs)
    if sorted(names) != ["envelope_db", "f0_hz"]:
        raise InputError(
            f"The instrument takes {', '.join(names)}; a vocoder takes f0_hz and envelope_db (recipe voice)."
        )
    n_bands = next(one.n_bands for one in vocoder.all_inputs() if isinstance(one, Envelope))
    return vocoder.sample_rate, vocoder.hop_length, n_bands


def changed(heard: HeardVoice, change: Change) -> Iterator[Voice]:
    """Yield the changed voice, some seconds at a time."""
    f0_hz, at = change.f0_hz(heard), 0
    for piece in heard.pieces:
        yield change.apply(piece, f0_hz[at : at + len(piece.f0_hz)])
        at += len(piece.f0_hz)


def changed_blocks(
    heard: HeardVoice, change: Change, vocoder: Instrument | None = None, seed: int = 0
) -> Iterator[Float[Tensor, " time"]]:
    """Yield the changed voice's sound, in all ``n_samples``.

    Args:
        heard: The voice, on the grid of the synthesis (`grid_of`).
        change: The change.
        vocoder: A trained instrument that plays; plain synthesis if left out.
        seed: Of the noise.
    """
    grid = heard.n_bands, heard.n_samples, heard.sample_rate, heard.hop_length
    yield from played_blocks(changed(heard, change), change.f0_hz(heard), *grid, vocoder, seed)


def played_blocks(
    voices: Iterable[Voice],
    f0_hz: Float[Tensor, " frame"],
    n_bands: int,
    n_samples: int,
    sample_rate: int,
    hop_length: int,
    vocoder: Instrument | None = None,
    seed: int = 0,
) -> Iterator[Float[Tensor, " time"]]:
    """Yield the sound of a voice that comes in pieces, in all ``n_samples``.

    Args:
        voices: The pieces, one after another.
        f0_hz: Pitch of all of them: the lowest decides how many partials there are.
        n_bands: Points of an envelope.
        n_samples: Samples to yield.
        sample_rate: Hz.
        hop_length: Samples per frame.
        vocoder: A trained instrument that plays; plain synthesis if left out.
        seed: Of the noise.
    """
    sizes = n_bands, n_partials(f0_hz, sample_rate), N_NOISE_BANDS
    plain = EnvelopeOscillator(*sizes, sample_rate, hop_length)
    player = cast("Streaming[Any]", plain if vocoder is None else vocoder)
    state = player.init_state(1, seed)
    at = 0
    with torch.no_grad():
        for voice in voices:
            for first in range(0, len(voice.f0_hz), _BLOCK_FRAMES):
                now = voice.slice(first, first + _BLOCK_FRAMES)
                levels = [now.density_db[None], now.noise_ratio_db[None]]
                if vocoder is not None:
                    levels = [torch.cat(levels, -1)]
                audio, state = player.step(now.f0_hz[None], *levels, state=state)
                begin = (at + first) * hop_length
                yield audio[0, : max(0, n_samples - begin)]
            at += len(voice.f0_hz)
