"""The frames of notes in the input, their fade in and out, and the pitch between notes."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.analysis import CONFIDENT, VOICED
from oscine.functional.runs import runs

_DYNAMIC_RANGE_DB = 45.0  # hum, bleed and reverberation lie further below the loud notes than a pianissimo
_QUIETEST_NOTE_DB = -79.0  # just above the floor of the features
_SHORTEST_NOTE_S = 0.048
_LONG_NOTE_S = 0.15
_LONGEST_HOLE_S = 0.024
_LEAP_SEMITONES = 3.0
_SHORTEST_PIECE_S = 0.06
_ATTACK_S = 0.032  # trackers detect a tone about half a window late; its attack belongs to the note
_RELEASE_S = 0.080


def find_notes(
    confidence: Float[Tensor, " frame"], loudness_db: Float[Tensor, " frame"], frame_rate: float
) -> Bool[Tensor, " frame"]:
    """Return which frames belong to a note: voiced, audible, and long enough.

    A stretch of voiced frames (``confidence >= VOICED``) is a note if it lasts 48 ms and has at least one
    confident frame (``confidence >= CONFIDENT``), or if it lasts 150 ms: a low whistle or a plain sine has no
    confident frame, but no consonant is that long. Gaps of up to 24 ms are closed. Frames more than 45 dB
    below the loud notes are left out: they are crosstalk, hum or reverberation.

    Args:
        confidence: The pitch tracker's confidence, 0 to 1.
        loudness_db: Loudness, −80 dB being silence.
        frame_rate: Frames per second.

    Returns:
        ``True`` on notes.
    """
    voiced = confidence >= VOICED
    if not bool(voiced.any()):
        return voiced
    # numpy: torch.quantile refuses more than 16 million frames, about 18 hours.
    loud_db = float(np.quantile(loudness_db[voiced].numpy(), 0.95))
    on = voiced & (loudness_db >= max(loud_db - _DYNAMIC_RANGE_DB, _QUIETEST_NOTE_DB))

    for start, stop in runs(~on).tolist():
        inside = start > 0 and stop < len(on)
        if inside and stop - start <= _LONGEST_HOLE_S * frame_rate:
            on[start:stop] = True
    for start, stop in runs(on).tolist():
        too_short = stop - start < _SHORTEST_NOTE_S * frame_rate
        is_long = stop - start >= _LONG_NOTE_S * frame_rate
        if too_short or not (is_long or float(confidence[start:stop].max()) >= CONFIDENT):
            on[start:stop] = False
    return on


def settled_pitch(
    midi: Float[Tensor, " frame"], on_notes: Bool[Tensor, " frame"], frame_rate: float
) -> Bool[Tensor, " frame"]:
    """Return the frames of notes whose pitch is reliable.

    At the beginning and end of a sung note, trackers make errors of an octave or two for some hundredths of a
    second, which would be audible. So a note is cut where its pitch jumps by more than three semitones from
    one frame to the next, and pieces shorter than 60 ms are left out, unless the note has no longer piece.
    `hold_nearest` gives them the pitch of their neighbours.

    Args:
        midi: Pitch in semitones.
        on_notes: Frames inside notes.
        frame_rate: Frames per second.

    Returns:
        A part of ``on_notes``, with at least one frame of each note.
    """
    counted = on_notes.clone()
    leap = torch.diff(midi).abs() > _LEAP_SEMITONES
    for start, stop in runs(on_notes).tolist():
        cuts = (torch.nonzero(leap[start : stop - 1])[:, 0] + start + 1).tolist()
        pieces = list(zip([start, *cuts], [*cuts, stop], strict=True))
        least = min(_SHORTEST_PIECE_S * frame_rate, max(last - first for first, last in pieces))
        for first, last in pieces:
            counted[first:last] = last - first >= least
    return counted


def presence(on_notes: Bool[Tensor, " frame"], frame_rate: float) -> Float[Tensor, " frame"]:
    """Return the weight of the note in each frame: 1 inside notes, cosine ramps around them, else 0.

    The ramp lasts 32 ms before a note and 80 ms after it. So notes have no click at the start and are not cut
    off at the end, and a consonant between two notes stays soft.
    """
    since, until = _distances(on_notes)
    # One frame more than the ramp: the first frame off a note is already a step down.
    ramp = torch.maximum(
        1.0 - since / (_RELEASE_S * frame_rate + 1), 1.0 - until / (_ATTACK_S * frame_rate + 1)
    )
    return (0.5 - 0.5 * torch.cos(torch.pi * ramp.clamp(0.0, 1.0))).to(torch.float32)


def distance_to_notes(on_notes: Bool[Tensor, " frame"]) -> Float[Tensor, " frame"]:
    """Return how many frames lie between each frame and the nearest note frame; infinite without notes."""
    return torch.minimum(*_distances(on_notes))


def hold_nearest(
    values: Float[Tensor, " frame"], on_notes: Bool[Tensor, " frame"]
) -> Float[Tensor, " frame"]:
    """Return the values, with the value of the nearest note frame in each frame outside notes.

    So the release of a note keeps its pitch, and the attack of the next note has the next pitch, without a
    glide between them. If there is no note, the values are returned unchanged.
    """
    if not bool(on_notes.any()):
        return values
    since, until = _distances(on_notes)
    frame = torch.arange(len(values), dtype=torch.float64)
    source = torch.where(since <= until, frame - since, frame + until)
    return values[source.to(torch.int64)]


def _distances(
    on_notes: Bool[Tensor, " frame"],
) -> tuple[Float[Tensor, " frame"], Float[Tensor, " frame"]]:
    """Return frames since the last note frame and until the next one (infinite when there is none)."""
    frame = torch.arange(len(on_notes), dtype=torch.float64)
    if len(on_notes) == 0:
        return frame, frame
    last = torch.where(on_notes, frame, -torch.inf).cummax(0).values
    following = torch.where(on_notes, frame, torch.inf).flip(0).cummin(0).values.flip(0)
    return frame - last, following - frame
