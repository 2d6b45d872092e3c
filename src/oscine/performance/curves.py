"""The curves of every voice: what an instrument is conditioned on, for a whole score."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from oscine.models import Instrument
from oscine.models.conditioning import identity_number, statistics_of
from oscine.models.dynamics import dynamics_of
from oscine.performance.expression import Expression
from oscine.performance.keyboard import Keyboard
from oscine.performance.midi_file import Event
from oscine.performance.voice import SILENCE

_MOST_VOICES = 16
_OVERLAP_S = 0.06  # of two notes that are meant to follow each other
_CENTROID_SEMITONES = 12.0
_ROUNDING = 1e-6  # frames


class VoiceCurves(NamedTuple):
    """What one voice plays, frame by frame; the first frame lies before the score, and is silent.

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
    """Return how many notes are held together at most, 1 … 16; overlaps of less than 60 ms do not count."""
    begun: dict[tuple[int, int], float] = {}
    spans: list[tuple[float, float]] = []
    for event in events:
        key = event.channel, event.number
        if event.kind in ("note_on", "note_off") and key in begun:
            spans.append((begun.pop(key), event.time_s))
        if event.kind == "note_on":
            begun[key] = event.time_s
    last_s = events[-1].time_s if events else 0.0
    spans += [(start, last_s) for start in begun.values()]
    edges = sorted(
        edge for start, stop in spans for edge in ((start, 1), (max(stop - _OVERLAP_S, start), -1))
    )
    most = now = 0
    for _, change in edges:
        now += change
        most = max(most, now)
    return min(max(most, 1), _MOST_VOICES)


def voice_curves(
    events: Sequence[Event],
    seconds: float,
    instrument: Instrument,
    expression: Expression,
    *,
    n_voices: int,
    octave: int = 0,
    identity: str | None = None,
) -> list[VoiceCurves]:
    """Return the curves of each voice, until the last note has ended.

    As in live playing, an event is heard from the first frame on that begins at its instant or later, and a
    frame's values are reached at its end. Notes that the score leaves sounding end with it.

    Args:
        events: In the order of time, of the channels that this instrument plays.
        seconds: Length of the score.
        instrument: Who plays.
        expression: How.
        n_voices: How many notes can sound together.
        octave: Added to all keys; what leaves 0 … 127 by it is not played.
        identity: Which of the instruments in it.

    Raises:
        InputError: When there is no such identity.
    """
    frame_rate = instrument.sample_rate / instrument.hop_length
    keyboard = Keyboard(expression, dynamics_of(statistics_of(instrument, identity)), frame_rate, n_voices)
    moved = [
        event
        if event.kind not in ("note_on", "note_off", "note_pressure")
        else Event(event.time_s, event.channel, event.kind, event.number + 12 * octave, event.value)
        for event in events
    ]
    moved = [event for event in moved if 0 <= event.number <= 127]
    n_score = int(np.ceil(seconds * frame_rate - _ROUNDING))
    frames: list[list[tuple[float, ...]]] = [[SILENCE] for _ in range(n_voices)]
    at = t = 0
    while t < n_score or any(not voice.is_silent for voice in keyboard.voices):
        while at < len(moved) and moved[at].time_s * frame_rate <= t + _ROUNDING:
            keyboard.take(moved[at])
            at += 1
        if t >= n_score:
            for voice in keyboard.voices:
                voice.release()
        for frame, of_voice in zip(keyboard.frame(), frames, strict=True):
            of_voice.append(frame)
        t += 1
    return [_framed(np.array(of_voice, np.float32)) for of_voice in frames]


def _framed(frames: Float32[np.ndarray, "frame 5"]) -> VoiceCurves:
    """Return a voice's frames as curves; the frames around each note get what the note has beside them."""
    curves = VoiceCurves(*frames.T.copy())
    on = curves.sounding
    first, behind = np.flatnonzero(on[1:] & ~on[:-1]) + 1, np.flatnonzero(~on[1:] & on[:-1]) + 1
    for curve in (curves.f0_hz, curves.loudness_db, curves.since_onset_s, curves.brightness):
        curve[behind] = curve[behind - 1]
        curve[first - 1] = curve[first]
    return curves


def conditions_of(
    instrument: Instrument, curves: VoiceCurves, identity: str | None = None
) -> dict[str, Tensor]:
    """Return a voice's curves as what conditions the instrument, by name, and its gain; a batch of one.

    Pitch, loudness and the time since the onset are the note's; another measure of level gets the loudness.
    Brightness moves a centroid by an octave to each side. What notes don't tell stands at the mean of what
    was learned.

    Args:
        instrument: Who plays.
        curves: Of one voice.
        identity: Which of the instruments in it.
    """
    learned = statistics_of(instrument, identity)
    means = {} if learned is None else learned.curves
    told = {
        "f0_hz": curves.f0_hz,
        "loudness_db": curves.loudness_db,
        "onset_s": curves.since_onset_s,
    }
    conditions = {}
    for one in instrument.all_inputs():
        n_frames = len(curves.gain)
        if one.name in told:
            conditions[one.name] = torch.from_numpy(told[one.name].copy())[None]
        elif one.name == "identity":
            which = torch.tensor([identity_number(instrument, identity)])
            conditions[one.name] = one.as_given(which, n_frames)
        elif one.unit == "dB":
            conditions[one.name] = torch.from_numpy(curves.loudness_db.copy())[None]
        else:
            shape = (1, n_frames, one.size) if one.size else (1, n_frames)
            conditions[one.name] = torch.full(shape, means.get(one.name, (one.default, 1.0))[0])
            if one.name == "centroid":
                conditions[one.name] += _CENTROID_SEMITONES * torch.from_numpy(curves.brightness.copy())
    conditions["gain"] = torch.from_numpy(curves.gain.copy())[None]
    return conditions
