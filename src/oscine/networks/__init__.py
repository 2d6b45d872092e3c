"""Networks: controllers drive the processors, encoders hear what they are driven by."""

from oscine.networks.controller import Controller, ControllerConfig
from oscine.networks.pitch_encoder import HeardPitch, PitchEncoder, PitchEncoderConfig
from oscine.networks.timbre_encoder import TimbreEncoder, TimbreEncoderConfig

__all__ = [
    "Controller",
    "ControllerConfig",
    "HeardPitch",
    "PitchEncoder",
    "PitchEncoderConfig",
    "TimbreEncoder",
    "TimbreEncoderConfig",
]
