"""Recordings to datasets, datasets to batches."""

from oscine.data.curves import Curves, read_curves
from oscine.data.dataset import Batch, Dataset, Split
from oscine.data.nsynth import is_nsynth, prepare_nsynth
from oscine.data.prepare import PrepareReport, Progress, prepare
from oscine.data.segment import Segment
from oscine.data.statistics import Statistics, measure_statistics

__all__ = [
    "Batch",
    "Curves",
    "Dataset",
    "PrepareReport",
    "Progress",
    "Segment",
    "Split",
    "Statistics",
    "is_nsynth",
    "measure_statistics",
    "prepare",
    "prepare_nsynth",
    "read_curves",
]
