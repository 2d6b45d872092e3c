"""The sound of a score's parts: their voices through their effects, at one sample rate, mixed."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float32

from oscine.audio.samples import equal_blocks, resample_blocks, span_blocks
from oscine.performance.curves import conditions_of
from oscine.performance.options import RenderOptions
from oscine.performance.parts import Part, ringing
from oscine.streaming import Stream

_BLOCK_FRAMES = 512
_MIXED_SAMPLES = 1 << 16
_SEEDS_APART = 1 << 20
Block = Float32[np.ndarray, " time"]


def mixed_length(parts: Sequence[Part]) -> tuple[int, int]:
    """Return the sample rate of the mix and its length in samples."""
    sample_rate = max(part.instrument.sample_rate for part in parts)
    return sample_rate, max(-(-part.n_samples * sample_rate // part.instrument.sample_rate) for part in parts)


def mixed(parts: Sequence[Part], options: RenderOptions) -> Iterator[Block]:
    """Yield the sum of the parts."""
    sample_rate, n_samples = mixed_length(parts)

    def blocks_of(number: int, part: Part) -> Iterator[Block]:
        # No two parts have the same noise.
        played = _played(part, options, options.seed + number * _SEEDS_APART)
        return equal_blocks(resample_blocks(played, part.instrument.sample_rate, sample_rate), _MIXED_SAMPLES)

    sources = [blocks_of(number, part) for number, part in enumerate(parts)]
    for start in range(0, n_samples, _MIXED_SAMPLES):
        mix = np.zeros(min(_MIXED_SAMPLES, n_samples - start), np.float32)
        for source in sources:
            block = next(source, mix[:0])
            mix[: len(block)] += block[: len(mix)]
        yield mix


def _played(part: Part, options: RenderOptions, seed: int) -> Iterator[Block]:
    """Yield an instrument's audio: its voices, and behind them its effects, once for all voices.

    A voice is computed while it has a note, and for as long as its source lags behind it.
    """
    instrument, hop_length = part.instrument, part.instrument.hop_length
    effects = instrument.effects
    shared = not (options.dry or effects.inputs or effects.controls) and len(effects.parts) > 0
    rest = Stream(effects, seed=seed) if shared else None
    dry = options.dry or shared
    voices = [Stream(instrument, seed=seed + i, dry=dry) for i in range(len(part.curves))]
    # The first frame lies before the score.
    skip = hop_length + voices[0].latency + (rest.latency if rest else 0)
    late = -(-(voices[0].latency + (0 if dry else ringing(instrument))) // hop_length)
    n_frames = len(part.curves[0].gain)
    computed = [_around(curves.sounding, late) for curves in part.curves]
    n_all = -(-(part.n_samples + skip) // hop_length)

    def blocks() -> Iterator[Block]:
        for start in range(0, n_all, _BLOCK_FRAMES):
            stop = min(start + _BLOCK_FRAMES, n_all)
            audio = torch.zeros(1, (stop - start) * hop_length)
            for stream, curves, on in zip(voices, part.curves, computed, strict=True):
                for a, b in _runs(on[start : min(stop, n_frames + late)]):
                    block = conditions_of(instrument, curves, slice(start + a, start + b), part.identity)
                    block = {name: curve.to(instrument.device) for name, curve in block.items()}
                    audio[:, a * hop_length : b * hop_length] += stream.push(**block).cpu()
            yield (rest.push(audio.to(instrument.device)).cpu() if rest else audio)[0].numpy()

    yield from span_blocks(blocks(), skip, part.n_samples)


def _around(on: np.ndarray, n_late: int) -> np.ndarray:
    """Return the frames of notes, the one before and behind each, and so many more behind it."""
    wide = np.zeros(len(on) + n_late, bool)
    for start, stop in _runs(on):
        wide[max(start - 1, 0) : stop + 1 + n_late] = True
    return wide


def _runs(on: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
