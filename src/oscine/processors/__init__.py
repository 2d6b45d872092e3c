"""Differentiable processors: each the same in training, offline and in real time."""

from oscine.processors.allpole import Allpole, AllpoleConfig
from oscine.processors.base import PartConfig, Processor
from oscine.processors.composition import Chain, Sum
from oscine.processors.control import Control, split_controls, start_controls
from oscine.processors.envelope import EnvelopeConfig, EnvelopeOscillator
from oscine.processors.filter import Filter, FilterConfig
from oscine.processors.fm import FmConfig, FmOscillator
from oscine.processors.glottal import Glottal, GlottalConfig
from oscine.processors.harmonic import HarmonicConfig, HarmonicOscillator
from oscine.processors.modes import Modes, ModesConfig
from oscine.processors.neural_filter import NeuralFilter, NeuralFilterConfig
from oscine.processors.noise import FilteredNoise, NoiseConfig
from oscine.processors.noise_bands import NoiseBands, NoiseBandsConfig
from oscine.processors.onset_gate import OnsetGate, OnsetGateConfig
from oscine.processors.parts import (
    AnyPart,
    ChainConfig,
    SumConfig,
    build_parts,
    require_parts,
)
from oscine.processors.pulse import Pulse, PulseConfig
from oscine.processors.refiner import Refiner, RefinerConfig
from oscine.processors.reverb import Reverb, ReverbConfig
from oscine.processors.sinusoidal import SinusoidalConfig, SinusoidalOscillator
from oscine.processors.strings import Strings, StringsConfig
from oscine.processors.transient import Transient, TransientConfig
from oscine.processors.wavetable import Wavetable, WavetableConfig

__all__ = [
    "Allpole",
    "AllpoleConfig",
    "AnyPart",
    "Chain",
    "ChainConfig",
    "Control",
    "EnvelopeConfig",
    "EnvelopeOscillator",
    "Filter",
    "FilterConfig",
    "FilteredNoise",
    "FmConfig",
    "FmOscillator",
    "Glottal",
    "GlottalConfig",
    "HarmonicConfig",
    "HarmonicOscillator",
    "Modes",
    "ModesConfig",
    "NeuralFilter",
    "NeuralFilterConfig",
    "NoiseBands",
    "NoiseBandsConfig",
    "NoiseConfig",
    "OnsetGate",
    "OnsetGateConfig",
    "PartConfig",
    "Processor",
    "Pulse",
    "PulseConfig",
    "Refiner",
    "RefinerConfig",
    "Reverb",
    "ReverbConfig",
    "SinusoidalConfig",
    "SinusoidalOscillator",
    "Strings",
    "StringsConfig",
    "Sum",
    "SumConfig",
    "Transient",
    "TransientConfig",
    "Wavetable",
    "WavetableConfig",
    "build_parts",
    "require_parts",
    "split_controls",
    "start_controls",
]
