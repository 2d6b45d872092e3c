"""From a melody to its notes: what was sung or played, as keys, instants and velocities."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64, Int64

from oscine.analysis import Features
from oscine.functional.runs import runs
from oscine.notes.dynamics import LOUDEST, SOFTEST
from oscine.notes.midi_file import Note
from oscine.transfer.autotune import estimate_tuning
from oscine.transfer.notes import find_notes, settled_pitch

_CHANGE_COST_S = 0.03  # a change of key pays where it explains a semitone for at least twice this time
_FARTHEST = 1.0  # semitones; what is farther off counts as much: a tracker's error of an octave too
_DIP_DB = 8.0  # between two notes of the same key
_SHORTEST_S = 0.05


def transcribe(features: Features) -> list[Note]:
    """Return the notes of a melody, one after the other.

    In each stretch of voiced frames the keys k_t minimise ``Σ_t min(|m_t − k_t|, 1) + c · (changes of key)``:
    a vibrato or a glide stays one note or becomes two, and a jump of the tracker's none. The pitch m is
    measured from the melody's own tuning. A key that is struck again shows as a dip of the loudness by 8 dB.

    The velocity is the place of a note's median loudness among all frames with a note: 1 at 10 %, 127 at
    98 %, as `oscine.models.dynamics_of` spreads velocities over an instrument's loudness.

    Args:
        features: Pitch, confidence and loudness of a melody for one voice.
    """
    midi, rate = features.midi, features.frame_rate
    on = find_notes(features.confidence, features.loudness_db, rate)
    settled = settled_pitch(midi, on, rate)
    tuned = (midi - estimate_tuning(midi[settled])).numpy().astype(np.float64)
    loudness = features.loudness_db.numpy()
    levels = np.sort(loudness[on.numpy()])
    notes = []
    for start, stop in runs(on).tolist():
        keys = _likeliest_keys(tuned[start:stop], _CHANGE_COST_S * rate)
        edges = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), stop - start]
        for a, b in pairwise(edges):
            cuts = [a, *(a + cut for cut in _struck_again(loudness[start + a : start + b])), b]
            for first, last in pairwise(cuts):
                if last - first >= _SHORTEST_S * rate:
                    level_db = float(np.median(loudness[start + first : start + last]))
                    velocity = _velocity(level_db, levels)
                    notes.append(Note((start + first) / rate, (start + last) / rate, int(keys[a]), velocity))
    return notes


def _likeliest_keys(midi: Float64[np.ndarray, " frame"], cost: float) -> Int64[np.ndarray, " frame"]:
    """Return the key of each frame (Viterbi)."""
    low = int(np.clip(np.floor(midi.min()), 0, 127))
    high = int(np.clip(np.ceil(midi.max()), 0, 127))
    keys = np.arange(low, high + 1)
    total = np.zeros(len(keys))
    came_from = np.empty((len(midi), len(keys)), np.int64)
    own = np.arange(len(keys))
    for t, pitch in enumerate(midi):
        best = int(total.argmin())
        changes = total[best] + cost < total
        came_from[t] = np.where(changes, best, own)
        total = np.where(changes, total[best] + cost, total) + np.minimum(np.abs(pitch - keys), _FARTHEST)
    path = np.empty(len(midi), np.int64)
    at = int(total.argmin())
    for t in range(len(midi) - 1, -1, -1):
        path[t] = keys[at]
        at = int(came_from[t, at])
    return path


def _struck_again(loudness_db: Float32[np.ndarray, " frame"]) -> list[int]:
    """Return the frames at which the loudness rises again from a dip."""
    cuts = []
    highest, lowest, at = -np.inf, np.inf, 0
    for t, level in enumerate(loudness_db.tolist()):
        if level < lowest:
            lowest, at = level, t
        if highest - lowest >= _DIP_DB and level - lowest >= _DIP_DB:
            cuts.append(at)
            highest, lowest = level, level
        elif level > highest:
            highest = lowest = level
    return cuts


def _velocity(level_db: float, levels: Float32[np.ndarray, " frame"]) -> int:
    place = 100.0 * float(np.searchsorted(levels, level_db)) / max(len(levels) - 1, 1)
    return int(np.clip(round(1 + 126 * (place - SOFTEST) / (LOUDEST - SOFTEST)), 1, 127))
