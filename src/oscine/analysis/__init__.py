"""Pitch, loudness and further features of a sound, frame by frame."""

from oscine.analysis.envelope import continuous_f0, spectral_envelope
from oscine.analysis.extract import NO_PITCH_HZ, analyze, analyze_blocks, paper_loudness
from oscine.analysis.features import CONFIDENT, VOICED, Features
from oscine.analysis.inharmonicity import StringPartials, string_partials
from oscine.analysis.pitch.agreement import Accuracy, Agreement, Passage, accuracy, agreements, passages
from oscine.analysis.pitch.f0_file import F0Curve, f0_file_beside, read_f0, write_f0
from oscine.analysis.pitch.trackers import TRACKERS
from oscine.analysis.plot import plot_features
from oscine.analysis.quality import Quality, assess, merge
from oscine.analysis.signal import ANALYSIS_RATE, default_hop_length

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
    "Quality",
    "StringPartials",
    "accuracy",
    "agreements",
    "analyze",
    "analyze_blocks",
    "assess",
    "continuous_f0",
    "default_hop_length",
    "f0_file_beside",
    "merge",
    "paper_loudness",
    "passages",
    "plot_features",
    "read_f0",
    "spectral_envelope",
    "string_partials",
    "write_f0",
]
