"""Differentiable processors: each the same in training, offline and in real time."""

from oscine.processors.base import PartConfig, Processor
from oscine.processors.composition import Chain, Sum
from oscine.processors.control import Control, split_controls
from oscine.processors.harmonic import HarmonicConfig, HarmonicOscillator
from oscine.processors.noise import FilteredNoise, NoiseConfig
from oscine.processors.parts import (
    AnyPart,
    ChainConfig,
    SumConfig,
    build_parts,
    require_distinct_names,
)
from oscine.processors.reverb import Reverb, ReverbConfig
from oscine.processors.sinusoidal import SinusoidalConfig, SinusoidalOscillator

__all__ = [
    "AnyPart",
    "Chain",
    "ChainConfig",
    "Control",
    "FilteredNoise",
    "HarmonicConfig",
    "HarmonicOscillator",
    "NoiseConfig",
    "PartConfig",
    "Processor",
    "Reverb",
    "ReverbConfig",
    "SinusoidalConfig",
    "SinusoidalOscillator",
    "Sum",
    "SumConfig",
    "build_parts",
    "require_distinct_names",
    "split_controls",
]
