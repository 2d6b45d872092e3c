"""Sound in an array, brought to the one form that everything works on: mono float32 blocks at one rate."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from oscine.errors import InputError

_FEED_S = 1.0
_LARGEST_SAMPLE = 100.0
_MOST_CHANNELS = 64


def mix_down(channels: Shaped[np.ndarray, "channel time"]) -> Float32[np.ndarray, " time"]:
    """Return the mean of the channels; integers by their full scale, unsigned ones being silent half-way."""
    scale, offset = 1.0, 0.0
    if channels.dtype.kind in "iu":
        scale = 2.0 ** (np.iinfo(channels.dtype).bits - 1)
        offset = scale if channels.dtype.kind == "u" else 0.0
    elif channels.shape[0] == 1 and channels.dtype == np.float32:
        return channels[0]
    with np.errstate(over="ignore", invalid="ignore"):
        return ((channels.mean(axis=0, dtype=np.float64) - offset) / scale).astype(np.float32)


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
    for start in range(0, audio.shape[1], 8 * sample_rate):
        # Its errstate is set and reset in there: another thread may close this generator.
        yield mix_down(audio[:, start : start + 8 * sample_rate])


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


def resample_blocks(
    blocks: Iterable[Float32[np.ndarray, " time"]], old_rate: int, new_rate: int
) -> Iterator[Float32[np.ndarray, " newtime"]]:
    """Yield mono blocks at another rate: soxr's linear-phase stream, delay already taken out."""
    if new_rate == old_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(old_rate, new_rate, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
