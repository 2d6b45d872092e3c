"""Measures of an instrument on held-out recordings: the paper's metrics and audible differences."""

from oscine.evaluate.evaluation import Comparison, Evaluation, evaluate
from oscine.evaluate.fitted import oracle
from oscine.evaluate.metrics import (
    f0_l1,
    f0_lost,
    f0_median,
    f0_outliers,
    f0_unsure,
    loudness_l1,
    mcd,
    multi_scale_spectral,
)
from oscine.evaluate.page import Page
from oscine.evaluate.protocol import ExampleMetrics
from oscine.evaluate.realism import realism
from oscine.evaluate.report import Excerpts, evaluation_page
from oscine.evaluate.sound import SoundMetrics, compare
from oscine.evaluate.spectrum import cutoff_hz, energy_spectrum
from oscine.evaluate.tally import Metrics, Sound

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
