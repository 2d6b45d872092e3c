"""The two passes over a performance: analysis of all of it, then playing block by block."""

import os
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import Features, analyze_blocks
from oscine.audio import FileReport, Sound, sound_blocks
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
"""What can be transferred: a file, or audio ``(time,)`` or ``(channel, time)`` with its sample rate."""


def listen(
    performance: Performance,
    sample_rate: int,
    hop_length: int,
    on_report: Callable[[FileReport], None] | None = None,
) -> tuple[Features, int]:
    """Return the features of the whole input, and its length in samples at ``sample_rate``.

    The features of an hour are 15 MB at 250 frames per second; the audio itself is never held whole.

    Args:
        performance: The input.
        sample_rate: In Hz, of the instrument.
        hop_length: Samples per frame.
        on_report: Called with the verdict on the input, when all of it has been read.

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

    parts = analyze_blocks(
        counted(), sample_rate, hop_length, n_threads=min(_MOST_THREADS, os.cpu_count() or 1)
    )
    features = _collect(parts, sample_rate, hop_length)
    return features, n_samples


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
    stream = Stream(instrument, seed=seed, dry=dry)
    n_frames, skip, left = (
        -(-(n_samples + stream.latency) // instrument.hop_length),
        stream.latency,
        n_samples,
    )
    for start in range(0, n_frames, block_frames):
        stop = min(start + block_frames, n_frames)
        f0_hz, loudness_db, gain = _controls(matched, start, stop)
        given = {"f0_hz": f0_hz[None], "loudness_db": loudness_db[None]}
        held = {name: curve[:, _held(curve[0], start, stop)] for name, curve in (conditions or {}).items()}
        wanted = {name: curve for name, curve in (held | given).items() if name in instrument.inputs}
        on_device = {name: curve.to(instrument.device) for name, curve in wanted.items()}
        # The gain comes before the effects: when a note ends, its reverberation rings on.
        audio = stream.push(**on_device, gain=gain[None].to(instrument.device))[0].cpu()
        audio, skip = audio[skip:], max(skip - len(audio), 0)
        if len(audio):
            yield audio[:left]
            left -= min(len(audio), left)


def _controls(
    matched: Matched, start: int, stop: int
) -> tuple[Float[Tensor, " frame"], Float[Tensor, " frame"], Float[Tensor, " frame"]]:
    """Return f0, loudness and gain of these frames; frames after the last one are silent at its pitch."""
    index = _held(matched.f0_hz, start, stop)
    after = torch.arange(start, stop) >= len(matched.f0_hz)
    quietest = torch.minimum(matched.loudness_db.min(), torch.tensor(LOUDNESS_FLOOR_DB))
    return (
        matched.f0_hz[index],
        torch.where(after, quietest, matched.loudness_db[index]),
        torch.where(after, 0.0, matched.gain[index]),
    )


def _held(values: Tensor, start: int, stop: int) -> Tensor:
    """Return the indices of these frames; after the last one it is held."""
    return torch.arange(start, stop).clamp(max=len(values) - 1)
