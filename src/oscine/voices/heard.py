"""A voice read from a recording or a coded file: its pitch as a whole, the rest in pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.analysis import VOICED, Features, continuous_f0
from oscine.audio import FileReport, Sound
from oscine.errors import InputError
from oscine.files import printable, read_bytes
from oscine.functional import envelope_grid_hz
from oscine.transfer.streaming import listen
from oscine.voices.codec import MOST_BYTES, SUFFIX, CodedVoice
from oscine.voices.envelope_flow import EnvelopeFlow, refined_pieces
from oscine.voices.voice import Voice, voice_pieces

_VOICED_BELOW_HZ = 1000.0


@dataclass(frozen=True)
class HeardVoice:
    """A voice of any length.

    Attributes:
        f0_hz: Fundamental of all frames without gaps, Hz.
        voiced: Where the voice has a pitch.
        n_samples: Samples of the sound.
        sample_rate: Hz.
        hop_length: Samples per frame.
        n_bands: Points of the envelope.
        pieces: The voice, some seconds at a time; can be read once.
        remarks: Sentences on what is wrong with the input.
    """

    f0_hz: Float[Tensor, " frame"]
    voiced: Bool[Tensor, " frame"]
    n_samples: int
    sample_rate: int
    hop_length: int
    n_bands: int
    pieces: Iterator[Voice]
    remarks: list[str]


def read_coded(path: Sound) -> CodedVoice:
    """Return the coded voice in a file of which `is_coded` is true.

    Raises:
        InputError: When it is none, or damaged.
        OSError: When it can't be read.
    """
    path = Path(str(path))
    content = read_bytes(path, MOST_BYTES)
    try:
        return CodedVoice.read(content)
    except InputError as error:
        raise InputError(f"{printable(path)} can't be played: {error}") from None


def is_coded(sound: Sound) -> bool:
    """Return whether this is the name of a coded voice."""
    return isinstance(sound, str | PathLike) and Path(sound).suffix.lower() == SUFFIX


def hear(
    sound: Sound,
    sample_rate: int,
    hop_length: int,
    n_bands: int,
    tracker: str,
    flow: EnvelopeFlow | None = None,
) -> HeardVoice:
    """Return the voice in a recording, measured at a rate, or in a coded file, which has a rate of its own.

    Args:
        sound: A path, or samples and their rate in Hz.
        sample_rate: Hz.
        hop_length: Samples per frame.
        n_bands: Points of the envelope.
        tracker: The pitch tracker.
        flow: Its predictor restores the envelopes of a coded voice.

    Raises:
        InputError: When the sound can't be read, or the coded file has another rate, hop or number of bands.
    """
    if not is_coded(sound):
        if flow is not None:
            raise InputError(f"Only a coded voice ({SUFFIX}) can be restored; leave --restore out.")
        verdicts: list[FileReport] = []
        features, n_samples = listen(sound, sample_rate, hop_length, verdicts.append, tracker)
        return heard_in(sound, features, n_samples, n_bands, verdicts[0].reasons)
    coded = read_coded(sound)
    grid = coded.sample_rate, coded.hop_length, coded.n_bands
    if grid != (sample_rate, hop_length, n_bands):
        raise InputError(
            f"{printable(str(sound))} has {grid[2]} bands every {grid[1]} samples at {grid[0]} Hz, the "
            f"vocoder {n_bands} every {hop_length} at {sample_rate} Hz; leave the vocoder out."
        )
    low = envelope_grid_hz(n_bands, sample_rate) < _VOICED_BELOW_HZ
    curves = [(piece.f0_hz, piece.noise_ratio_db[:, low].mean(-1) < 0) for piece in coded.pieces()]
    f0_hz, voiced = (torch.cat(parts) for parts in zip(*curves, strict=True))
    n_samples = coded.n_frames * hop_length
    pieces = coded.pieces() if flow is None else refined_pieces(coded, flow, n_steps=0)
    return HeardVoice(f0_hz, voiced, n_samples, sample_rate, hop_length, n_bands, pieces, [])


def heard_in(
    sound: Sound, features: Features, n_samples: int, n_bands: int, reasons: Sequence[str]
) -> HeardVoice:
    """Return the voice in a recording whose features are known.

    Args:
        sound: The recording.
        features: Of all of it, at the rate and hop of the voice.
        n_samples: Samples of it at that rate.
        n_bands: Points of the envelope.
        reasons: The faults of the recording.
    """
    remarks, voiced = [f"Of the input: {reason}." for reason in reasons], features.confidence >= VOICED
    if not bool(voiced.any()):
        remarks.append(
            "No pitch was found in the input, so its envelope was measured as if the pitch were 440 Hz."
        )
    return HeardVoice(
        continuous_f0(features),
        voiced,
        n_samples,
        features.sample_rate,
        features.hop_length,
        n_bands,
        voice_pieces(sound, features, n_bands),
        remarks,
    )
