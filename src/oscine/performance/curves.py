"""The conditions of an instrument for a whole score."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from oscine.models import Instrument
from oscine.models.conditioning import identity_number, statistics_of
from oscine.models.dynamics import dynamics_of
from oscine.models.ensemble import note_conditions
from oscine.notes.expression import Expression
from oscine.notes.keyboard import Keyboard
from oscine.notes.midi_file import Event
from oscine.notes.voices import VoiceCurves, play_events


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

    As in live playing, an event acts from the first frame on that begins at its instant or later, and a
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
    dynamics = dynamics_of(statistics_of(instrument, identity))
    keyboard = Keyboard(expression, dynamics, frame_rate, n_voices)
    return play_events(events, seconds, keyboard, octave=octave)


def conditions_of(
    instrument: Instrument, curves: VoiceCurves, frames: slice, identity: str | None = None
) -> dict[str, Tensor]:
    """Return a voice's curves as what conditions the instrument, by name, and its gain; a batch of one.

    Pitch, loudness and the time since the onset are the note's; another measure of level gets the loudness.
    Brightness moves a centroid by an octave to each side. What notes don't tell stands at the mean of what
    was learned.

    Args:
        instrument: Who plays.
        curves: Of one voice.
        frames: Which of them; behind the last one it goes on.
        identity: Which of the instruments in it.
    """
    curves = VoiceCurves(*(_held(curve, frames) for curve in curves))
    told = {
        "f0_hz": torch.from_numpy(curves.f0_hz)[None],
        "loudness_db": torch.from_numpy(curves.loudness_db)[None],
        "onset_s": torch.from_numpy(curves.since_onset_s)[None],
        "brightness": torch.from_numpy(curves.brightness)[None],
    }
    which = torch.tensor([identity_number(instrument, identity)])
    conditions = note_conditions(instrument, told, which, statistics_of(instrument, identity))
    conditions["gain"] = torch.from_numpy(curves.gain)[None]
    return conditions


def _held(curve: Float32[np.ndarray, " all"], frames: slice) -> Float32[np.ndarray, " frame"]:
    inside = curve[frames]
    return np.concatenate([inside, np.full(frames.stop - frames.start - len(inside), curve[-1])])
