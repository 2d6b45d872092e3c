"""Synthesised recordings, no file outside the repository is needed."""

import shutil
from pathlib import Path

import pytest
import soundfile
from tests.audio.conftest import make_bad
from tests.data.tunes import tune

from oscine.data import Dataset, prepare

__all__ = ["make_bad"]


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two recordings, 24 s and 16 s."""
    folder = tmp_path_factory.mktemp("recordings") / "scales"
    folder.mkdir()
    soundfile.write(folder / "a.wav", tune(24), 16_000)
    soundfile.write(folder / "b.flac", tune(16, 22_050, lowest_midi=55), 22_050)
    return folder


@pytest.fixture(scope="session")
def prepared(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of the two recordings, the last 5 s of the second held out."""
    folder = tmp_path_factory.mktemp("prepared") / "dataset"
    prepare(recordings, folder, held_out_s=5.0, n_workers=1, sample_rate=16_000)
    return folder


@pytest.fixture(scope="module")
def dataset(prepared: Path) -> Dataset:
    """The same dataset, opened."""
    return Dataset.open(prepared)


@pytest.fixture
def dataset_copy(prepared: Path, tmp_path: Path) -> Path:
    """The same dataset, to be spoiled."""
    return Path(shutil.copytree(prepared, tmp_path / "dataset"))
