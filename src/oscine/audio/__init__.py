"""Sound: files and arrays in, mono float32 blocks out, and a verdict on what was found."""

from oscine.audio.file import AUDIO_SUFFIXES, Sound, probe, read_audio, read_blocks, sound_blocks
from oscine.audio.report import FileReport
from oscine.audio.samples import Samples

__all__ = [
    "AUDIO_SUFFIXES",
    "FileReport",
    "Samples",
    "Sound",
    "probe",
    "read_audio",
    "read_blocks",
    "sound_blocks",
]
