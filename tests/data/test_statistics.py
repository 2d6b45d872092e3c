"""Statistics are what numpy says of the frames, and survive their JSON."""

import numpy as np
import pytest

from oscine.data import Statistics, measure_statistics


def test_quantiles_are_over_voiced_frames() -> None:
    rng = np.random.default_rng(0)
    midi = rng.uniform(50, 80, 2_000)
    loudness_db = rng.uniform(-60, 0, 2_000).astype(np.float32)
    confidence = (rng.uniform(size=2_000) < 0.7).astype(np.float32)
    f0_hz = (440 * 2 ** ((midi - 69) / 12)).astype(np.float32)
    statistics = measure_statistics(f0_hz, confidence, loudness_db, 250.0, 0.5)
    voiced = confidence > 0
    assert statistics.minutes == pytest.approx(2_000 / 250 / 60)
    assert statistics.voiced_share == pytest.approx(voiced.mean())
    grid = np.linspace(0, 1, 101)
    np.testing.assert_allclose(statistics.pitch_midi_quantiles, np.quantile(midi[voiced], grid), atol=1e-3)
    np.testing.assert_allclose(
        statistics.loudness_db_quantiles, np.quantile(loudness_db[voiced], grid), atol=1e-3
    )
    assert statistics.loudness_db_silence == pytest.approx(np.quantile(loudness_db, 0.01), abs=1e-3)
    assert Statistics.model_validate_json(statistics.model_dump_json()) == statistics


def test_without_a_voiced_frame_there_is_still_an_answer() -> None:
    zeros = np.zeros(10, np.float32)
    statistics = measure_statistics(zeros + 440, zeros, zeros - 80, 250.0, 0.5)
    assert statistics.voiced_share == 0
    assert set(statistics.pitch_midi_quantiles) == {69.0}
    assert statistics.loudness_db_silence == -80
