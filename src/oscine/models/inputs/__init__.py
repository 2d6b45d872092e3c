"""The inputs of an instrument's network: one class each, and the closed union of their configs."""

from typing import Annotated

from pydantic import Field

from oscine.models.inputs.base import Input, InputConfig
from oscine.models.inputs.curve import Curve, CurveConfig
from oscine.models.inputs.envelope import Envelope, EnvelopeInputConfig
from oscine.models.inputs.identity import Identity, IdentityConfig
from oscine.models.inputs.level import (
    Level,
    LevelConfig,
    Loudness,
    LoudnessConfig,
    PaperLoudness,
    PaperLoudnessConfig,
)
from oscine.models.inputs.onset import Onset, OnsetConfig
from oscine.models.inputs.pitch import F0, F0Config, Periodicity, PeriodicityConfig
from oscine.models.inputs.timbre import Centroid, CentroidConfig, Z, ZConfig

AnyInput = Annotated[
    F0Config
    | LoudnessConfig
    | PaperLoudnessConfig
    | LevelConfig
    | ZConfig
    | PeriodicityConfig
    | CentroidConfig
    | OnsetConfig
    | EnvelopeInputConfig
    | CurveConfig
    | IdentityConfig,
    Field(discriminator="kind"),
]
"""The config of any input; its ``kind`` says which."""

__all__ = [
    "F0",
    "AnyInput",
    "Centroid",
    "CentroidConfig",
    "Curve",
    "CurveConfig",
    "Envelope",
    "EnvelopeInputConfig",
    "F0Config",
    "Identity",
    "IdentityConfig",
    "Input",
    "InputConfig",
    "Level",
    "LevelConfig",
    "Loudness",
    "LoudnessConfig",
    "Onset",
    "OnsetConfig",
    "PaperLoudness",
    "PaperLoudnessConfig",
    "Periodicity",
    "PeriodicityConfig",
    "Z",
    "ZConfig",
]
