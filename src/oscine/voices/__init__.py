"""Voices: a sound as pitch, spectral envelope and noise, changed one by one and played again."""

from oscine.voices.changing import VoiceChange, VoiceReport, change_voice, change_voice_file
from oscine.voices.codec import CodedVoice, decode, encode
from oscine.voices.content import ContentFeatures, SpeechModel, read_content
from oscine.voices.conversion import Conversion, ConversionReport, convert_voice, convert_voice_file
from oscine.voices.converter import Converter, ConverterConfig, built_in_converter
from oscine.voices.enhancement import EnhancementReport, enhance, enhance_file
from oscine.voices.enhancer import Enhancer, EnhancerConfig
from oscine.voices.envelope_flow import EnvelopeFlow, EnvelopeFlowConfig, refined_pieces
from oscine.voices.heard import HeardVoice
from oscine.voices.pitch import PitchMap
from oscine.voices.statistics import VoiceStatistics, voice_statistics
from oscine.voices.voice import Voice, analyze_voice, voice_bands, voice_hop, voice_pieces

__all__ = [
    "CodedVoice",
    "ContentFeatures",
    "Conversion",
    "ConversionReport",
    "Converter",
    "ConverterConfig",
    "EnhancementReport",
    "Enhancer",
    "EnhancerConfig",
    "EnvelopeFlow",
    "EnvelopeFlowConfig",
    "HeardVoice",
    "PitchMap",
    "SpeechModel",
    "Voice",
    "VoiceChange",
    "VoiceReport",
    "VoiceStatistics",
    "analyze_voice",
    "built_in_converter",
    "change_voice",
    "change_voice_file",
    "convert_voice",
    "convert_voice_file",
    "decode",
    "encode",
    "enhance",
    "enhance_file",
    "read_content",
    "refined_pieces",
    "voice_bands",
    "voice_hop",
    "voice_pieces",
    "voice_statistics",
]
