"""Networks: a controller predicts a synthesiser's controls; encoders extract pitch and timbre from audio."""

from oscine.networks.conformer import Conformer
from oscine.networks.controller import Controller, ControllerConfig
from oscine.networks.flow import AheadTcn, FlowNetwork
from oscine.networks.pitch_encoder import EncodedPitch, PitchEncoder, PitchEncoderConfig
from oscine.networks.recurrent import Recurrent
from oscine.networks.tcn import Tcn
from oscine.networks.timbre_encoder import TimbreEncoder, TimbreEncoderConfig

__all__ = [
    "AheadTcn",
    "Conformer",
    "Controller",
    "ControllerConfig",
    "EncodedPitch",
    "FlowNetwork",
    "PitchEncoder",
    "PitchEncoderConfig",
    "Recurrent",
    "Tcn",
    "TimbreEncoder",
    "TimbreEncoderConfig",
]
