"""`Filter` as a vocoder's second half and as an effect."""

import pytest
import torch

from oscine.models import Instrument, InstrumentConfig
from oscine.processors import (
    Chain,
    ChainConfig,
    Filter,
    FilterConfig,
    FilteredNoise,
    NoiseConfig,
    Pulse,
    PulseConfig,
    Sum,
)

RATE, HOP = 16_000, 64


def test_a_fixed_filter_starts_as_a_wire() -> None:
    audio = torch.randn(1, 640)
    late = Filter(17, HOP, fixed=True)
    torch.testing.assert_close(late(audio)[:, 16:], audio[:, :-16], rtol=0, atol=1e-5)
    torch.testing.assert_close(Filter(17, HOP, "minimum", fixed=True)(audio), audio, rtol=0, atol=1e-3)


def test_a_fixed_filter_is_a_moving_one_that_stands_still() -> None:
    fixed, moving = Filter(9, HOP, fixed=True), Filter(9, HOP)
    torch.nn.init.normal_(fixed.log_magnitudes)
    magnitudes = fixed.log_magnitudes.exp().expand(2, 10, 9)
    audio = torch.randn(2, 10 * HOP)
    torch.testing.assert_close(fixed(audio), moving(audio, magnitudes), rtol=0, atol=1e-5)


def test_magnitudes_are_a_control_or_a_parameter() -> None:
    fixed, moving = Filter(9, HOP, fixed=True), Filter(9, HOP)
    assert (len(fixed.controls), len(moving.controls)) == (0, 1)
    assert [len(list(one.parameters())) for one in (fixed, moving)] == [1, 0]
    audio, magnitudes = torch.zeros(1, HOP), torch.ones(1, 1, 9)
    with pytest.raises(ValueError, match="magnitudes is not a control of this filter"):
        fixed(audio, magnitudes)
    with pytest.raises(ValueError, match="magnitudes is a control of this filter"):
        moving(audio)


def test_a_sum_waits_for_what_a_filter_delays() -> None:
    """A flat filter delays pulses; noise beside it is delayed alike, so their sum is as without it."""
    vocoder = Sum(
        {
            "voiced": Chain({"pulse": Pulse(RATE, HOP), "filter": Filter(9, HOP)}),
            "hiss": FilteredNoise(5, HOP),
        }
    )
    assert vocoder.latency == 8
    f0, amplitude, magnitudes = torch.full((1, 10), 200.0), torch.rand(1, 10), torch.rand(1, 10, 5)
    plain = Pulse(RATE, HOP)(f0, amplitude) + FilteredNoise(5, HOP)(magnitudes)
    audio = vocoder(f0, amplitude, torch.ones(1, 10, 9), magnitudes)
    torch.testing.assert_close(audio[:, 8:], plain[:, :-8], rtol=0, atol=1e-5)


def test_noise_goes_through_the_same_filter() -> None:
    chain = Chain({"noise": FilteredNoise(2, HOP), "filter": Filter(33, HOP, "minimum")})
    bands = torch.where(torch.arange(33) < 16, 1.0, 0.0).expand(1, 200, 33)
    audio = chain(torch.ones(1, 200, 2), bands)[0, 1000:]
    power = torch.fft.rfft(audio * torch.hann_window(len(audio))).abs().square()
    assert power[len(power) * 9 // 16 :].sum() < 1e-5 * power.sum()


def test_an_instrument_has_it_as_a_part_and_as_an_effect() -> None:
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=HOP,
        synth=(ChainConfig(parts=(PulseConfig(), FilterConfig(n_bands=9))), NoiseConfig(n_bands=5)),
        effects=(FilterConfig(n_bands=5, phase="minimum"), FilterConfig(name="body", n_bands=17, fixed=True)),
    )
    instrument = Instrument(config)
    assert instrument.latency == 8 + 16
    names = [control.name for control in instrument.controls]
    assert names == [
        "chain.pulse.amplitude",
        "chain.filter.magnitudes",
        "noise.magnitudes",
        "filter.magnitudes",
    ]
    audio = instrument(f0_hz=torch.full((1, 20), 220.0), loudness_db=torch.full((1, 20), -20.0))
    audio.square().sum().backward()
    missing = [name for name, one in instrument.named_parameters() if one.grad is None]
    assert not missing
