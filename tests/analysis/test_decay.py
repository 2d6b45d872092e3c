"""RT60 of a response whose decay is known."""

import pytest
import torch

from oscine.analysis.decay import decay_s, energy_decay_db

RATE = 16000


def test_decay_is_that_of_an_exponential_and_none_where_nothing_falls():
    time_s = torch.arange(16000) / RATE
    for seconds in (0.2, 0.45):
        assert decay_s(10 ** (-3 * time_s / seconds), RATE) == pytest.approx(seconds, rel=1e-3)
    level_db = energy_decay_db(10 ** (-3 * time_s / 0.2))
    assert float(level_db[0]) == 0.0
    assert float(level_db[3200]) == pytest.approx(-60, abs=0.1)
    assert (level_db.diff() <= 0).all()
    assert decay_s(torch.zeros(1000), RATE) is None
    assert decay_s(torch.eye(1, 100)[0], RATE) is None
