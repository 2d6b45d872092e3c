"""Sound matching: the controls of a synthesiser that sound like a recording, found by gradient."""

from oscine.fitting.fitting import fit
from oscine.fitting.losses import LOSSES, LevelAndTransportLoss, LossName
from oscine.fitting.patch import Patch, PatchConfig, Residual

__all__ = [
    "LOSSES",
    "LevelAndTransportLoss",
    "LossName",
    "Patch",
    "PatchConfig",
    "Residual",
    "fit",
]
