"""Voices: a sound as pitch, spectral envelope and noise, changed one by one and played again."""

from oscine.voices.changing import VoiceChange, VoiceReport, change_voice, change_voice_file
from oscine.voices.codec import CodedVoice, decode, encode
from oscine.voices.heard import HeardVoice
from oscine.voices.voice import Voice, analyze_voice, voice_bands, voice_hop, voice_pieces

__all__ = [
    "CodedVoice",
    "HeardVoice",
    "Voice",
    "VoiceChange",
    "VoiceReport",
    "analyze_voice",
    "change_voice",
    "change_voice_file",
    "decode",
    "encode",
    "voice_bands",
    "voice_hop",
    "voice_pieces",
]
