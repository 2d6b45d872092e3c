"""Audio files in, batches out."""

from oscine.data.audio_file import FileReport, probe, read_audio, read_blocks
from oscine.data.curves import Curves, read_curves
from oscine.data.dataset import Batch, Dataset, Split
from oscine.data.nsynth import is_nsynth, prepare_nsynth
from oscine.data.prepare import PrepareReport, Progress, prepare
from oscine.data.quality import Quality, assess, merge
from oscine.data.segment import Segment
from oscine.data.statistics import Statistics, measure_statistics

__all__ = [
    "Batch",
    "Curves",
    "Dataset",
    "FileReport",
    "PrepareReport",
    "Progress",
    "Quality",
    "Segment",
    "Split",
    "Statistics",
    "assess",
    "is_nsynth",
    "measure_statistics",
    "merge",
    "prepare",
    "prepare_nsynth",
    "probe",
    "read_audio",
    "read_blocks",
    "read_curves",
]
