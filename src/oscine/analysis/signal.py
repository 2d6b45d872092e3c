"""Any audio, brought to the one form that the analysis works on: mono, float32, 16 kHz.

Because everything is measured at this rate, the same sound gives the same features whatever it was stored as.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
import torch
from torch import Tensor

from oscine.errors import InputError

ANALYSIS_RATE = 16000
"""In Hz: the tracker's rate, and that of both definitions of loudness."""

_FEED_S = 1.0
_LARGEST_SAMPLE = 100.0
_MOST_CHANNELS = 64


def default_hop_length(sample_rate: int) -> int:
    """Return the samples per frame that come nearest to 250 frames a second (64 at 16 kHz, 192 at 48 kHz)."""
    return max(1, round(sample_rate / 250))


def check_grid(sample_rate: int, hop_length: int | None) -> int:
    """Return the hop length to use.

    Raises:
        InputError: When the sample rate or the hop length cannot be worked with.
    """
    if not 4000 <= sample_rate <= 768000:
        raise InputError(f"The sample rate is {sample_rate} Hz; give audio of 4000 to 768000 Hz.")
    if hop_length is None:
        return default_hop_length(sample_rate)
    if not 1 <= hop_length <= sample_rate:
        raise InputError(f"The hop length is {hop_length} samples; give 1 to {sample_rate} (one second).")
    return hop_length


def mono_blocks(audio: Tensor | np.ndarray, sample_rate: int) -> Iterator[np.ndarray]:
    """Yield an array's samples as mono float32, a few seconds at a time; integers by their full scale.

    Args:
        audio: ``(time,)`` or ``(channel, time)``; any real dtype. Unsigned integers are silent half-way.
        sample_rate: In Hz; it only sets how much is converted at once.

    Raises:
        InputError: When the array has other axes, no channel, or no real numbers.
    """
    if isinstance(audio, Tensor):
        audio = audio.detach().cpu()
        audio = (audio.float() if audio.dtype in (torch.bfloat16, torch.float16) else audio).numpy()
    if audio.dtype.kind not in "iuf":
        raise InputError(f"Audio of type {audio.dtype} cannot be analysed; give integers or floats.")
    if audio.ndim == 1:
        audio = audio[None]
    if audio.ndim != 2 or not 1 <= audio.shape[0] <= _MOST_CHANNELS:
        raise InputError(
            f"Audio of shape {tuple(audio.shape)} cannot be analysed; give (time,) or (channel, time), "
            f"with at most {_MOST_CHANNELS} channels."
        )
    scale, offset = 1.0, 0.0
    if audio.dtype.kind in "iu":
        scale = 2.0 ** (np.iinfo(audio.dtype).bits - 1)
        offset = scale if audio.dtype.kind == "u" else 0.0
    for start in range(0, audio.shape[1], 8 * sample_rate):
        block = audio[:, start : start + 8 * sample_rate].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            mono = ((block.mean(0) - offset) / scale).astype(np.float32)
        # Outside: a generator may be closed by another thread, and what errstate has set is the thread's own.
        yield mono


def check_blocks(blocks: Iterable[np.ndarray], sample_rate: int) -> Iterator[np.ndarray]:
    """Yield the same samples in blocks of one length (the last may be shorter).

    Fixed blocks are why the features cannot depend on how the audio came in, down to the last bit.

    Raises:
        InputError: At the first sample that is not a number, infinite, or far beyond full scale.
    """
    length = round(_FEED_S * sample_rate)
    kept: list[np.ndarray] = []
    n_kept = n_seen = 0
    for given in blocks:
        block = np.asarray(given, dtype=np.float32)
        if block.ndim != 1:
            raise InputError(f"A block of shape {block.shape} is not mono; give blocks of shape (time,).")
        # One pass finds both: a comparison with NaN is false.
        usable = np.abs(block) <= _LARGEST_SAMPLE
        if not usable.all():
            at = int(np.argmin(usable))
            where = f"sample {n_seen + at} ({(n_seen + at) / sample_rate:.3f} s)"
            if np.isfinite(block[at]):
                raise InputError(
                    f"The audio is {block[at]:g} at {where}; floats lie in −1 … 1, divide by the full scale."
                )
            raise InputError(f"The audio is {block[at]} at {where}; replace what is not a finite number.")
        n_seen += len(block)
        kept.append(block)
        n_kept += len(block)
        if n_kept >= length:
            joined = np.concatenate(kept)
            whole = n_kept // length * length
            yield from joined[:whole].reshape(-1, length)
            kept, n_kept = [joined[whole:]], n_kept - whole
    if n_kept:
        yield np.concatenate(kept)


def resample_blocks(blocks: Iterable[np.ndarray], sample_rate: int) -> Iterator[np.ndarray]:
    """Yield mono blocks at ``ANALYSIS_RATE``: soxr's linear-phase stream, delay already taken out."""
    if sample_rate == ANALYSIS_RATE:
        yield from blocks
        return
    stream = soxr.ResampleStream(sample_rate, ANALYSIS_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def to_analysis_rate(audio: Tensor | np.ndarray, sample_rate: int) -> np.ndarray:
    """Return a whole signal as mono float32 at ``ANALYSIS_RATE``.

    Raises:
        InputError: As ``mono_blocks`` and ``check_blocks``.
    """
    blocks = resample_blocks(check_blocks(mono_blocks(audio, sample_rate), sample_rate), sample_rate)
    return np.concatenate([np.zeros(0, dtype=np.float32), *blocks])
