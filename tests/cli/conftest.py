"""What the tests of several commands need."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from oscine.data import prepare

RATE = 16_000


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of 36 seconds of one tone."""
    folder = tmp_path_factory.mktemp("recordings")
    time = np.arange(36 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(300 + 30 * np.sin(time)) / RATE
    soundfile.write(folder / "tone.wav", 0.3 * np.sin(phase) + 0.1 * np.sin(2 * phase), RATE)
    out = tmp_path_factory.mktemp("datasets") / "tone"
    prepare(folder, out, sample_rate=RATE, held_out_s=3.0, n_workers=1)
    return out
