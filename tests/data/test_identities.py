"""Several instruments in one dataset: the folders of the recordings are its identities."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from oscine.data import Dataset, prepare

RATE = 16_000


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("recordings")
    time = np.arange(20 * RATE) / RATE
    for name, f0_hz in (("violin/b.wav", 440.0), ("flute/a.wav", 660.0), ("flute/c.wav", 700.0)):
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / name, 0.2 * np.sin(2 * np.pi * f0_hz * time), RATE)
    prepare(folder, folder / "dataset", sample_rate=RATE, held_out_s=5.0, n_workers=1)
    return Dataset.open(folder / "dataset")


def test_the_folders_are_the_identities(dataset: Dataset) -> None:
    assert dataset.identities == ("flute", "violin")
    assert {one.name: dataset.identities[one.identity] for one in dataset.train.segments} == {
        "flute/a.wav": "flute",
        "flute/c.wav": "flute",
        "violin/b.wav": "violin",
    }


def test_each_voice_has_its_statistics_and_is_held_out(dataset: Dataset) -> None:
    learned = dataset.statistics
    assert {name: round(one.pitch_midi_quantiles[50], 1) for name, one in learned.identities.items()} == {
        "flute": pytest.approx(76.0, abs=1.1),
        "violin": pytest.approx(69.0, abs=0.1),
    }
    assert sum(one.minutes for one in learned.identities.values()) == pytest.approx(learned.minutes)
    assert {dataset.identities[one.identity] for one in dataset.held_out.segments} == {"flute", "violin"}


def test_a_batch_knows_which_voice_each_crop_is_of(dataset: Dataset) -> None:
    batch = dataset.train.batch(0, 0, 32, 100)
    pitch_hz = batch.f0_hz.median(dim=1).values
    assert torch.equal(batch.identity, (pitch_hz < 500).long())
    assert set(batch.identity.tolist()) == {0, 1}


def test_a_dataset_without_folders_has_one_voice_without_a_name(tmp_path: Path) -> None:
    time = np.arange(40 * RATE) / RATE
    soundfile.write(tmp_path / "a.wav", 0.2 * np.sin(2 * np.pi * 440 * time), RATE)
    prepare(tmp_path, tmp_path / "dataset", sample_rate=RATE, held_out_s=5.0, n_workers=1)
    dataset = Dataset.open(tmp_path / "dataset")
    assert dataset.identities == ("",)
    assert not dataset.statistics.identities
    assert dataset.train.batch(0, 0, 2, 10).identity.tolist() == [0, 0]
