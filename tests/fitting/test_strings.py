"""Fits of stiff strings: each note starts with its own f0 and B, and the gradient keeps one B per note."""

import pytest
import torch
from tests.analysis.test_inharmonicity import string
from tests.fitting.conftest import HOP, RATE

from oscine.analysis import analyze
from oscine.fitting import fit
from oscine.fitting.strings import string_curves
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig

FIRST, SECOND = (147.0, 4e-4), (220.0, 8e-5)


def stiff(**options):
    return Instrument(
        InstrumentConfig(
            sample_rate=RATE,
            hop_length=HOP,
            controller=ControllerConfig(hidden_size=4),
            synth=(HarmonicConfig(n_harmonics=40, inharmonic=True, **options), NoiseConfig(n_bands=9)),
            effects=(),
        )
    )


@pytest.fixture(scope="module")
def two_notes():
    return torch.cat([string(*FIRST, seconds=0.7), string(*SECOND, seconds=0.7)])


def test_each_note_has_its_own_string(two_notes):
    features = analyze(two_notes, RATE, HOP)
    found = string_curves(two_notes, features)
    assert found is not None
    assert found.note.unique().tolist() == [0, 1]
    for frames, (f0_hz, coefficient) in ((slice(40, 150), FIRST), (slice(220, 320), SECOND)):
        assert float(found.inharmonicity[frames].median()) == pytest.approx(coefficient, rel=0.03)
        assert float(found.f0_hz[frames].median()) == pytest.approx(f0_hz, rel=2e-4)
    assert string_curves(torch.zeros_like(two_notes), features) is None


def test_a_fit_starts_there_keeps_one_number_per_note_and_is_nearer(two_notes, monkeypatch):
    found = fit((two_notes, RATE), stiff(), steps=40)
    values = found.controls["harmonic.inharmonicity"]
    for frames, (_, coefficient) in ((slice(40, 150), FIRST), (slice(220, 320), SECOND)):
        assert float(values[frames].median()) == pytest.approx(coefficient, rel=0.1)
        assert float(values[frames].std()) < 0.01 * coefficient
    monkeypatch.setattr("oscine.fitting.fitting.string_curves", lambda *_: None)
    without = fit((two_notes, RATE), stiff(), steps=40)
    assert found.config.residual is not None
    assert without.config.residual is not None
    assert found.config.residual.log_mel_db < 0.7 * without.config.residual.log_mel_db


def test_the_gradient_brings_a_start_that_is_a_little_off_nearer(two_notes, monkeypatch):
    note = two_notes[: round(0.7 * RATE)]
    features = analyze(note, RATE, HOP)
    right = string_curves(note, features)
    assert right is not None
    off = right._replace(inharmonicity=1.08 * right.inharmonicity)
    monkeypatch.setattr("oscine.fitting.fitting.string_curves", lambda *_: off)
    value = float(fit((note, RATE), stiff(), steps=60).controls["harmonic.inharmonicity"].median())
    assert abs(value / FIRST[1] - 1) < 0.03


def test_an_oscillator_below_f0_is_left_as_it_is(two_notes):
    note = two_notes[:4000]
    found = fit((note, RATE), stiff(ratio=0.5), steps=1)
    assert float(found.controls["harmonic.inharmonicity"].median()) == pytest.approx(4e-6, rel=0.3)
