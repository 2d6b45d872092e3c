"""The recipe `articulatory`: a curve that moves a formant in the data moves it in the learned instrument."""

from pathlib import Path

import numpy as np
import parselmouth
import pytest
import torch

from oscine.analysis import Features
from oscine.data import Dataset
from oscine.data.curves import Curves
from oscine.errors import InputError
from oscine.models import Instrument, load_recipe
from oscine.performance import play_curves
from oscine.training import train

RATE, HOP, SECONDS = 8_000, 80, 24
SMALL = {
    "instrument.controller.hidden_size": 32,
    "instrument.controller.n_layers": 2,
    "instrument.synth.envelope.n_bands": 40,
    "instrument.synth.envelope.n_partials": 32,
    "instrument.synth.envelope.n_noise_bands": 33,
    "training.crop_s": 0.4,
    "training.learning_rate": 1e-2,
    "training.n_validations": 2,
}


def _first_formant_hz(jaw: np.ndarray) -> np.ndarray:
    return 300.0 + 50.0 * jaw


def _tract(jaw: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    """Partials of f0 under three resonances; the first one goes from 300 to 800 Hz with the jaw, 0 to 10."""
    number = np.arange(1, 32)[:, None]
    frequency = number * f0_hz
    gain = 300.0 / frequency
    for resonance, width in ((_first_formant_hz(jaw), 80.0), (1500.0, 100.0), (2500.0, 150.0)):
        pole = -np.pi * width + 2j * np.pi * resonance
        s = 2j * np.pi * frequency
        gain = gain * np.abs(pole) ** 2 / np.abs((s - pole) * (s - np.conj(pole)))
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    return 0.01 * (gain * (frequency < RATE / 2) * np.cos(number * phase)).sum(axis=0)


def _slow(random: np.random.Generator, n: int, every: int) -> np.ndarray:
    """A random curve from 0 to 1, in straight lines."""
    return np.interp(np.arange(n) / every, np.arange(n // every + 2), random.random(n // every + 2))


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    random = np.random.default_rng(0)
    n = SECONDS * RATE
    jaw, f0_hz = 10 * _slow(random, n, RATE // 3), 90 + 60 * _slow(random, n, RATE)
    ends = slice(HOP - 1, None, HOP)
    pitch = torch.from_numpy(f0_hz[ends]).float()
    sound = torch.from_numpy(_tract(jaw, f0_hz)).float()
    level = torch.full_like(pitch, -30.0)
    features = Features(pitch, torch.ones_like(pitch), level, level, RATE, HOP)
    # A curve that has nothing to do with the sound, with the deviation of the other one.
    given = {"jaw": jaw[ends], "idle": 10 * _slow(random, n, RATE // 3)[ends]}
    return Dataset.from_arrays(sound, RATE, features=features, curves=given, held_out_s=2.0)


def _f1_hz(instrument: Instrument, jaw: float, idle: float = 5.0) -> float:
    values = {"f0_hz": 110.0, "loudness_db": -30.0, "jaw": jaw, "idle": idle}
    still = Curves(np.array([0.0, 0.8]), {name: np.full(2, value) for name, value in values.items()})
    sound, _ = play_curves(still, instrument)
    tracks = parselmouth.Sound(sound.astype(np.float64), RATE).to_formant_burg(
        max_number_of_formants=4, maximum_formant=RATE / 2
    )
    return float(np.median([tracks.get_value_at_time(1, t) for t in np.arange(0.3, 0.7, 0.02)]))


def test_a_curve_moves_the_formant_that_it_moved_in_the_data(dataset: Dataset, tmp_path: Path) -> None:
    train(dataset, tmp_path / "tract", recipe="articulatory", steps=120, overrides=SMALL, device="cpu")
    instrument = Instrument.from_pretrained(tmp_path / "tract")
    assert [one.name for one in instrument.all_inputs()] == ["f0_hz", "loudness_db", "idle", "jaw"]
    angles = np.array([1.0, 3.0, 5.0, 7.0, 9.0])
    found = np.array([_f1_hz(instrument, jaw) for jaw in angles])
    assert (np.diff(found) > 0).all(), found
    assert np.abs(found / _first_formant_hz(angles) - 1).max() < 0.15, found
    still = [_f1_hz(instrument, 5.0, idle) for idle in (1.0, 9.0)]
    assert abs(still[1] - still[0]) < 0.25 * (found[-1] - found[0]), still


def test_a_dataset_without_curves_is_refused(tmp_path: Path) -> None:
    sound = torch.sin(torch.arange(12 * RATE) * 0.2)
    bare = Dataset.from_arrays(sound, RATE, held_out_s=2.0)
    with pytest.raises(InputError, match="takes all curves of the dataset, which has none; put NAME"):
        train(bare, tmp_path / "none", recipe="articulatory", steps=1, device="cpu")
    assert not (tmp_path / "none").exists()


def test_all_curves_are_those_that_the_recipe_does_not_list() -> None:
    listed = [{"kind": "curve", "name": "jaw"}, {"kind": "f0"}]
    config = load_recipe("articulatory", {"instrument.inputs": listed}).instrument
    names = [f"c{i}" for i in range(30)]
    fitted = config.fit(RATE, HOP, ["jaw", *names], ())
    instrument = Instrument(fitted)
    assert [one.name for one in instrument.all_inputs()] == ["jaw", "f0_hz", *names]
    assert fitted.fit(RATE, HOP, ["jaw", *names], ()) == fitted
    with pytest.raises(InputError, match="would have 65 inputs; list the curves that it needs, 64 inputs at"):
        config.fit(RATE, HOP, ["jaw", *(f"c{i}" for i in range(63))], ())
