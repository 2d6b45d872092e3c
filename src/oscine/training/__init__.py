"""Training: the loop, its loss, its callbacks, its checkpoints."""

from oscine.training.distillation import distill
from oscine.training.loop import Callback, TrainingLoop
from oscine.training.pausing import Paused
from oscine.training.run import TrainResult, train
from oscine.training.validation import Validation

__all__ = [
    "Callback",
    "Paused",
    "TrainResult",
    "TrainingLoop",
    "Validation",
    "distill",
    "train",
]
