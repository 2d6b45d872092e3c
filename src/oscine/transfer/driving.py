"""What drives an instrument beside pitch and loudness, heard in the performance that it is to play."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from oscine.analysis import Features
from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.models import Instrument
from oscine.models.instrument import CURVE_SCALES
from oscine.transfer.streaming import Performance, Playable, input_blocks

_PIECE_S = 60.0
#: Sound before and behind a piece that is heard with it: windows reach into it, and networks warm up in it.
_AROUND_S = 1.0


def hear(
    instrument: Playable,
    performance: Performance,
    features: Features,
    voice: str | None = None,
    shift_db: Tensor | None = None,
) -> dict[str, Tensor]:
    """Return the conditions of all frames by name, (frame,) or (frame, channel); empty where there are none.

    What is heard in sound is heard a minute at a time, with a second around it, so that hours need no more
    memory for the sound. A curve that only the training set had stands at its mean there, the voice's own.

    Args:
        instrument: Who plays.
        performance: What it is given.
        features: Of the performance.
        voice: Which of the instrument's voices; the first where it is left out.
        shift_db: What is added to the performance's loudness, (frame,): the other definition gets it as well.

    Raises:
        InputError: When it has no such voice.
    """
    which, learned = _number_of(instrument, voice), statistics_of(instrument, voice)
    if not isinstance(instrument, Instrument) or not instrument.condition_names:
        return {}
    curves = {} if learned is None else learned.curves
    own = [name for name in instrument.config.curves if name not in CURVE_SCALES]
    means = {name: curves.get(name, (0.0, 1.0))[0] for name in own}
    encoder = instrument.config.timbre_encoder
    grid = 1 if encoder is None else encoder.frames_per_z
    step, n_around = (
        grid * max(1, round(seconds * features.frame_rate / grid)) for seconds in (_PIECE_S, _AROUND_S)
    )
    parts: list[dict[str, Tensor]] = []
    hop_length, n_frames = instrument.hop_length, features.n_frames
    blocks = _pieces(
        input_blocks(performance, instrument.sample_rate), step * hop_length, n_around * hop_length
    )
    for start in range(0, n_frames, step):
        stop, first = min(start + step, n_frames), max(start - n_around, 0)
        part = features.slice(first, min(stop + n_around, n_frames))
        audio = torch.zeros(part.n_frames * hop_length)
        block = torch.from_numpy(next(blocks, np.zeros(0, np.float32)))[: len(audio)]
        audio[: len(block)] = block
        with torch.no_grad():
            conditions = instrument.conditions(
                audio[None],
                confidence=part.confidence[None],
                curves={name: torch.full((1, part.n_frames), mean) for name, mean in means.items()},
                voice=torch.tensor([which]),
            )
        inside = slice(start - first, stop - first)
        parts.append({name: condition[0, inside].clone() for name, condition in conditions.items()})
    conditions = {name: torch.cat([part[name] for part in parts]) for name in instrument.condition_names}
    if shift_db is not None and "paper_loudness" in conditions:
        conditions["paper_loudness"] = conditions["paper_loudness"] + shift_db
    return conditions


def statistics_of(instrument: Playable, voice: str | None = None) -> Statistics | None:
    """Return what an instrument, or one of its voices, has learned; of a voice without pitch, the instrument.

    Args:
        instrument: Who plays.
        voice: Which of its voices; the first where it is left out.

    Raises:
        InputError: When it has no such voice.
    """
    which, learned = _number_of(instrument, voice), instrument.statistics
    if not isinstance(instrument, Instrument) or learned is None or not learned.voices:
        return learned
    own = learned.voices.get(instrument.config.voices[which], learned)
    return own if own.voiced_share > 0 else learned


def _number_of(instrument: Playable, voice: str | None) -> int:
    voices = instrument.config.voices if isinstance(instrument, Instrument) else ()
    if voice is None:
        return 0
    if voice not in voices:
        there = f"there are {', '.join(voices)}" if voices else "it has one alone; leave the voice out"
        raise InputError(f"The instrument has no voice {voice}; {there}.")
    return voices.index(voice)


def _pieces(blocks: Iterator[np.ndarray], n_samples: int, n_around: int = 0) -> Iterator[np.ndarray]:
    """Yield the same samples in pieces of one length, the last may be shorter, each with what is around it.

    Args:
        blocks: The samples.
        n_samples: Of a piece.
        n_around: Samples before and behind each piece, fewer where the sound begins and ends.
    """
    cut = (block[at : at + n_samples] for block in blocks for at in range(0, len(block), n_samples))
    joined, n_before = np.zeros(0, np.float32), 0
    while True:
        wanted = n_before + n_samples + n_around
        parts, n_there = [joined], len(joined)
        while n_there < wanted and (part := next(cut, None)) is not None:
            parts.append(part)
            n_there += len(part)
        joined = np.concatenate(parts)
        if n_there <= n_before:
            return
        yield joined[:wanted]
        n_kept = min(n_before + n_samples, n_around)
        joined, n_before = joined[n_before + n_samples - n_kept :], n_kept
