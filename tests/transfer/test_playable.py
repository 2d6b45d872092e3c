import json

import pytest
import soundfile
import torch
from transfer_standin import HOP, SAMPLE_RATE, hum, statistics

from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig
from oscine.transfer import Options, PlayableInstrument, load, transfer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    config = InstrumentConfig(
        sample_rate=SAMPLE_RATE,
        hop_length=HOP,
        synth=(HarmonicConfig(n_harmonics=10), NoiseConfig(n_bands=9)),
        effects=(ReverbConfig(ir_s=0.1),),
    )
    folder = tmp_path_factory.mktemp("instruments") / "toy"
    Instrument(config, statistics()).save_pretrained(folder)
    return folder


def test_a_saved_instrument_is_loaded_and_plays(folder, tmp_path):
    toy = load(str(folder))
    assert isinstance(toy, PlayableInstrument)
    assert not toy.training
    sound = hum([57, 60], note_s=0.3)
    audio, rate = toy.transfer((sound, SAMPLE_RATE), octave=1)
    assert (rate, len(audio)) == (SAMPLE_RATE, len(sound))
    expected, _ = transfer(Instrument.from_pretrained(folder), (sound, SAMPLE_RATE), Options(octave=1))
    torch.testing.assert_close(audio, expected)


def test_a_device_that_is_not_here_is_refused(folder):
    for device in ("cuda:99", "abacus"):
        with pytest.raises(InputError, match=f"The device {device} can't be used here"):
            load(folder, device=device)


def test_to_a_file(folder, tmp_path):
    soundfile.write(tmp_path / "hum.wav", hum([57], note_s=0.3), SAMPLE_RATE)
    report = load(folder).transfer_file(tmp_path / "hum.wav", tmp_path / "out.wav", octave=1)
    assert (tmp_path / "out.wav").is_file()
    assert report.octave == 1


def test_what_is_no_instrument_is_said_in_a_sentence(folder, tmp_path):
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    for name, words in (
        (tmp_path, "no config.json"),
        (tmp_path / "song.wav", "is a file"),
        ("nobody", "no instrument"),
    ):
        with pytest.raises(InputError, match=words):
            load(name)


def test_a_config_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError):
        load(tmp_path)
