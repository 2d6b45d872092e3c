"""Measures of an instrument on held-out recordings: the paper's metrics and audible differences."""

from oscine.evaluation.evaluation import Comparison, Evaluation, evaluate
from oscine.evaluation.fitted import oracle
from oscine.evaluation.metrics import (
    f0_l1,
    f0_lost,
    f0_median,
    f0_outliers,
    f0_unsure,
    loudness_l1,
    mcd,
    multi_scale_spectral,
)
from oscine.evaluation.page import Page
from oscine.evaluation.protocol import ExampleMetrics
from oscine.evaluation.realism import realism
from oscine.evaluation.report import Excerpts, evaluation_page
from oscine.evaluation.sound import SoundMetrics, compare
from oscine.evaluation.spectrum import cutoff_hz, energy_spectrum
from oscine.evaluation.tally import Metrics, Sound

__all__ = [
    "Comparison",
    "Evaluation",
    "ExampleMetrics",
    "Excerpts",
    "Metrics",
    "Page",
    "Sound",
    "SoundMetrics",
    "compare",
    "cutoff_hz",
    "energy_spectrum",
    "evaluate",
    "evaluation_page",
    "f0_l1",
    "f0_lost",
    "f0_median",
    "f0_outliers",
    "f0_unsure",
    "loudness_l1",
    "mcd",
    "multi_scale_spectral",
    "oracle",
    "realism",
]
