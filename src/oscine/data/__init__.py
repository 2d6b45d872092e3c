"""Audio files in, batches out."""

from oscine.data.audio_file import FileReport, probe, read_audio, read_blocks
from oscine.data.dataset import Batch, Dataset, Segment, Split
from oscine.data.prepare import PrepareReport, Progress, prepare
from oscine.data.quality import Quality, assess, merge
from oscine.data.statistics import Statistics, measure_statistics

__all__ = [
    "Batch",
    "Dataset",
    "FileReport",
    "PrepareReport",
    "Progress",
    "Quality",
    "Segment",
    "Split",
    "Statistics",
    "assess",
    "measure_statistics",
    "merge",
    "prepare",
    "probe",
    "read_audio",
    "read_blocks",
]
