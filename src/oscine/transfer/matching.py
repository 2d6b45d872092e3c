"""Matching a performance to an instrument: pitch to its register, loudness to its dynamics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.analysis import Features
from oscine.data.statistics import LOUDNESS_FLOOR_DB, Statistics
from oscine.functional.units import db_to_amplitude, hz_to_midi
from oscine.transfer.autotune import Scale, autotune
from oscine.transfer.loudness import LoudnessMap, shift_loudness
from oscine.transfer.notes import distance_to_notes, find_notes, hold_nearest, presence, settled_pitch

_OFF_NOTE_DB = -20.0  # as in the public notebook: breath and noise stay soft
_DECAY_AFTER_S = 0.05  # a consonant inside a word is a dip, not a pause
_DECAY_DB_PER_S = 60.0  # as with a reverberation time of one second
_FADE_DB = 10.0
_BELOW_NOTES_DB = 10.0


@dataclass(frozen=True)
class Matched:
    """Pitch and loudness for an instrument, and the mapping from the performance.

    Attributes:
        f0_hz: Pitch to play.
        loudness_db: Loudness for the network, inside the learned range.
        gain: Factor on its dry audio: 1 inside the learned range, less below it, 0 in silence.
        on_notes: Frames inside notes.
        octave: Octaves by which the pitch was shifted.
        loudness_shift_db: Median of target minus input loudness over notes, 0 without notes.
        scale: The scale that autotune found, ``None`` when it was off.
        range_share: Share of the notes' frames inside the learned pitches (1 to 99 %).
    """

    f0_hz: Float[Tensor, " frame"]
    loudness_db: Float[Tensor, " frame"]
    gain: Float[Tensor, " frame"]
    on_notes: Bool[Tensor, " frame"]
    octave: int
    loudness_shift_db: float
    scale: Scale | None
    range_share: float

    @property
    def target_loudness_db(self) -> Float[Tensor, " frame"]:
        """The target loudness of the output: that of the network, and the gain."""
        return (self.loudness_db + 20 * torch.log10(self.gain.clamp(min=1e-8))).clamp(min=LOUDNESS_FLOOR_DB)


def match_octave(midi: Float[Tensor, " frame"], pitch_midi_quantiles: Sequence[float]) -> int:
    """Return the shift in octaves that moves a melody into an instrument's register.

    It is the rounded difference of the median pitches, unless a neighbouring octave keeps more of the melody
    inside the learned range: the shift ``o`` with the least

    ``mean(semitones outside [q01, q99]) + 0.05 · |median(instrument) − median(melody) − 12 o|``

    Args:
        midi: Pitch on notes, semitones.
        pitch_midi_quantiles: The instrument's 101 pitch quantiles (``Statistics``).

    Returns:
        The shift; 0 when there are no notes.
    """
    if len(midi) == 0:
        return 0
    low, middle, high = (pitch_midi_quantiles[q] for q in (1, 50, 99))
    difference = middle - float(np.median(midi.numpy()))
    nearest = round(difference / 12)

    def cost(octave: int) -> float:
        shifted = midi + 12 * octave
        outside = (low - shifted).clamp(min=0) + (shifted - high).clamp(min=0)
        return float(outside.mean()) + 0.05 * abs(difference - 12 * octave)

    return min((nearest, nearest - 1, nearest + 1), key=cost)


def match(
    features: Features,
    statistics: Statistics | None,
    *,
    octave: Literal["auto"] | int = "auto",
    loudness: Literal["auto"] | float | int = "auto",
    autotune_strength: float = 0.0,
) -> Matched:
    """Return pitch and loudness for the instrument from the features of a performance.

    Pitch is shifted by octaves, moved towards the scale by autotune, and held around notes. Loudness inside
    notes is mapped by quantiles (the input's distribution becomes the instrument's), or shifted by a given
    value. Outside notes it is at least 20 dB lower, not louder than the quietest learned note, and it falls
    to silence with the time from the nearest note. So a consonant is a dip, breath and reverberation make no
    tone, and silence stays silent. The network's input stays inside the learned range, because outside its
    data a network is unreliable; the gain does the rest.

    Args:
        features: The performance.
        statistics: The learned ranges; with ``None`` pitch and loudness are not mapped.
        octave: Octaves to shift by, or ``"auto"``.
        loudness: dB to add to the input's loudness, or ``"auto"`` to match it.
        autotune_strength: 0 (off) to 1 (each held tone on the scale).

    Returns:
        Pitch and loudness for the instrument.
    """
    midi = hz_to_midi(features.f0_hz)
    on_notes = find_notes(features.confidence, features.loudness_db, features.frame_rate)
    settled = settled_pitch(midi, on_notes, features.frame_rate)
    if octave == "auto":
        octave = match_octave(midi[settled], statistics.pitch_midi_quantiles) if statistics else 0

    scale = None
    f0_hz = features.f0_hz * 2.0**octave
    if autotune_strength > 0:
        correction, scale = autotune(midi, settled, features.frame_rate, float(autotune_strength))
        f0_hz = f0_hz * torch.exp2(correction / 12)

    target_db = _target_loudness(features, on_notes, statistics, loudness)
    learned_db = target_db
    if statistics is not None:
        quietest, loudest = _learned_loudness(statistics)
        learned_db = target_db.clamp(quietest, loudest)
    # The last 10 dB above the floor fade to exactly 0, so digital silence gives digital silence.
    fade = ((target_db - LOUDNESS_FLOOR_DB) / _FADE_DB).clamp(0.0, 1.0)
    shift = (target_db - features.loudness_db)[on_notes]
    return Matched(
        f0_hz=hold_nearest(f0_hz, settled),
        loudness_db=learned_db,
        gain=db_to_amplitude(target_db - learned_db) * fade,
        on_notes=on_notes,
        octave=octave,
        loudness_shift_db=float(np.median(shift.numpy())) if len(shift) else 0.0,
        scale=scale,
        range_share=_range_share(midi[settled] + 12 * octave, statistics),
    )


def _learned_loudness(statistics: Statistics) -> tuple[float, float]:
    """Return the range of loudness for the network.

    It begins 10 dB below the quietest notes, or at the loudness of the recordings' pauses if that is higher:
    a few frames of digital silence are not enough for a network to learn −80 dB.
    """
    loudest = statistics.loudness_db_quantiles[100]
    quietest = max(statistics.loudness_db_silence, statistics.loudness_db_quantiles[1] - _BELOW_NOTES_DB)
    return min(max(quietest, LOUDNESS_FLOOR_DB), loudest), loudest


def _target_loudness(
    features: Features,
    on_notes: Bool[Tensor, " frame"],
    statistics: Statistics | None,
    loudness: Literal["auto"] | float | int,
) -> Float[Tensor, " frame"]:
    heard = features.loudness_db
    if loudness != "auto" or statistics is None:
        played = shift_loudness(heard, 0.0 if loudness == "auto" else float(loudness))
    else:
        # Without a note, all audible frames give the dynamics of the input.
        dynamics = heard[on_notes] if bool(on_notes.any()) else heard[heard > LOUDNESS_FLOOR_DB + _FADE_DB]
        played = LoudnessMap.between(dynamics, statistics.loudness_db_quantiles)(heard)
    off = played + _OFF_NOTE_DB
    if statistics is not None:
        off = off.clamp(max=statistics.loudness_db_quantiles[1])
    away_s = distance_to_notes(on_notes).to(played.dtype) / features.frame_rate
    off = (off - _DECAY_DB_PER_S * (away_s - _DECAY_AFTER_S).clamp(min=0)).clamp(min=LOUDNESS_FLOOR_DB)
    present = presence(on_notes, features.frame_rate)
    return present * played + (1 - present) * off


def _range_share(midi: Float[Tensor, " frame"], statistics: Statistics | None) -> float:
    if statistics is None or len(midi) == 0:
        return 1.0
    # Half a semitone of tolerance for tones at the ends of the range.
    low, high = statistics.pitch_midi_quantiles[1] - 0.5, statistics.pitch_midi_quantiles[99] + 0.5
    return float(((midi >= low) & (midi <= high)).float().mean())
