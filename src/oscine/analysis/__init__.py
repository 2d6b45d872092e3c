"""Pitch, loudness and their like: what a sound is, frame by frame."""

from oscine.analysis.extract import NO_PITCH_HZ, analyze, analyze_blocks, paper_loudness
from oscine.analysis.features import CONFIDENT, VOICED, Features
from oscine.analysis.plot import plot_features
from oscine.analysis.signal import ANALYSIS_RATE, default_hop_length

__all__ = [
    "ANALYSIS_RATE",
    "CONFIDENT",
    "NO_PITCH_HZ",
    "VOICED",
    "Features",
    "analyze",
    "analyze_blocks",
    "default_hop_length",
    "paper_loudness",
    "plot_features",
]
