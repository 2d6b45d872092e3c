"""Notes: MIDI files, and the keyboard that plays them on voices."""

from oscine.notes.dynamics import Dynamics, dynamics_of_quantiles, note_quantiles
from oscine.notes.expression import Expression
from oscine.notes.keyboard import Keyboard
from oscine.notes.midi_file import Event, Note, Score, read_midi, write_midi
from oscine.notes.voice import Channel, Frame, Voice
from oscine.notes.voices import MOST_VOICES, VoiceCurves, count_voices, play_events

__all__ = [
    "MOST_VOICES",
    "Channel",
    "Dynamics",
    "Event",
    "Expression",
    "Frame",
    "Keyboard",
    "Note",
    "Score",
    "Voice",
    "VoiceCurves",
    "count_voices",
    "dynamics_of_quantiles",
    "note_quantiles",
    "play_events",
    "read_midi",
    "write_midi",
]
