"""The conditions of a recording of any length, measured a piece at a time with its surroundings."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from oscine.analysis import Features
from oscine.audio.samples import spans_of
from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.models.inputs import F0, Loudness, Z
from oscine.models.instrument import Instrument

_PIECE_S = 60.0
#: Sound before and behind a piece that is measured with it: windows reach into it, networks settle in it.
_AROUND_S = 1.0
#: As long as the preroll of the recipe `default`.
_SILENT_S = 0.75


class Piece(NamedTuple):
    """Some frames of a recording."""

    audio: Float[Tensor, " time"]
    features: Features
    conditions: dict[str, Tensor]
    """By name, a batch of one."""


def silence_before(instrument: Instrument, conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the conditions of 0.75 s of silence before a performance, so that its first note has an attack.

    In training there is silence before a recording; a network without earlier frames is in a state that it
    was never trained in.

    Args:
        instrument: The one that plays.
        conditions: By name, (1, frame, …) each, of the performance.
    """
    n_frames = round(_SILENT_S * instrument.config.frame_rate)
    inputs = {"loudness_db": Loudness()} | {one.name: one for one in instrument.all_inputs()}
    return {
        name: inputs[name].silence(values[:, :1], n_frames)
        if name in inputs
        else values[:, :1].expand(-1, n_frames, *values.shape[2:])
        for name, values in conditions.items()
    }


def held(conditions: Mapping[str, Tensor], n_frames: int) -> dict[str, Tensor]:
    """Return the conditions with the last frame held for so many more: the end comes after the latency."""
    if n_frames == 0:
        return dict(conditions)
    return {
        name: torch.cat([values, values[:, -1:].expand(-1, n_frames, *values.shape[2:])], dim=1)
        for name, values in conditions.items()
    }


def condition_pieces(
    instrument: Instrument,
    blocks: Iterator[Float32[np.ndarray, " time"]],
    features: Features,
    given: Mapping[str, Tensor] | None = None,
    *,
    piece_frames: int | None = None,
) -> Iterator[Piece]:
    """Yield a recording's conditions, a minute at a time, so that hours need no more memory for the sound.

    Args:
        instrument: What is to be played; it says what conditions it.
        blocks: The recording at the instrument's rate, mono, in blocks of any length.
        features: Of all of it.
        given: Conditions that are not to be measured, by name: (1, frame, …), or numbers, (1,).
        piece_frames: Frames of a piece; a minute if left out.

    Raises:
        ValueError: When a condition can't be measured and is not given.
    """
    hop_length, n_frames = instrument.hop_length, features.n_frames
    grid = encoder_grid(instrument)
    n_piece = piece_frames or grid * max(1, round(_PIECE_S * features.frame_rate / grid))
    n_around = grid * max(1, round(_AROUND_S * features.frame_rate / grid))
    # Encoders' frames lie on a coarser grid, which is to be the same in every piece.
    firsts = [max(start // grid * grid - n_around, 0) for start in range(0, n_frames, n_piece)]
    windows = spans_of(
        blocks,
        [
            (first * hop_length, min(start + n_piece + n_around, n_frames) * hop_length)
            for first, start in zip(firsts, range(0, n_frames, n_piece), strict=True)
        ],
    )
    for first, start, audio in zip(firsts, range(0, n_frames, n_piece), windows, strict=True):
        stop = min(start + n_piece, n_frames)
        around = features.slice(first, min(stop + n_around, n_frames))
        frames = slice(first, first + around.n_frames)
        known = {
            name: value if value.ndim == 1 else value[:, frames] for name, value in (given or {}).items()
        }
        sound = torch.from_numpy(audio).to(instrument.device)
        measured = {
            "f0_hz": around.f0_hz[None],
            "confidence": around.confidence[None],
            "loudness_db": around.loudness_db[None],
        }
        with torch.no_grad():
            conditions = instrument.conditions(
                sound[None],
                {name: feature.to(sound) for name, feature in measured.items()},
                {name: value.to(sound.device) for name, value in known.items()},
            )
        inside = slice(start - first, stop - first)
        yield Piece(
            torch.from_numpy(audio[inside.start * hop_length : inside.stop * hop_length]),
            features.slice(start, stop),
            {name: condition[:, inside].clone() for name, condition in conditions.items()},
        )


def encoder_grid(instrument: Instrument) -> int:
    """Return the frames at a multiple of which every encoder of the instrument has a value."""
    factors = [1]
    for one in instrument.inputs.values():
        if isinstance(one, Z):
            factors.append(one.encoder.config.frames_per_z)
        if isinstance(one, F0) and one.encoder is not None:
            factors.append(one.encoder.config.frames_per_pitch)
    return math.lcm(*factors)


def identity_number(instrument: Instrument, identity: str | None) -> int:
    """Return the number of one of the instruments in an instrument; the first if left out.

    Raises:
        InputError: When there is no such instrument in it.
    """
    identities = instrument.config.identities
    if identity is None:
        return 0
    if identity not in identities:
        there = f"there are {', '.join(identities)}" if identities else "it has only one; omit the identity"
        raise InputError(f"The instrument has no identity {identity}; {there}.")
    return identities.index(identity)


def statistics_of(instrument: Instrument, identity: str | None = None) -> Statistics | None:
    """Return what an instrument, or one identity of it, has learned; of an identity without pitch, the whole.

    Args:
        instrument: Who plays.
        identity: Which of the instruments in it; the first if left out.

    Raises:
        InputError: When there is no such identity.
    """
    which, learned = identity_number(instrument, identity), instrument.statistics
    if learned is None or not learned.identities or not instrument.config.identities:
        return learned
    own = learned.identities.get(instrument.config.identities[which], learned)
    return own if own.voiced_share > 0 else learned


def absent_conditions(
    instrument: Instrument, n_frames: int, identity: str | None = None
) -> dict[str, Tensor]:
    """Return conditions that a performance lacks, at their defaults: curves and the identity.

    Args:
        instrument: Who plays.
        n_frames: Of the performance.
        identity: Which of the instruments in it; the first if left out.

    Raises:
        InputError: When there is no such identity.
    """
    which, learned = identity_number(instrument, identity), statistics_of(instrument, identity)
    curves = {} if learned is None else learned.curves
    absent = {
        one.name: torch.full((1, n_frames), curves.get(one.name, (one.default, 1.0))[0])
        for one in instrument.all_inputs()
        if not one.is_measured
    }
    if instrument.config.identities:
        absent["identity"] = torch.tensor([which])
    return absent
