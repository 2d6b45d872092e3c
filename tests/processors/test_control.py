"""Where controls start before training."""

import pytest
import torch

from oscine.models import Instrument, InstrumentConfig
from oscine.processors import (
    ChainConfig,
    Control,
    FilterConfig,
    HarmonicConfig,
    NoiseConfig,
    PulseConfig,
    start_controls,
)


def test_the_heads_bias_starts_where_the_controls_say() -> None:
    controls = (
        Control("a", 0, "linear", 0.0, 1.0, "linear"),
        Control("b", 3, "weight", 0.0, 1.0, "distribution", start=(0.0, -1.0, -2.0)),
    )
    bias = torch.tensor([0.5, 0.1, 0.2, 0.3], requires_grad=True)
    start_controls(bias, controls)
    torch.testing.assert_close(bias.detach(), torch.tensor([0.5, 0.1, -0.8, -1.7]))
    assert bias.requires_grad


def test_a_start_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="b starts with 2 numbers; give 3, one per channel"):
        Control("b", 3, "weight", 0.0, 1.0, "distribution", start=(0.0, 1.0))


def test_an_untrained_instrument_falls_by_12_db_per_octave() -> None:
    """Equal partials would be turned down before the network knows where recordings have energy."""
    chain = ChainConfig(parts=(PulseConfig(), FilterConfig(n_bands=129, start_db_per_octave=-12.0)))
    config = InstrumentConfig(synth=(HarmonicConfig(), chain, NoiseConfig()))
    instrument = Instrument(config)
    f0, loudness = torch.full((1, 4), 440.0), torch.full((1, 4), -20.0)
    with torch.no_grad():
        controls, _ = instrument.control({"f0_hz": f0, "loudness_db": loudness})
    weights = controls["harmonic.harmonic_distribution"][0, -1]
    assert _slope(torch.arange(1, 101), weights) == pytest.approx(-2, abs=0.2)
    magnitudes = controls["chain.filter.magnitudes"][0, -1]
    assert magnitudes[0].item() == pytest.approx(1.0, abs=0.3)
    assert _slope(torch.arange(129)[16:], magnitudes[16:]) == pytest.approx(-2, abs=0.2)


def _slope(frequency: torch.Tensor, level: torch.Tensor) -> float:
    """The exponent of the power that fits best."""
    x, y = frequency.log() - frequency.log().mean(), level.log() - level.log().mean()
    return float((x * y).sum() / (x * x).sum())


def test_a_saved_start_is_not_added_again(tmp_path) -> None:
    instrument = Instrument(InstrumentConfig(synth=(HarmonicConfig(n_harmonics=5),), effects=()))
    instrument.save_pretrained(tmp_path)
    again = Instrument.from_pretrained(tmp_path)
    torch.testing.assert_close(again.controller.head.bias, instrument.controller.head.bias, rtol=0, atol=0)
