"""A score on voices: what each of them plays, frame by frame."""

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from oscine.notes.keyboard import Keyboard
from oscine.notes.midi_file import Event
from oscine.notes.voice import SILENCE

#: As many notes can sound together, unless more are asked for.
MOST_VOICES = 16
_OVERLAP_S = 0.06  # of two notes that are meant to follow each other
_TOGETHER_S = 0.03  # between the first and the last note of a chord
_PEDAL, _PEDAL_DOWN = 64, 64
_ALL_SOUND_OFF = 120
_ROUNDING = 1e-6  # frames


class VoiceCurves(NamedTuple):
    """The curves of one voice, frame by frame; the first frame is before the score, and silent.

    The frames before and behind a note have its pitch and loudness, without gain, so that nothing glides
    while it fades in and out.
    """

    f0_hz: Float32[np.ndarray, " frame"]
    loudness_db: Float32[np.ndarray, " frame"]
    gain: Float32[np.ndarray, " frame"]
    since_onset_s: Float32[np.ndarray, " frame"]
    brightness: Float32[np.ndarray, " frame"]

    @property
    def sounding(self) -> Bool[np.ndarray, " frame"]:
        """Frames in which there is a note."""
        return self.gain > 0


def count_voices(events: Sequence[Event]) -> int:
    """Return how many notes sound together at most, 1 … 16, their keys down or on the pedal.

    Where a note begins less than 60 ms before another one ends, one follows the other; they do not count as
    two, unless both began together.
    """
    sounding: dict[tuple[int, int], float] = {}  # where a note began
    on_pedal: set[tuple[int, int]] = set()
    pedals: set[int] = set()
    ended: list[tuple[int, float]] = []  # the number of the event that ended a note, and where it began
    begun: deque[tuple[int, float, int]] = deque()  # event and instant of a start, and how many then sounded
    most = 1
    for number, event in enumerate([*events, Event(math.inf, 0, "control", 0, 0)]):
        while begun and event.time_s - begun[0][1] >= _OVERLAP_S:
            at, start_s, n_there = begun.popleft()
            most = max(
                most, n_there - sum(end > at and start_s - from_s >= _TOGETHER_S for end, from_s in ended)
            )
            ended = [one for one in ended if begun and one[0] > begun[0][0]]
        if most >= MOST_VOICES:
            return MOST_VOICES
        key = event.channel, event.number
        gone: list[tuple[int, int]] = []
        if event.kind == "note_on":
            gone = [key] if key in sounding else []
        elif event.kind == "note_off" and key in sounding:
            # The pedal of channel 1 or 16 may be that of an MPE zone.
            gone = [] if pedals & {event.channel, 1, 16} else [key]
            on_pedal |= {key} - set(gone)
        elif event.kind == "control" and event.number == _PEDAL:
            pedals -= {event.channel}
            pedals |= {event.channel} if event.value >= _PEDAL_DOWN else set()
            gone = [held for held in on_pedal if not pedals & {held[0], 1, 16}]
        for one in gone:
            on_pedal.discard(one)
            ended.append((number, sounding.pop(one)))
        if event.kind == "note_on":
            on_pedal.discard(key)
            sounding[key] = event.time_s
            begun.append((number, event.time_s, len(sounding)))
    return most


def play_events(
    events: Sequence[Event], seconds: float, keyboard: Keyboard, *, octave: int = 0
) -> list[VoiceCurves]:
    """Return the curves of each voice of a keyboard, until the last note has ended.

    As in live playing, an event acts from the first frame on that begins at its instant or later, and a
    frame's values are reached at its end. Notes that the score leaves sounding end with it.

    Args:
        events: In the order of time.
        seconds: Length of the score.
        keyboard: Who plays them, from silence.
        octave: Added to all keys; what leaves 0 … 127 by it is not played.
    """
    frame_rate = keyboard.frame_rate
    moved = [
        event
        if event.kind not in ("note_on", "note_off", "note_pressure")
        else Event(event.time_s, event.channel, event.kind, event.number + 12 * octave, event.value)
        for event in events
    ]
    moved = [event for event in moved if 0 <= event.number <= 127]
    n_score = max(1, int(np.ceil(seconds * frame_rate - _ROUNDING)))
    frames = np.empty((keyboard.n_voices, n_score + 1, len(SILENCE)), np.float32)
    frames[:, 0] = SILENCE
    at = t = 0
    while t < n_score or at < len(moved) or any(not voice.is_silent for voice in keyboard.voices):
        while at < len(moved) and moved[at].time_s * frame_rate <= t + _ROUNDING:
            keyboard.take(moved[at])
            at += 1
        if t == n_score:
            for channel in range(1, 17):
                keyboard.take(Event(seconds, channel, "control", _ALL_SOUND_OFF, 0))
        if t + 1 == frames.shape[1]:
            frames = np.concatenate([frames, np.empty_like(frames[:, : max(64, t // 4)])], axis=1)
        frames[:, t + 1] = keyboard.frame()
        t += 1
    return [_framed(of_voice[: t + 1]) for of_voice in frames]


def _framed(frames: Float32[np.ndarray, "frame 5"]) -> VoiceCurves:
    """Return a voice's frames as curves; the frames around each note get what the note has beside them."""
    curves = VoiceCurves(*frames.T.copy())
    on = curves.sounding
    first, behind = np.flatnonzero(on[1:] & ~on[:-1]) + 1, np.flatnonzero(~on[1:] & on[:-1]) + 1
    for curve in (curves.f0_hz, curves.loudness_db, curves.since_onset_s, curves.brightness):
        curve[behind] = curve[behind - 1]
        curve[first - 1] = curve[first]
    return curves
