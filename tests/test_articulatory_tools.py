"""The maker of articulatory data with a made-up simulator; the benchmark's measures on known sounds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.articulatory import FilmController, branches, compare, formants, gesture, loud_start, swept
from scipy.signal import lfilter
from tools import make_articulations as maker

from oscine.audio import read_audio
from oscine.data.curves import Curves, read_curves
from oscine.functional import envelope_oscillator
from oscine.models import Instrument, load_recipe
from oscine.networks import Controller, ControllerConfig

RATE, HOP = 16_000, 64
RANGES = dict.fromkeys(maker.TRACT, (-2.0, 3.0))


class MadeUp(maker.Simulator):
    """A tract without an anatomy: a tone at the pitch of the vocal folds."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        names = [*maker.VOWELS, *(f"{one.shape}({vowel})" for one in maker.CONSONANTS for vowel in "aiu")]
        self.shapes = {name: random.uniform(-2, 3, 19) for name in names}
        self.shapes |= {one.glottis: random.uniform(0.0, 0.1, 11) for one in maker.CONSONANTS}
        self.ranges = RANGES

    def speak(self, states: np.ndarray) -> np.ndarray:
        f0_hz = states[:-1, maker.NAMES.index("F0")].repeat(maker.STEP)
        noise = 1e-3 * np.random.default_rng(0).standard_normal(len(f0_hz))
        return 0.2 * np.sin(2 * np.pi * np.cumsum(f0_hz) / maker.RATE) + noise


def test_without_the_simulator_the_tool_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maker.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="pip install --no-deps articubench"):
        maker.main([str(tmp_path / "made")])


def test_a_walk_is_written_with_its_pitch_and_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "Simulator", MadeUp)
    maker.main([str(tmp_path), "--minutes", "0.17", "--seed", "3"])
    assert sorted(path.name for path in tmp_path.glob("*.flac")) == ["walk_000.flac", "walk_001.flac"]
    first, second = (read_curves(tmp_path / f"walk_00{i}.curves.csv") for i in (0, 1))
    assert list(first.values) == [*maker.TRACT, "PR", "XB", "XT", "CA", "RA"]
    for name in maker.TRACT:
        assert -2.0 <= first.values[name].min() < first.values[name].max() <= 3.0
    assert np.abs(first.values["JA"] - second.values["JA"][: len(first.time_s)]).max() > 1
    assert first.values["PR"][[0, -1]].max() < 0.01 * first.values["PR"].max()
    played = gesture(tmp_path / "walk_000.flac")
    assert set(played.values) == {"f0_hz", "loudness_db", *first.values}
    sound, rate = read_audio(tmp_path / "walk_000.flac")
    assert rate == RATE
    assert abs(len(sound) / RATE - played.time_s[-1]) < 0.001
    turns = np.unwrap(np.angle(np.fft.ifft(np.fft.fft(sound) * _half(len(sound))))) / (2 * np.pi)
    at = np.arange(len(sound) // 4, 3 * len(sound) // 4, 400)
    mean_hz = np.diff(turns[at]) * RATE / 400
    right = np.interp((at[1:] - 200) / RATE, played.time_s, played.values["f0_hz"])
    assert np.abs(mean_hz / right - 1).max() < 0.01
    before = (tmp_path / "walk_001.flac").stat().st_mtime_ns
    maker.main([str(tmp_path), "--minutes", "0.25", "--seed", "3"])
    assert (tmp_path / "walk_001.flac").stat().st_mtime_ns == before
    assert (tmp_path / "walk_002.flac").exists()


def _half(n: int) -> np.ndarray:
    """The analytic signal's factor on a spectrum: 2 for frequencies above 0."""
    return np.where(np.arange(n) < n // 2, 2.0, 0.0)


def test_a_sweep_moves_one_parameter_alone() -> None:
    simulator = MadeUp()
    simulator.shapes["modal"] = np.zeros(11)
    states = maker.sweep(simulator, "JA", "a")
    jaw = maker.NAMES.index("JA")
    assert np.ptp(np.delete(states, jaw, axis=1), axis=0).max() == 0
    assert states[0, jaw] == 3.0
    assert abs(states[-1, jaw] + 2.0) < 0.01
    assert (np.diff(states[:, jaw]) <= 1e-12).all()


def _vowel(f1_hz: float) -> np.ndarray:
    """One second of pulses at 120 Hz through resonances at F1, 1500, 2500, 3500 and 4500 Hz."""
    sound = np.zeros(RATE)
    sound[:: RATE // 120] = 1.0
    sound = np.asarray(lfilter([1.0], [1.0, -0.95], sound))
    for resonance_hz in (f1_hz, 1500.0, 2500.0, 3500.0, 4500.0):
        radius, angle = np.exp(-np.pi * 80 / RATE), 2 * np.pi * resonance_hz / RATE
        poles = [1.0, -2 * radius * np.cos(angle), radius**2]
        sound = np.asarray(lfilter([sum(poles)], poles, sound))
    return sound


def test_formants_and_sweeps_are_read_where_they_are() -> None:
    found = np.nanmedian(formants(_vowel(600.0)), axis=0)
    assert np.abs(found / [600.0, 1500.0] - 1).max() < 0.04
    steps = np.concatenate([_vowel(f1)[:6400] for f1 in (400.0, 550.0, 700.0)])
    assert np.abs(np.array(swept(steps)) / [400.0, 550.0, 700.0] - 1).max() < 0.06


def test_the_power_of_the_branches_is_told_apart() -> None:
    levels = (-60 + 10 * torch.cos(torch.linspace(0, 12, 80))).expand(1, 250, -1)
    sizes: dict[str, Any] = {"n_partials": 66, "n_noise_bands": 129, "sample_rate": RATE, "hop_length": HOP}
    still = Curves(np.array([0.0, 1.0]), {"f0_hz": np.full(2, 120.0)})

    def powers(ratio_db: float) -> np.ndarray:
        ratio = torch.full_like(levels, ratio_db)
        sound = envelope_oscillator(torch.full((1, 250), 120.0), levels, ratio, **sizes)
        return branches(sound[0].numpy(), still)

    clean, middle, noisy = (10 * np.log10(np.divide(*powers(ratio_db)[::-1])) for ratio_db in (-10, -5, 0))
    assert abs(middle - clean - 5) < 1.5
    assert abs(noisy - clean - 10) < 2.0
    assert abs(noisy) < 5.0


def test_a_form_that_returns_the_target_has_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "Simulator", MadeUp)
    maker.main([str(tmp_path), "--minutes", "0.08"])
    path = tmp_path / "walk_000.flac"
    same = compare([path], lambda _, target: target)
    assert same["mel"] == same["f1"] == same["f2"] == same["partials"] == same["noise"] == 0
    louder = compare([path], lambda _, target: 2 * target)
    assert louder["mel"] == pytest.approx(np.log(2), rel=0.05)
    assert louder["partials"] == pytest.approx(20 * np.log10(2), abs=0.1)


def test_the_ablations_change_what_they_say() -> None:
    torch.manual_seed(0)
    film = FilmController([1, 1, 1], 5, ControllerConfig(kind="tcn", hidden_size=8, n_layers=2))
    inputs = [torch.randn(1, 9, 1) for _ in range(3)]
    torch.testing.assert_close(film(*inputs), Controller.step(film, *inputs, state=film.init_state(1))[0])
    with torch.no_grad():
        film.film.weight.fill_(0.5)
    assert (film(*inputs) - Controller.step(film, *inputs, state=film.init_state(1))[0]).abs().max() > 0.01
    instrument = Instrument(load_recipe("articulatory", {"instrument.sample_rate": RATE}).instrument)
    assert instrument.controls[-1].name == "envelope.noise_ratio_db"
    bias = torch.zeros(instrument.controller.head.bias.shape)
    loud_start(bias, instrument.controls)
    assert bias[-80:].abs().max() == 0
    assert bias[:80].abs().max() > 0
