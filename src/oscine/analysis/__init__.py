"""Pitch, loudness and their like: what a sound is, frame by frame."""

from oscine.analysis.compare import Accuracy, Agreement, Passage, accuracy, agreements, passages
from oscine.analysis.extract import NO_PITCH_HZ, analyze, analyze_blocks, paper_loudness
from oscine.analysis.f0_file import F0Curve, f0_file_beside, read_f0, write_f0
from oscine.analysis.features import CONFIDENT, VOICED, Features
from oscine.analysis.plot import plot_features
from oscine.analysis.signal import ANALYSIS_RATE, default_hop_length
from oscine.analysis.trackers import TRACKERS

__all__ = [
    "ANALYSIS_RATE",
    "CONFIDENT",
    "NO_PITCH_HZ",
    "TRACKERS",
    "VOICED",
    "Accuracy",
    "Agreement",
    "F0Curve",
    "Features",
    "Passage",
    "accuracy",
    "agreements",
    "analyze",
    "analyze_blocks",
    "default_hop_length",
    "f0_file_beside",
    "paper_loudness",
    "passages",
    "plot_features",
    "read_f0",
    "write_f0",
]
