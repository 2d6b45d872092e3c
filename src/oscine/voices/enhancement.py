"""Speech without its noise: a mask on the noisy sound, or speech synthesised from estimates."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from pydantic import BaseModel
from torch import Tensor

from oscine.analysis import TRACKERS, continuous_f0
from oscine.audio import FileReport, Sound, sound_blocks
from oscine.audio.output import check_output, write_audio
from oscine.audio.samples import spans_of
from oscine.errors import InputError
from oscine.files import printable
from oscine.transfer.streaming import describe, features_of
from oscine.voices.enhancer import CleanSpeech, Enhancer, masked
from oscine.voices.playing import audible_hz, played_blocks
from oscine.voices.voice import Voice

_PIECE_S = 20.0


class EnhancementReport(BaseModel):
    """The report of `oscine enhance`."""

    output: str
    sample_rate: int
    seconds: float
    mask: bool
    """Whether the noisy sound was masked; otherwise the speech was synthesised."""
    peak: float
    scaled_db: float
    real_time_factor: float
    remarks: list[str]


class _Piece(NamedTuple):
    """Some frames of a noisy sound."""

    audio: Float[Tensor, " time"]
    """The noisy sound under a mask."""
    speech: CleanSpeech


def enhance(
    sound: Sound, enhancer: Enhancer, *, mask: bool = False, tracker: str = TRACKERS[0], seed: int = 0
) -> tuple[Float[Tensor, " time"], int]:
    """Return the speech of a noisy recording, as long as the input, and the network's sample rate in Hz.

    The network gives a mask, and the envelope and the noise ratio of the speech. The mask alone is one
    result; for the other, pitch is tracked in the masked sound, and the speech is synthesised.

    Args:
        sound: An audio file, or samples and their rate in Hz. Channels are mixed.
        enhancer: The network.
        mask: Return the masked sound.
        tracker: The pitch tracker, one of `oscine.analysis.TRACKERS`.
        seed: Of the synthesis's noise.

    Raises:
        InputError: The sound cannot be read or is empty.
    """
    n_samples, blocks = _blocks(sound, enhancer, mask, tracker, seed, None)
    return torch.cat(list(blocks))[:n_samples], enhancer.config.sample_rate


def enhance_file(
    input_path: str | Path,
    output_path: str | Path,
    enhancer: Enhancer,
    *,
    mask: bool = False,
    tracker: str = TRACKERS[0],
    seed: int = 0,
    on_progress: Callable[[float], None] | None = None,
) -> EnhancementReport:
    """Enhance the speech in a file, write it to another as 24-bit PCM, and return a report.

    Memory does not grow with the length, apart from the pitch. The output file appears complete or not at
    all; if its peak would clip, the level is reduced.

    Args:
        input_path: The recording.
        output_path: ``.wav`` or ``.flac``.
        enhancer: See `enhance`.
        mask: See `enhance`.
        tracker: See `enhance`.
        seed: See `enhance`.
        on_progress: Called with the finished share of the last pass.

    Raises:
        InputError: See `enhance`; and when the output would overwrite the input or cannot be written.
    """
    input_path, output_path = Path(input_path), Path(output_path)
    check_output(output_path, input_path)
    began = time.perf_counter()
    verdicts: list[FileReport] = []
    n_samples, blocks = _blocks(input_path, enhancer, mask, tracker, seed, verdicts.append)
    rate = enhancer.config.sample_rate
    peak, gain = write_audio(output_path, blocks, rate, n_samples, on_progress)
    remarks = [f"Of the input: {reason}." for reason in verdicts[0].reasons]
    if gain < 1:
        remarks.append(f"The peak was {peak:.2f} of full scale, so the level was reduced.")
    return EnhancementReport(
        output=printable(output_path),
        sample_rate=rate,
        seconds=n_samples / rate,
        mask=mask,
        peak=peak,
        scaled_db=20 * math.log10(gain),
        real_time_factor=(time.perf_counter() - began) * rate / n_samples,
        remarks=remarks,
    )


def _blocks(
    sound: Sound,
    enhancer: Enhancer,
    mask: bool,
    tracker: str,
    seed: int,
    on_report: Callable[[FileReport], None] | None,
) -> tuple[int, Iterator[Float[Tensor, " time"]]]:
    """Return how many samples the result has, and the blocks of it."""
    config = enhancer.config
    n_samples = sum(len(block) for block in sound_blocks(sound, config.sample_rate, on_report))
    if n_samples == 0:
        raise InputError(f"{describe(sound)} holds no audio; give a recording with sound.")
    if mask:
        return n_samples, (piece.audio for piece in _pieces(sound, enhancer, n_samples))
    quieted = (piece.audio.numpy() for piece in _pieces(sound, enhancer, n_samples))
    features = features_of(quieted, config.sample_rate, config.hop_length, tracker)
    f0_hz = audible_hz(continuous_f0(features), config.sample_rate)

    def voices() -> Iterator[Voice]:
        at = 0
        for _, speech in _pieces(sound, enhancer, n_samples):
            pitch = f0_hz[at : at + speech.density_db.shape[1]]
            at += len(pitch)
            levels = speech.density_db[0, : len(pitch)], speech.noise_ratio_db[0, : len(pitch)]
            yield Voice(pitch, *levels, config.sample_rate, config.hop_length)

    grid = config.sample_rate, config.hop_length
    return n_samples, played_blocks(voices(), f0_hz, config.n_bands, n_samples, *grid, seed=seed)


def _pieces(sound: Sound, enhancer: Enhancer, n_samples: int) -> Iterator[_Piece]:
    """Yield what the network makes of a sound, 20 s at a time; where the pieces meet does not matter."""
    rate, hop = enhancer.config.sample_rate, enhancer.config.hop_length
    n_frames = -(-n_samples // hop)
    n_piece, around = round(_PIECE_S * rate / hop), enhancer.frames_around
    starts = range(0, n_frames, n_piece)
    firsts = [max(0, start - around) for start in starts]
    spans = [
        (first * hop, min(n_samples, (start + n_piece + around) * hop))
        for first, start in zip(firsts, starts, strict=True)
    ]
    windows = spans_of(sound_blocks(sound, rate), spans)
    with torch.no_grad():
        for start, first, audio in zip(starts, firsts, windows, strict=True):
            noisy = torch.from_numpy(audio)[None]
            speech = enhancer(noisy)
            quieted = masked(noisy, speech.gain, rate, hop)[0]
            part = slice(start - first, min(start + n_piece, n_frames) - first)
            yield _Piece(
                quieted[part.start * hop : part.stop * hop], CleanSpeech(*(one[:, part] for one in speech))
            )
