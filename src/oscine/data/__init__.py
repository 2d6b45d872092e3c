"""Recordings to datasets, datasets to batches."""

from oscine.data.batch import Batch
from oscine.data.curves import Curves, read_curves
from oscine.data.dataset import Dataset
from oscine.data.nsynth import is_nsynth, nsynth_notes, prepare_nsynth
from oscine.data.plan import Progress
from oscine.data.prepare import PartReport, PrepareReport, prepare, prepare_part
from oscine.data.segment import Segment
from oscine.data.split import Split
from oscine.data.statistics import Statistics, measure_statistics

__all__ = [
    "Batch",
    "Curves",
    "Dataset",
    "PartReport",
    "PrepareReport",
    "Progress",
    "Segment",
    "Split",
    "Statistics",
    "is_nsynth",
    "measure_statistics",
    "nsynth_notes",
    "prepare",
    "prepare_nsynth",
    "prepare_part",
    "read_curves",
]
