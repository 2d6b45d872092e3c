"""The glottal source and the all-pole filter as parts of an instrument that is saved."""

from pathlib import Path

import torch

from oscine.models import Instrument, load_recipe


def test_a_loaded_instrument_computes_its_tables_anew_and_sounds_the_same(tmp_path: Path) -> None:
    rates = {"instrument.sample_rate": 16_000, "instrument.hop_length": 64}
    instrument = Instrument(load_recipe("glottal", rates).instrument).eval()
    instrument.save_pretrained(tmp_path / "voice")
    again = Instrument.from_pretrained(tmp_path / "voice")
    assert not [name for name in again.state_dict() if name.endswith("tables")]
    inputs = {"f0_hz": torch.full((1, 20), 150.0), "loudness_db": torch.full((1, 20), -20.0)}
    with torch.no_grad():
        audio = instrument(**inputs)
        torch.testing.assert_close(again(**inputs), audio, rtol=0, atol=1e-6)
    assert audio.abs().max() > 1e-2
