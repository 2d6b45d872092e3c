"""Sound: files and arrays in, mono float32 blocks out, and a verdict on what was found."""

from oscine.audio.file import AUDIO_SUFFIXES, FileReport, probe, read_audio, read_blocks

__all__ = ["AUDIO_SUFFIXES", "FileReport", "probe", "read_audio", "read_blocks"]
