"""The paper's table over examples: each figure on sounds whose errors are known."""

import math

import pytest
import torch

from oscine.analysis import Features
from oscine.evaluation.protocol import Example, cut, example_metrics

RATE, HOP = 16_000, 64


def _features(midi: torch.Tensor, confidence: torch.Tensor) -> Features:
    loudness_db = torch.full_like(midi, -20.0)
    return Features(440 * 2 ** ((midi - 69) / 12), confidence, loudness_db, loudness_db, RATE, HOP)


def _example(
    semitones: float, level_db: float = 0.0, *, target=0.9, output=0.9, n_frames: int = 100
) -> Example:
    midi, sure = torch.full((n_frames,), 60.0), torch.full((n_frames,), target)
    heard = torch.full((n_frames,), output)
    target_db = torch.linspace(-60, -20, n_frames)
    return Example(_features(midi + semitones, heard), _features(midi, sure), target_db + level_db, target_db)


def test_each_example_counts_alike_however_long() -> None:
    metrics = example_metrics([_example(0.2, 1.0), _example(0.4, 3.0, n_frames=300)])
    assert metrics.n_examples == metrics.n_pitched == 2
    assert metrics.f0_l1_semitones == pytest.approx(0.3, abs=1e-4)
    assert metrics.loudness_l1_db == pytest.approx(2.0, abs=1e-5)
    assert metrics.f0_outliers == 0.0


def test_the_deviation_is_that_of_the_targets() -> None:
    metrics = example_metrics([_example(0.0, 2.0, n_frames=1000)])
    # A line from -60 to -20 dB deviates by 40 / sqrt(12).
    assert metrics.loudness_l1_deviations == pytest.approx(2.0 / (40 / math.sqrt(12)), rel=1e-2)


def test_outliers_are_counted_and_left_out() -> None:
    unsure, far, unpitched = _example(0.4, output=0.2), _example(-19.0), _example(5.0, target=0.5)
    metrics = example_metrics([_example(0.1), _example(0.1), unsure, far, unpitched])
    assert (metrics.n_examples, metrics.n_pitched) == (5, 4)
    assert metrics.f0_outliers == 0.25
    assert metrics.f0_unheard == 0.25
    assert metrics.f0_l1_semitones == pytest.approx(0.2, abs=1e-4)
    blank = example_metrics([unpitched])
    assert blank.f0_l1_semitones is None
    assert blank.f0_outliers is blank.f0_unheard is None


def test_long_stretches_are_cut_at_four_seconds() -> None:
    parts = cut(_example(0.0, n_frames=2300))
    assert [part.target.n_frames for part in parts] == [1000, 1000, 300]
    assert [len(part.output_db) for part in parts] == [1000, 1000, 300]
