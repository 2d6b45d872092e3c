"""Notes: MIDI files and keyboards to curves, and curves to sound."""

from oscine.notes.expression import Expression
from oscine.notes.keyboard import Keyboard
from oscine.notes.midi_file import Event, Note, Score, read_midi, write_midi
from oscine.notes.voice import Channel, Frame, Voice
from oscine.notes.voices import VoiceCurves, count_voices
from oscine.performance.curves import voice_curves
from oscine.performance.from_curves import CurvesReport, play_curves, render_curves_file
from oscine.performance.render import RenderOptions, RenderReport, render, render_file
from oscine.performance.transcription import transcribe

__all__ = [
    "Channel",
    "CurvesReport",
    "Event",
    "Expression",
    "Frame",
    "Keyboard",
    "Note",
    "RenderOptions",
    "RenderReport",
    "Score",
    "Voice",
    "VoiceCurves",
    "count_voices",
    "play_curves",
    "read_midi",
    "render",
    "render_curves_file",
    "render_file",
    "transcribe",
    "voice_curves",
    "write_midi",
]
