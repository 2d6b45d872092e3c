"""Training: the Lightning module, the schedule, the guard, the checkpoints."""

from oscine.training.run import TrainResult, train

__all__ = ["TrainResult", "train"]
