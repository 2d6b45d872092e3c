"""The made sounds of two benchmarks are what they say, and a branch that is wrong reads wrong."""

import pytest
import torch
from benchmarks.rates import apart, differences_db, lines, tones
from benchmarks.strings import fitted_coefficient, stiff_string

from oscine.analysis import string_partials
from oscine.evaluation.spectrum import band_energy, energy_spectrum
from oscine.fitting import Patch, PatchConfig
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig


def test_tones_have_one_spectrum_at_every_rate():
    edges_hz = torch.tensor([500.0, 1000.0, 2000.0, 4000.0, 6000.0], dtype=torch.float64)
    levels = []
    for rate in (16_000, 44_100):
        made = tones(rate, 2.0, seed=1)
        energies = [band_energy(energy_spectrum(one, rate), rate, edges_hz) / rate for one in made]
        levels.append(10 * torch.log10(torch.stack(energies)))
    assert float((levels[0] - levels[1]).abs().max()) < 0.5


def test_a_branch_that_is_wrong_by_3_db_reads_3_db():
    made = tones(16_000, 3.0, seed=2)
    found = differences_db(10 ** (3 / 20) * made.noise, made.noise, made.harmonics, 16_000)
    assert len(found) > 5
    assert list(found.values()) == pytest.approx([3.0] * len(found), abs=1e-3)
    alone = differences_db(made.noise, made.noise, 0 * made.harmonics, 16_000)
    assert set(found) < set(alone)  # the harmonics mask some bands
    assert all(158 < hz < 2000 for hz in set(alone) - set(found))


def test_branches_are_played_apart():
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=64,
        controller=ControllerConfig(hidden_size=4),
        synth=(HarmonicConfig(n_harmonics=8), NoiseConfig(n_bands=9)),
        effects=(),
    )
    instrument = Instrument(config).eval()
    made = tones(16_000, 1.0, seed=2)
    sound = made.harmonics + made.noise
    played = apart(instrument, sound)
    assert float(played.harmonics.square().mean()) > 0
    assert float(played.noise.square().mean()) > 0
    assert [row[:2] for row in lines(instrument, 1.0)] == [["16000", "harmonics"], ["16000", "noise"]]


def test_strings_have_the_coefficient_they_are_made_with():
    found = string_partials(stiff_string(200.0, 1e-4), 16_000, 202.0)
    assert found is not None
    assert found.inharmonicity == pytest.approx(1e-4, rel=0.02)
    synth = (HarmonicConfig(n_harmonics=4, inharmonic=True),)
    config = PatchConfig(sample_rate=16_000, hop_length=64, n_samples=256, seed=0, synth=synth)
    amplitude = torch.tensor([0.0, 0.5, 0.5, 0.1])
    values = torch.tensor([9e-3, 1e-4, 1e-4, 3e-4])
    controls = {"harmonic.amplitude": amplitude, "harmonic.inharmonicity": values}
    assert fitted_coefficient(Patch(config, config.build(), controls)) == pytest.approx(1e-4)
