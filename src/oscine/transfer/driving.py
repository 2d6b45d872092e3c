"""What drives an instrument beside pitch and loudness, heard in the performance that it is to play."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from oscine.analysis import Features
from oscine.errors import InputError
from oscine.models import Instrument
from oscine.models.instrument import CURVE_SCALES
from oscine.transfer.streaming import Performance, Playable, input_blocks

_PIECE_S = 60.0


def hear(
    instrument: Playable,
    performance: Performance,
    features: Features,
    voice: str | None = None,
    shift_db: Tensor | None = None,
) -> dict[str, Tensor]:
    """Return the conditions of all frames by name, (frame,) or (frame, channel); empty where there are none.

    z and the centroid are the performance's, heard a minute at a time, so that hours need no more memory for
    the sound. A curve that only the training set had stands at its mean there.

    Args:
        instrument: Who plays.
        performance: What it is given.
        features: Of the performance.
        voice: Which of the instrument's voices; the first where it is left out.
        shift_db: What is added to the performance's loudness, (frame,): the other definition gets it as well.

    Raises:
        InputError: When it has no such voice.
    """
    voices = instrument.config.voices if isinstance(instrument, Instrument) else ()
    if voice is not None and voice not in voices:
        there = f"there are {', '.join(voices)}" if voices else "it has one alone; leave the voice out"
        raise InputError(f"The instrument has no voice {voice}; {there}.")
    if not isinstance(instrument, Instrument) or not instrument.condition_names:
        return {}
    curves = {} if instrument.statistics is None else instrument.statistics.curves
    own = [name for name in instrument.config.curves if name not in CURVE_SCALES]
    means = {name: curves.get(name, (0.0, 1.0))[0] for name in own}
    which = torch.tensor([voices.index(voice) if voice else 0])
    step = max(1, round(_PIECE_S * features.frame_rate))
    parts: list[dict[str, Tensor]] = []
    blocks = _pieces(input_blocks(performance, instrument.sample_rate), step * instrument.hop_length)
    for start in range(0, features.n_frames, step):
        part = features.slice(start, min(start + step, features.n_frames))
        audio = torch.zeros(part.n_frames * instrument.hop_length)
        block = torch.from_numpy(next(blocks, np.zeros(0, np.float32)))[: len(audio)]
        audio[: len(block)] = block
        with torch.no_grad():
            _, conditions = instrument.hear(
                audio[None],
                f0_hz=part.f0_hz[None],
                confidence=part.confidence[None],
                curves={name: torch.full((1, part.n_frames), mean) for name, mean in means.items()},
                voice=which,
            )
        parts.append({name: condition[0].clone() for name, condition in conditions.items()})
    conditions = {name: torch.cat([part[name] for part in parts]) for name in instrument.condition_names}
    if shift_db is not None and "paper_loudness" in conditions:
        conditions["paper_loudness"] = conditions["paper_loudness"] + shift_db
    return conditions


def _pieces(blocks: Iterator[np.ndarray], n_samples: int) -> Iterator[np.ndarray]:
    """Yield the same samples in pieces of one length; the last may be shorter."""
    waiting: list[np.ndarray] = []
    n_waiting = 0
    for block in blocks:
        for start in range(0, len(block), n_samples):
            waiting.append(block[start : start + n_samples])
            n_waiting += len(waiting[-1])
            if n_waiting >= n_samples:
                joined = np.concatenate(waiting)
                yield joined[:n_samples]
                waiting, n_waiting = [joined[n_samples:]], n_waiting - n_samples
    if n_waiting:
        yield np.concatenate(waiting)
