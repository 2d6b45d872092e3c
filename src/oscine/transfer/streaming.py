"""The two passes over a performance: analysis of all of it, then playing block by block."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import TRACKERS, F0Curve, Features, analyze_blocks
from oscine.audio import FileReport, Sound, sound_blocks
from oscine.audio.samples import span_blocks
from oscine.data.statistics import LOUDNESS_FLOOR_DB
from oscine.errors import InputError
from oscine.files import printable
from oscine.models import Instrument
from oscine.streaming import Stream
from oscine.transfer.matching import Matched

BLOCK_FRAMES = 512
_MOST_THREADS = 4  # each analysis thread takes about 30 MB
_CAPACITY = 1 << 20  # frames; 70 minutes at 250 a second, and only what is used takes memory

Performance = Sound
"""The input of a transfer: a file, or audio ``(time,)`` or ``(channel, time)`` with its sample rate."""


def listen(
    performance: Performance,
    sample_rate: int,
    hop_length: int,
    on_report: Callable[[FileReport], None] | None = None,
    tracker: str | F0Curve = TRACKERS[0],
) -> tuple[Features, int]:
    """Return the features of the whole input, and its length in samples at ``sample_rate``.

    The features of an hour are 15 MB at 250 frames per second; the audio itself is never held whole.

    Args:
        performance: The input.
        sample_rate: In Hz, of the instrument.
        hop_length: Samples per frame.
        on_report: Called with the verdict on the input, when all of it has been read.
        tracker: What finds the pitch, one of ``TRACKERS``; or the pitch that is known.

    Raises:
        InputError: The input has no audio.
    """
    n_samples = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal n_samples
        for block in sound_blocks(performance, sample_rate, on_report):
            n_samples += len(block)
            yield block
        if n_samples == 0:
            raise InputError(f"{describe(performance)} holds no audio; give a recording with sound.")

    features = features_of(counted(), sample_rate, hop_length, tracker)
    return features, n_samples


def features_of(
    blocks: Iterator[np.ndarray],
    sample_rate: int,
    hop_length: int,
    tracker: str | F0Curve = TRACKERS[0],
) -> Features:
    """Return the features of a sound that comes in blocks, which are not kept.

    Args:
        blocks: Mono, at ``sample_rate``.
        sample_rate: In Hz.
        hop_length: Samples per frame.
        tracker: What finds the pitch, one of ``TRACKERS``; or the pitch that is known.
    """
    n_threads = min(_MOST_THREADS, os.cpu_count() or 1)
    parts = analyze_blocks(blocks, sample_rate, hop_length, n_threads, tracker)
    return _collect(parts, sample_rate, hop_length)


def _collect(parts: Iterator[Features], sample_rate: int, hop_length: int) -> Features:
    """Return the parts as one, copied into one large array as they come.

    A list of them would do, but each small tensor that is kept pins down the freed memory of the large ones
    that the analysis made before it: measured, 8 MB for every 16 s of sound.
    """
    columns, n_frames = np.empty((4, _CAPACITY), dtype=np.float32), 0
    for part in parts:
        stop = n_frames + part.n_frames
        if stop > columns.shape[1]:
            grown = np.empty((4, 2 * max(stop, columns.shape[1])), dtype=np.float32)
            grown[:, :n_frames] = columns[:, :n_frames]
            columns = grown
        for column, values in zip(
            columns, (part.f0_hz, part.confidence, part.loudness_db, part.power_db), strict=True
        ):
            column[n_frames:stop] = values.numpy()
        n_frames = stop
    f0_hz, confidence, loudness_db, power_db = torch.from_numpy(columns[:, :n_frames])
    return Features(f0_hz, confidence, loudness_db, power_db, sample_rate, hop_length)


def describe(performance: Performance) -> str:
    """Return what to call the input in a message."""
    return "The audio given" if isinstance(performance, tuple) else printable(performance)


def play(
    instrument: Instrument,
    matched: Matched,
    n_samples: int,
    *,
    conditions: Mapping[str, Tensor] | None = None,
    dry: bool = False,
    seed: int = 0,
    block_frames: int = BLOCK_FRAMES,
) -> Iterator[Float[Tensor, " time"]]:
    """Yield the instrument's audio block by block: ``n_samples`` in all, in time with the input.

    The instrument's latency is removed from the start. The audio does not depend on ``block_frames``.

    Args:
        instrument: The instrument.
        matched: Pitch and loudness for the instrument.
        n_samples: Samples to deliver.
        conditions: The other conditions by name, for every frame, a batch of one.
        dry: Leave out the instrument's effects.
        seed: Seed of the instrument's noise.
        block_frames: Frames played at a time.
    """
    # The gain comes before the effects: when a note ends, its reverberation rings on.
    source, effects = Stream(instrument, seed=seed, dry=True), instrument.effects
    # Effects that nothing controls can run beside the source.
    apart = source.compiled and not (effects.inputs or effects.controls)
    if dry or not len(effects.parts):
        rest = None
    elif apart:
        rest = Stream(effects, seed=seed)
    else:
        source, rest = Stream(instrument, seed=seed), None
    n_late = source.latency + (rest.latency if rest else 0)
    n_frames = -(-(n_samples + n_late) // instrument.hop_length)
    starts = range(0, n_frames, block_frames)
    given = _curves(instrument, matched, conditions or {}, n_frames)
    blocks = (
        source.push(**{name: curve[:, start : start + block_frames] for name, curve in given.items()})
        for start in starts
    )
    blocks = _ahead(blocks) if source.compiled else blocks
    audio = ((rest.push(block) if rest else block)[0].cpu() for block in blocks)
    yield from span_blocks(audio, n_late, n_samples)


def _ahead(blocks: Iterator[Tensor]) -> Iterator[Tensor]:
    """Yield the same; the next one is made meanwhile, by another thread."""
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(next, blocks, None)
        while (block := made.result()) is not None:
            made = pool.submit(next, blocks, None)
            yield block


def _curves(
    instrument: Instrument, matched: Matched, conditions: Mapping[str, Tensor], n_frames: int
) -> dict[str, Float[Tensor, "1 frame ..."]]:
    """Return all that the instrument takes, by name; frames after the last one are silent at its pitch."""
    quietest = min(float(matched.loudness_db.min()), LOUDNESS_FLOOR_DB)
    curves = {
        "f0_hz": _held(matched.f0_hz, n_frames),
        "loudness_db": _held(matched.loudness_db, n_frames, quietest),
    }
    curves |= {name: _held(curve[0], n_frames) for name, curve in conditions.items() if name not in curves}
    wanted = {name: curve for name, curve in curves.items() if name in instrument.inputs}
    wanted["gain"] = _held(matched.gain, n_frames, 0.0)
    return {name: curve[None].to(instrument.device) for name, curve in wanted.items()}


def _held(values: Float[Tensor, "frame ..."], n_frames: int, after: float | None = None) -> Tensor:
    """Return the values of so many frames; behind the last one stand ``after``, or the last one itself."""
    n_after = max(n_frames - len(values), 0)
    more = (
        values[-1:].expand(n_after, *values.shape[1:])
        if after is None
        else values.new_full((n_after,), after)
    )
    return torch.cat([values[:n_frames], more])
