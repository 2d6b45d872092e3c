"""A small dataset of a synthetic instrument, written in the layout that `prepare` writes."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from oscine.data import prepare


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty seconds of a tone that glides and swells, five harmonics and a little breath."""
    folder = tmp_path_factory.mktemp("recordings")
    rate = 16_000
    time = np.arange(40 * rate) / rate
    f0 = 300 * 2 ** (0.5 * np.sin(0.7 * time))
    phase = 2 * np.pi * np.cumsum(f0) / rate
    tone = sum(np.sin(k * phase) / k**1.5 for k in range(1, 6))
    level = 0.15 * (1 + 0.7 * np.sin(2.1 * time))
    sound = level * (tone + 0.02 * np.random.default_rng(0).normal(size=len(time)))
    soundfile.write(folder / "tone.wav", sound, rate)
    out = tmp_path_factory.mktemp("datasets") / "tone"
    prepare(folder, out, sample_rate=rate, hop_length=64, held_out_s=5.0, n_workers=1)
    return out
