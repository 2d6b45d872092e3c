"""Networks: controllers drive the processors, encoders hear what they are driven by."""

from oscine.networks.conformer import Conformer
from oscine.networks.controller import Controller, ControllerConfig
from oscine.networks.pitch_encoder import HeardPitch, PitchEncoder, PitchEncoderConfig
from oscine.networks.recurrent import Recurrent
from oscine.networks.tcn import Tcn
from oscine.networks.timbre_encoder import TimbreEncoder, TimbreEncoderConfig

__all__ = [
    "Conformer",
    "Controller",
    "ControllerConfig",
    "HeardPitch",
    "PitchEncoder",
    "PitchEncoderConfig",
    "Recurrent",
    "Tcn",
    "TimbreEncoder",
    "TimbreEncoderConfig",
]
