"""Sound: files and arrays as mono float32 blocks, with a verdict on each file."""

from oscine.audio.file import AUDIO_SUFFIXES, Sound, probe, rate_of, read_audio, read_blocks, sound_blocks
from oscine.audio.player import player_html
from oscine.audio.report import FileReport
from oscine.audio.samples import Rate, Samples

__all__ = [
    "AUDIO_SUFFIXES",
    "FileReport",
    "Rate",
    "Samples",
    "Sound",
    "player_html",
    "probe",
    "rate_of",
    "read_audio",
    "read_blocks",
    "sound_blocks",
]
