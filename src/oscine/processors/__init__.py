"""Differentiable processors: each the same in training, offline and in real time."""

from oscine.processors.base import Chain, Processor, State, Stream
from oscine.processors.control import Control, split_controls
from oscine.processors.convolver import Convolver
from oscine.processors.noise import FilteredNoise
from oscine.processors.oscillators import HarmonicOscillator, SinusoidalOscillator

__all__ = [
    "Chain",
    "Control",
    "Convolver",
    "FilteredNoise",
    "HarmonicOscillator",
    "Processor",
    "SinusoidalOscillator",
    "State",
    "Stream",
    "split_controls",
]
