"""Sound in an array, brought to the one form that everything works on: mono float32 blocks at one rate."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import soxr
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from oscine.errors import InputError

LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000
"""In Hz: the sample rates that recorded sound can have."""

Rate = int | float | np.integer | np.floating
"""A sample rate in Hz; ``check_rate`` wants it whole."""

Samples = Tensor | np.ndarray | Sequence[Any]
"""Samples ``(time,)`` or ``(channel, time)``."""

AnySamples = TypeVar("AnySamples", Tensor, np.ndarray)

_FEED_S = 1.0
_LARGEST_SAMPLE = 100.0
_MOST_CHANNELS = 64


def check_rate(sample_rate: Rate) -> int:
    """Return a sample rate as a whole number of Hz.

    Raises:
        InputError: When it is not whole, or none that sound is recorded at.
    """
    if not isinstance(sample_rate, Rate):
        raise InputError(
            f"The sample rate is not a number but of type {type(sample_rate).__name__}; give a whole number "
            "of Hz."
        )
    try:
        rate = int(sample_rate)
    except (ValueError, OverflowError):
        rate = 0
    if rate != sample_rate or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InputError(
            f"The sample rate is {sample_rate} Hz; give a whole number from {LOWEST_RATE} to {HIGHEST_RATE}."
        )
    return rate


def mix_down(channels: Float[np.ndarray, "channel time"]) -> Float32[np.ndarray, " time"]:
    """Return the mean of the channels."""
    with np.errstate(over="ignore", invalid="ignore"):
        mixed = channels[0] if len(channels) == 1 else channels.mean(axis=0, dtype=np.float64)
        return mixed.astype(np.float32, copy=False)


def channel_blocks(audio: Samples, sample_rate: int) -> Iterator[Float[np.ndarray, "channel time"]]:
    """Yield an array's samples as floats, a few seconds at a time.

    Args:
        audio: ``(time,)`` or ``(channel, time)``; any real dtype. Integers are divided by their full scale,
            unsigned ones being silent half-way.
        sample_rate: In Hz; it only sets how much is converted at once.

    Raises:
        InputError: When the array has other axes, no channel, or no real numbers.
    """
    if isinstance(audio, Tensor):
        if audio.layout is not torch.strided or audio.is_meta or audio.is_quantized:
            raise InputError("A sparse, quantised or meta tensor is not audio; give its samples as floats.")
        audio = audio.detach().cpu().resolve_neg()
        audio = (audio.float() if audio.dtype in (torch.bfloat16, torch.float16) else audio).numpy()
    try:
        samples = np.asarray(audio)
    except (TypeError, ValueError):
        raise InputError(f"{type(audio).__name__} is not audio; give an array, a tensor or a path.") from None
    if samples.dtype.kind not in "iuf":
        raise InputError(f"Audio of type {samples.dtype} cannot be used; give integers or floats.")
    if samples.ndim == 1:
        samples = samples[None]
    if samples.ndim != 2 or not 1 <= samples.shape[0] <= _MOST_CHANNELS:
        is_turned = samples.ndim == 2 and 1 <= samples.shape[1] <= _MOST_CHANNELS
        turn = "; this may be (time, channel), as soundfile gives it: transpose it" if is_turned else ""
        raise InputError(
            f"Audio of shape {tuple(samples.shape)} cannot be used; give (time,) or (channel, time), "
            f"with at most {_MOST_CHANNELS} channels{turn}."
        )
    scale = offset = 0.0
    if samples.dtype.kind in "iu":
        scale = 2.0 ** (np.iinfo(samples.dtype).bits - 1)
        offset = scale if samples.dtype.kind == "u" else 0.0
    for start in range(0, samples.shape[1], 8 * sample_rate):
        block = samples[:, start : start + 8 * sample_rate]
        if scale:
            yield (block - offset) / scale
        elif block.dtype == np.float16:
            yield block.astype(np.float32)
        else:
            yield block


def mono_blocks(audio: Samples, sample_rate: int) -> Iterator[Float32[np.ndarray, " time"]]:
    """Yield an array's samples as mono float32, a few seconds at a time; see ``channel_blocks``.

    Raises:
        InputError: As ``channel_blocks``.
    """
    for block in channel_blocks(audio, sample_rate):
        yield mix_down(block)


def require_levels(
    block: Float[np.ndarray, " time"], sample_rate: int, n_before: int, name: str = "The audio"
) -> None:
    """Refuse samples that are no audio.

    Args:
        block: Mono.
        sample_rate: In Hz.
        n_before: Samples that came before these, for the message.
        name: What they are of.

    Raises:
        InputError: At the first sample that is not a number, infinite, or far beyond full scale.
    """
    # One pass finds both: a comparison with NaN is false.
    usable = np.abs(block) <= _LARGEST_SAMPLE
    if usable.all():
        return
    at = int(np.argmin(usable))
    where = f"sample {n_before + at} ({(n_before + at) / sample_rate:.3f} s)"
    if np.isfinite(block[at]):
        raise InputError(
            f"{name} has {block[at]:g} at {where}; floats lie in −1 … 1, divide by the full scale."
        )
    raise InputError(f"{name} has {block[at]} at {where}; replace samples that are not finite numbers.")


def check_blocks(blocks: Iterable[np.ndarray], sample_rate: int) -> Iterator[np.ndarray]:
    """Yield the same samples in blocks of one length (the last may be shorter).

    Fixed blocks are why the features cannot depend on how the audio came in, down to the last bit.

    Args:
        blocks: Mono.
        sample_rate: In Hz.

    Raises:
        InputError: As ``require_levels``.
    """
    yield from equal_blocks(_usable(blocks, sample_rate), round(_FEED_S * sample_rate))


def _usable(blocks: Iterable[np.ndarray], sample_rate: int) -> Iterator[np.ndarray]:
    n_seen = 0
    for given in blocks:
        block = np.asarray(given, dtype=np.float32)
        if block.ndim != 1:
            raise InputError(f"A block of shape {block.shape} is not mono; give blocks of shape (time,).")
        require_levels(block, sample_rate, n_seen)
        n_seen += len(block)
        yield block


def equal_blocks(
    blocks: Iterable[Float32[np.ndarray, " time"]], length: int
) -> Iterator[Float32[np.ndarray, " time"]]:
    """Yield the same samples in blocks of this length; the last may be shorter."""
    kept: list[np.ndarray] = []
    n_kept = 0
    for block in blocks:
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


def span_blocks(blocks: Iterable[AnySamples], first: int, n_samples: int) -> Iterator[AnySamples]:
    """Yield so many samples of a sound from one of them on, in blocks, as they come."""
    skip, left = first, n_samples
    for block in blocks:
        inside, skip = block[skip:], max(skip - len(block), 0)
        if len(inside):
            yield inside[:left]
            left -= min(len(inside), left)


def spans_of(
    blocks: Iterator[Float32[np.ndarray, " time"]], spans: list[tuple[int, int]]
) -> Iterator[Float32[np.ndarray, " time"]]:
    """Yield the samples of overlapping spans, in order; zeros behind the end."""
    longest = max(last - first for first, last in spans) if spans else 1
    cut = (block[i : i + longest] for block in blocks for i in range(0, len(block), longest))
    kept, at = np.zeros(0, np.float32), 0
    for first, last in spans:
        parts, n_there = [kept[first - at :]], len(kept) - (first - at)
        while n_there < last - first:
            block = next(cut, None)
            if block is None:
                block = np.zeros(last - first - n_there, np.float32)
            parts.append(block)
            n_there += len(block)
        kept, at = np.concatenate(parts), first
        yield kept[: last - first]
