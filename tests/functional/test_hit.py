"""What begins with a hit: closed forms between the samples, silence before, and the next hit."""

import inspect
import math

import pytest
import torch
from tests.runtime.programs import onset_curve

from oscine.functional import modes, onset_gate, transient

RATE, HOP = 16_000, 32
# The functions as users have them: without the type checker of the tests.
BARE_MODES, BARE_TRANSIENT = inspect.unwrap(modes), inspect.unwrap(transient)
RATES = {"sample_rate": RATE, "hop_length": HOP}


def curve(*hits, n_frames=20):
    return onset_curve(hits, n_frames, RATE, HOP)[None]


def constant(values, n_frames=20):
    return torch.tensor(values, dtype=torch.float64).expand(1, n_frames, -1)


@pytest.mark.parametrize("onset", [0.0, 31.0, 32.0, 100.25, 101.7, 319.999])
def test_modes_are_damped_sinusoids_from_the_onset(onset):
    hz, decays, amplitudes, phases = [440.0, 1234.5], [0.01, 0.003], [0.5, 0.2], [0.1, -0.3]
    values = (constant(one) for one in (hz, decays, amplitudes, phases))
    audio = modes(curve(onset), *values, **RATES)[0]
    expected = [
        sum(
            a * math.exp(-t / d) * math.sin(2 * math.pi * (f * t + p))
            for f, d, a, p in zip(hz, decays, amplitudes, phases, strict=True)
        )
        if (t := (n - onset) / RATE) >= 0
        else 0.0
        for n in range(20 * HOP)
    ]
    torch.testing.assert_close(audio, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9)
    assert not audio[: math.ceil(onset)].any()


def test_a_hit_keeps_its_controls_and_the_next_one_takes_its_own():
    onset_s, one = curve(40.0, 330.5), torch.ones(1, 20, 1, dtype=torch.float64)
    hz = torch.linspace(300.0, 900.0, 20, dtype=torch.float64)[None, :, None]
    audio = modes(onset_s, hz, one, one, 0.25 * one, **RATES)[0]
    alone = [
        modes(curve(hit), hz[:, frame : frame + 1].expand(-1, 20, -1), one, one, 0.25 * one, **RATES)[0]
        for hit, frame in ((40.0, 1), (330.5, 10))
    ]
    torch.testing.assert_close(audio[:331], alone[0][:331], rtol=0, atol=1e-12)
    torch.testing.assert_close(audio[331:], alone[1][331:], rtol=0, atol=1e-12)


def test_a_tap_is_a_sample_where_the_onset_is_one():
    taps = torch.randn(1, 20, 9, dtype=torch.float64)
    audio = transient(curve(70.0), taps, **RATES)[0]
    expected = torch.zeros(20 * HOP, dtype=torch.float64)
    expected[74:83] = taps[0, 2]
    torch.testing.assert_close(audio, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9])
def test_a_click_between_two_samples_is_late_by_the_share(share):
    audio = transient(curve(70 + share), torch.ones(1, 20, 1, dtype=torch.float64), **RATES)[0]
    spectrum = torch.fft.rfft(audio[:256])
    omega = 2 * math.pi * torch.arange(129, dtype=torch.float64) / 256
    low = slice(1, 90)  # up to 0.7 of Nyquist
    turned = spectrum * torch.exp(1j * omega * (74 + share))
    assert float(turned.angle()[low].abs().max()) < 0.06
    assert float((20 * turned.abs().log10())[low].abs().max()) < 1.0
    assert not audio[:70].any()


def test_gradients_reach_the_onset_and_all_controls():
    values = [
        one.clone().requires_grad_()
        for one in (
            constant([500.0, 900.0], 3),
            constant([0.01, 0.02], 3),
            constant([0.5, 0.3], 3),
            constant([0.1, 0.2], 3),
        )
    ]
    taps = torch.randn(1, 3, 5, dtype=torch.float64, requires_grad=True)
    onset = torch.tensor(10.3, dtype=torch.float64, requires_grad=True)
    end = 8 * torch.arange(1.0, 4.0, dtype=torch.float64)
    rates = {"sample_rate": RATE, "hop_length": 8}

    def struck(onset, *values):
        return modes(((end - onset) / RATE).clamp(min=0)[None], *values, **rates)

    def clicked(onset, taps):
        return transient(((end - onset) / RATE).clamp(min=0)[None], taps, **rates)

    assert torch.autograd.gradcheck(struck, (onset, *values), eps=1e-7, atol=1e-4)
    assert torch.autograd.gradcheck(clicked, (onset, taps))


def test_the_gate_is_silent_before_the_first_onset_and_open_ever_after():
    audio = 1 + torch.rand(1, 20 * HOP, dtype=torch.float64)
    gated = onset_gate(audio, curve(100.25, 400.0), **RATES)
    assert not gated[:, :101].any()
    torch.testing.assert_close(gated[:, 101], 0.75 * audio[:, 101], rtol=0, atol=1e-9)
    assert torch.equal(gated[:, 102:], audio[:, 102:])
    assert not onset_gate(audio, torch.zeros(1, 20), **RATES).any()


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: onset_gate(torch.ones(1, 63), torch.ones(1, 2), **RATES), "give 32 samples for each frame"),
        (lambda: BARE_TRANSIENT(torch.ones(1, 2), torch.ones(1, 3, 4), **RATES), "the same batch and frames"),
        (lambda: BARE_TRANSIENT(torch.ones(1, 2), torch.ones(1, 2), **RATES), "taps has 2 axes"),
        (lambda: BARE_MODES(torch.ones(1, 2), *[torch.ones(1, 3, 1)] * 4, **RATES), "the same batch and"),
        (
            lambda: transient(torch.ones(1, 2), torch.ones(1, 2, 4), sample_rate=0, hop_length=9),
            "sample_rate",
        ),
    ],
)
def test_bad_arguments_are_refused(call, reason):
    with pytest.raises(ValueError, match=reason):
        call()
