"""The default tracker: SwiftF0's coarse grid, its octaves set right, and the refinement on the signal."""

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from oscine.analysis.features import VOICED
from oscine.analysis.pitch.octave import octaves_too_high
from oscine.analysis.pitch.refine import refine_f0
from oscine.analysis.signal import ANALYSIS_RATE

if TYPE_CHECKING:
    from swift_f0 import SwiftF0

TRACKER_HOP = 256
"""Samples at 16 kHz from one value of the tracker to the next; value k describes sample ``k · 256``."""

_LOWEST_HZ, _HIGHEST_HZ = 46.875, 2093.75  # of the tracker
_SHORT = 4  # values, 64 ms
_NEAR = 1.5 / 12  # octaves: the pitch glides while it begins
_MISTAKES = np.log2(np.array([2.0, 3.0, 4.0]))


@cache
def _tracker() -> "SwiftF0":
    # Imported here: onnxruntime is not needed before a pitch is tracked.
    from swift_f0 import SwiftF0

    # One thread, no spinning: files are analysed in parallel, and a session without threads survives a fork.
    return SwiftF0(threads=1, spin=False)


def track_pitch(audio: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pitch and its confidence at given instants of a stretch of at most half a minute.

    Args:
        audio: Mono float32 at 16 kHz, ``(time,)``, not empty.
        centers: ``(frame,)``, integer, the instants in samples.

    Returns:
        ``f0_hz`` and ``confidence`` (0 … 1), each ``(frame,)``. Where confidence is below ``VOICED`` the
        pitch is the tracker's guess and means little.

    Reference:
        Nieradzik, SwiftF0, 2025. Its octaves are set right by ``right_octaves`` and ``mend_octaves``; between
        its values ours come from ``refine_f0``.
    """
    # A last, incomplete hop is completed with silence, so that the sound's end has a value too.
    whole = np.pad(audio, (0, -len(audio) % TRACKER_HOP))
    tracked = _tracker().detect(whole, ANALYSIS_RATE)
    is_voiced = tracked.confidence >= VOICED
    octave = right_octaves(whole, np.log2(tracked.pitch_hz), is_voiced)
    octave = mend_octaves(octave, is_voiced)
    guess_hz, confidence = between(centers / TRACKER_HOP, octave, tracked.confidence)
    voiced = confidence >= VOICED
    f0_hz = guess_hz.copy()
    f0_hz[voiced], _ = refine_f0(audio, ANALYSIS_RATE, centers[voiced], guess_hz[voiced])
    return f0_hz, confidence


def right_octaves(audio: np.ndarray, octave: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """Return the tracker's values with each note in the octave that the signal says it has.

    Args:
        audio: Mono float32 at 16 kHz.
        octave: ``(value,)``, log2 of the pitch in Hz.
        voiced: ``(value,)``, which values have a pitch.
    """
    right = octave.copy()
    for start, stop in _notes(octave, voiced):
        if voiced[start]:
            centers = np.arange(start, stop) * TRACKER_HOP
            f0_hz = 2.0 ** octave[start:stop]
            right[start:stop] -= octaves_too_high(
                audio, ANALYSIS_RATE, centers, f0_hz, _LOWEST_HZ, _HIGHEST_HZ
            )
    return right


def _notes(octave: np.ndarray, voiced: np.ndarray) -> list[tuple[int, int]]:
    """Return the stretches between leaps of more than a semitone and changes of voicing."""
    leap = np.abs(np.diff(octave)) > 1 / 12
    edges = (np.flatnonzero(leap | (voiced[1:] != voiced[:-1])) + 1).tolist()
    return list(pairwise([0, *edges, len(octave)]))


def mend_octaves(octave: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """Return the tracker's values with the octave set right where a note begins or dies away.

    At an onset out of silence, and in the creak at the end of a sung phrase, the tracker may stand one or two
    octaves (or a twelfth) off for some values. A stretch of at most 64 ms, silent on one side and joined on
    the other to a longer note about so far away, is taken to be that note.

    Args:
        octave: ``(value,)``, log2 of the pitch in Hz.
        voiced: ``(value,)``, which values have a pitch.
    """
    mended = octave.copy()
    starts, stops = np.array(_notes(octave, voiced)).T
    for here, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        if not voiced[start] or stop - start > _SHORT:
            continue
        joined = [
            (there, own, other)
            for there, own, other in ((here - 1, start, start - 1), (here + 1, stop - 1, stop))
            if 0 <= there < len(starts) and voiced[starts[there]]
        ]
        if len(joined) != 1:
            continue
        there, own, other = joined[0]
        interval = octave[other] - octave[own]
        nearest = _MISTAKES[np.argmin(np.abs(np.abs(interval) - _MISTAKES))]
        is_longer = stops[there] - starts[there] > 2 * (stop - start)
        if is_longer and abs(abs(interval) - nearest) < _NEAR:
            mended[start:stop] += np.sign(interval) * nearest
    return mended


def between(
    position: np.ndarray, octave: np.ndarray, confidence: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return pitch (Hz) and confidence between a tracker's values.

    Confidence goes linearly. Pitch goes linearly in octaves inside a note; where a note changes or begins, a
    value in between belongs to neither, and the nearer one (the voiced one, if only one is) is taken.

    Args:
        position: ``(frame,)``, where, in values from the first one on; beyond the ends they are held.
        octave: ``(value,)``, log2 of the pitch in Hz.
        confidence: ``(value,)``, in 0 … 1.
    """
    before = np.clip(np.floor(position).astype(int), 0, len(octave) - 1)
    after = np.minimum(before + 1, len(octave) - 1)
    part = np.clip(position - before, 0.0, 1.0)
    same_note = np.abs(octave[after] - octave[before]) < 1 / 12
    voiced_before, voiced_after = confidence[before] >= VOICED, confidence[after] >= VOICED
    take_after = np.where(voiced_before == voiced_after, part >= 0.5, voiced_after)
    value = np.where(
        same_note & (voiced_before == voiced_after),
        octave[before] * (1 - part) + octave[after] * part,
        np.where(take_after, octave[after], octave[before]),
    )
    return 2.0**value, confidence[before] * (1 - part) + confidence[after] * part
