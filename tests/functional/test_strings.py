"""Strings: values per key, partials where Fletcher has them, and beats as fast as two strings differ."""

import math

import pytest
import torch

from oscine.analysis.inharmonicity import string_partials
from oscine.functional import (
    harmonic_oscillator,
    key_weights,
    string_tables,
    strings,
    strings_state,
    strings_step,
    usual_inharmonicity,
)

RATE, HOP = 16_000, 64
SIZES = {"sample_rate": RATE, "hop_length": HOP}


def midi_hz(keys: list[float] | list[int]) -> torch.Tensor:
    """Return the frequencies of MIDI pitches, (1, frame)."""
    return 440 * 2 ** ((torch.tensor([keys], dtype=torch.float32) - 69) / 12)


def _tables(cents: float = 0.0, apart: float = 0.0, n_strings: int = 2) -> torch.Tensor:
    ones = torch.ones(88)
    return string_tables(usual_inharmonicity(), cents * ones, apart * ones, n_strings)


def test_values_are_read_at_a_key_between_two_and_beyond_the_last() -> None:
    f0_hz = midi_hz([21.0, 60.0, 60.25, 108.0, 3.0, 120.0])
    weights = key_weights(f0_hz)[0]
    values = weights @ torch.arange(21.0, 109.0)
    torch.testing.assert_close(values, torch.tensor([21.0, 60.0, 60.25, 108.0, 21.0, 108.0]))
    torch.testing.assert_close(weights.sum(-1), torch.ones(6))


@pytest.mark.parametrize("key", [28, 40, 52, 64])
def test_partials_lie_where_a_stiff_string_has_them(key: int) -> None:
    f0_hz = midi_hz([key] * 250)
    weights = 1 / torch.arange(1.0, 31.0).expand(1, 250, -1)
    audio = strings(f0_hz, torch.ones(1, 250), weights, _tables(cents=4.0), **SIZES)[0]
    found = string_partials(audio, RATE, float(f0_hz[0, 0]))
    assert found is not None
    assert found.inharmonicity == pytest.approx(float(usual_inharmonicity()[key - 21]), rel=0.02)
    assert 1200 * math.log2(found.f0_hz / float(f0_hz[0, 0])) == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("n_strings", [1, 2, 3])
def test_strings_in_unison_are_one_oscillator(n_strings: int) -> None:
    f0_hz, amplitude, weights = midi_hz([57] * 20), torch.rand(1, 20), torch.rand(1, 20, 12)
    b = usual_inharmonicity()[57 - 21].expand(1, 20)
    ours = strings(f0_hz, amplitude, weights, _tables(n_strings=n_strings), **SIZES)
    theirs = harmonic_oscillator(
        f0_hz, amplitude, weights, inharmonicity=b, sample_rate=RATE, hop_length=SIZES["hop_length"]
    )
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=0)


def test_two_strings_beat_at_their_difference_and_partials_at_its_multiples() -> None:
    key, cents, seconds = 69, 6.0, 2
    n = seconds * 250
    f0_hz, tables = midi_hz([key] * n), _tables(apart=cents)
    beat_hz = 440 * 2 * math.sinh(cents / 2400 * math.log(2))
    for partial in (1, 3):
        weights = torch.zeros(1, n, 3)
        weights[..., partial - 1] = 1.0
        audio = strings(f0_hz, torch.ones(1, n), weights, tables, **SIZES)[0]
        level = audio.square().unfold(0, 120, 40).mean(-1).sqrt() * 2**0.5
        time_s = (torch.arange(len(level)) * 40 + 60) / RATE
        stretch = math.sqrt(1 + float(usual_inharmonicity()[key - 21]) * partial**2)
        wanted = torch.cos(math.pi * partial * beat_hz * stretch * time_s).abs()
        assert (level - wanted).abs().max() < 0.05


def test_gradients_are_exact() -> None:
    torch.manual_seed(0)
    tables = _tables(2.0, 3.0).double().requires_grad_()
    f0_hz = 200 + 50 * torch.rand(1, 3, dtype=torch.float64)
    amplitude = torch.rand(1, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(1, 3, 4, dtype=torch.float64, requires_grad=True)

    def played(a: torch.Tensor, w: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return strings(f0_hz, a, w, t, sample_rate=4000, hop_length=8)

    assert torch.autograd.gradcheck(played, (amplitude, weights, tables), atol=1e-6)


def test_the_usual_inharmonicity_is_least_in_the_tenor_and_rises_to_both_ends() -> None:
    usual = usual_inharmonicity()
    lowest = 21 + int(usual.argmin())
    assert 36 <= lowest <= 50
    assert (usual[: lowest - 21].diff() < 0).all()
    assert (usual[lowest - 20 :].diff() > 0).all()
    assert 5e-3 < float(usual[-1]) < 5e-2


def test_tables_and_states_of_another_shape_are_refused() -> None:
    f0_hz, amplitude, weights = torch.full((1, 2), 220.0), torch.ones(1, 2), torch.ones(1, 2, 3)
    with pytest.raises(ValueError, match="tables is"):
        strings(f0_hz, amplitude, weights, torch.zeros(3, 87), **SIZES)
    with pytest.raises(ValueError, match="state is of 1 strings"):
        strings_step(f0_hz, amplitude, weights, _tables(), strings_state(1, 3, 1), **SIZES)
