import sys

import numpy as np
import pytest
import soundfile
import torch

from oscine.cli.main import main
from oscine.files import for_libsndfile
from oscine.models import Instrument, InstrumentConfig
from oscine.processors import HarmonicConfig, NoiseConfig, Reverb, ReverbConfig

RATE = 16000


@pytest.fixture(scope="module")
def instruments(tmp_path_factory):
    """Two saved instruments, one with a reverb that falls by 60 dB in 0.2 s and one without."""
    folder = tmp_path_factory.mktemp("instruments")
    for name, effects in (("violin", (ReverbConfig(ir_s=0.3),)), ("dry", ())):
        config = InstrumentConfig(
            sample_rate=RATE,
            hop_length=64,
            synth=(HarmonicConfig(n_harmonics=4), NoiseConfig(n_bands=5)),
            effects=effects,
        )
        instrument = Instrument(config)
        for reverb in _reverbs(instrument):
            torch.manual_seed(0)
            n = reverb.n_taps - 1
            fall = 10 ** (-3 * torch.arange(n) / (0.2 * RATE)) / reverb.envelope
            with torch.no_grad():
                reverb.impulse_response.copy_(0.05 * torch.randn(n) * fall)
        instrument.save_pretrained(folder / name)
    return folder


def _reverbs(instrument: Instrument) -> list[Reverb]:
    return [module for module in instrument.modules() if isinstance(module, Reverb)]


def _run(*arguments) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(["room", *map(str, arguments)])
    return int(exit_.value.code or 0)


def test_the_response_is_a_float_wav_at_the_instruments_rate(instruments, tmp_path, capsys):
    assert _run(instruments / "violin", "-o", tmp_path / "room.wav") == 0
    said = capsys.readouterr().out
    assert "0.30 s at 16000 Hz, 32-bit float, the direct sound at sample 0" in said
    assert "falls by 60 dB in 0.2" in said
    info = soundfile.info(tmp_path / "room.wav")
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (RATE, 1, "FLOAT", 4800)
    taps, _ = soundfile.read(tmp_path / "room.wav", dtype="float32")
    (reverb,) = _reverbs(Instrument.from_pretrained(instruments / "violin"))
    assert np.array_equal(taps, reverb.taps().detach().numpy())


@pytest.mark.skipif(sys.platform != "linux", reason="the system takes only names that are Unicode")
def test_a_name_that_is_no_utf8_is_written(instruments, tmp_path):
    assert _run(instruments / "violin", "-o", tmp_path / "caf\udce9.wav") == 0
    assert soundfile.info(for_libsndfile(tmp_path / "caf\udce9.wav")).samplerate == RATE


def test_another_rate_and_without_the_direct_sound(instruments, tmp_path, capsys):
    assert _run(instruments / "violin", "-o", tmp_path / "whole.wav", "--rate", "48000") == 0
    assert _run(instruments / "violin", "-o", tmp_path / "wet.wav", "--rate", "48000", "--wet") == 0
    assert "without the direct sound; it falls by 60 dB in 0.2" in capsys.readouterr().out
    whole, rate = soundfile.read(tmp_path / "whole.wav")
    wet, _ = soundfile.read(tmp_path / "wet.wav")
    assert (rate, len(whole)) == (48000, 14400)
    assert whole[0] - wet[0] == pytest.approx(1.0, abs=1e-6)
    assert np.array_equal(whole[1:], wet[1:])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{i}/dry", "-o", "room.wav"], "has no reverb"),
        (["{i}/violin", "-o", "room.wav", "--rate", "5"], "8000 to 192000"),
        (["{i}/violin", "-o", "room.flac"], "must end in .wav"),
        (["{i}/violin", "-o", "folder.wav"], "is a folder"),
        (["{i}/violin", "-o", "file/room.wav"], "not a folder"),
        (["nowhere", "-o", "room.wav"], "no instrument 'nowhere'"),
        ([".", "-o", "room.wav"], "no config.json"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    instruments, tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").write_text("a file")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert _run(*[argument.format(i=instruments) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == before
