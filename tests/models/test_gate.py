"""Silence: what is quieter than all that was learned falls as its loudness does."""

import pytest
import torch
from pydantic import ValidationError

from oscine.data import Statistics
from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import F0Config, PaperLoudnessConfig
from oscine.networks import ControllerConfig
from oscine.processors import HarmonicConfig, NoiseConfig
from oscine.streaming import Stream

STATISTICS = Statistics(
    minutes=3.0,
    voiced_share=0.9,
    pitch_midi_quantiles=[50 + i / 4 for i in range(101)],
    loudness_db_quantiles=[-30.5 + i / 2 for i in range(101)],
    loudness_db_silence=-75.0,
)


def _instrument(gate_below_db: float | None) -> Instrument:
    torch.manual_seed(0)
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=64,
        controller=ControllerConfig(hidden_size=8),
        synth=(HarmonicConfig(n_harmonics=12), NoiseConfig(n_bands=9)),
        effects=(),
        gate_below_db=gate_below_db,
    )
    return Instrument(config, STATISTICS).eval()


def _level_db(audio: torch.Tensor) -> float:
    return float(10 * torch.log10(audio[0, 8000:].square().mean()))


@pytest.mark.parametrize(
    ("loudness_db", "gain_db"), [(0.0, 0.0), (-30.0, -2.4), (-40.0, -6.0), (-80.0, -40.1), (-100.0, -60.0)]
)
def test_below_the_quietest_the_sound_falls_by_a_decibel_for_each(loudness_db: float, gain_db: float) -> None:
    f0_hz, loudness = torch.full((1, 250), 300.0), torch.full((1, 250), loudness_db)
    with torch.no_grad():
        open_db, gated_db = (_level_db(_instrument(below)(f0_hz, loudness)) for below in (None, 10.0))
    assert gated_db - open_db == pytest.approx(gain_db, abs=0.15)


def test_it_is_the_same_offline_in_blocks_and_compiled_and_a_gain_is_beside_it() -> None:
    instrument = _instrument(10.0)
    f0_hz, loudness_db = torch.full((1, 60), 300.0), torch.linspace(-90.0, 0.0, 60)[None]
    gain = torch.rand(1, 60)
    with torch.no_grad():
        whole = instrument(f0_hz, loudness_db)
        played, _ = instrument.step(f0_hz, loudness_db, state=instrument.init_state(1), gain=gain)
    stream = Stream(instrument)
    blocks = [stream.push(f0_hz[:, i : i + 7], loudness_db[:, i : i + 7]) for i in range(0, 60, 7)]
    torch.testing.assert_close(torch.cat(blocks, 1), whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        Stream(instrument).push(f0_hz, loudness_db, gain=gain), played, rtol=0, atol=1e-5
    )
    assert "gate" in instrument.control({"f0_hz": f0_hz, "loudness_db": loudness_db})[0]


def test_a_gate_without_a_loudness_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs the input loudness"):
        InstrumentConfig(inputs=(F0Config(), PaperLoudnessConfig()), gate_below_db=10.0)
