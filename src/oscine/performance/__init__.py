"""Notes: MIDI files and keyboards to curves, and curves to sound."""

from oscine.performance.curves import VoiceCurves, count_voices, voice_curves
from oscine.performance.expression import Expression
from oscine.performance.from_curves import CurvesReport, play_curves, render_curves_file
from oscine.performance.keyboard import Keyboard
from oscine.performance.midi_file import Event, Score, read_midi, write_midi
from oscine.performance.render import RenderOptions, RenderReport, render, render_file
from oscine.performance.transcription import Note, transcribe
from oscine.performance.voice import Channel, Frame, Voice

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
