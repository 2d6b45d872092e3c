"""`oscine fit`: a patch and its sound from a recording, and one sentence for all that can't be."""

import json

import numpy as np
import pytest
import soundfile

from oscine.cli.main import main
from oscine.fitting import Patch
from oscine.models import Instrument, InstrumentConfig
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig

RATE = 16000


@pytest.fixture
def note(tmp_path):
    time_s = np.arange(RATE // 4) / RATE
    tone = np.sum([np.sin(2 * np.pi * k * 330 * time_s) / k**2 for k in range(1, 6)], axis=0)
    path = tmp_path / "note.wav"
    soundfile.write(path, 0.2 * tone, RATE)
    return path


@pytest.fixture
def instrument(tmp_path):
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=64,
        synth=(HarmonicConfig(n_harmonics=6), NoiseConfig(n_bands=5)),
        effects=(ReverbConfig(ir_s=0.05),),
    )
    Instrument(config).save_pretrained(tmp_path / "toy")
    return tmp_path / "toy"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["fit", *map(str, arguments)])
    return int(ended.value.code or 0), *capsys.readouterr()


def test_json_is_one_value_and_nothing_else(capsys, note, instrument, tmp_path):
    patch, sound = tmp_path / "note.safetensors", tmp_path / "again.flac"
    code, out, err = run(
        capsys, note, "-o", patch, "--synth", instrument, "--steps", 60, "--audio", sound, "--json"
    )
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["sample_rate"], report["seconds"], report["loss"]) == (RATE, 0.25, "spectral")
    loaded = Patch.load(patch)
    assert loaded.config.residual is not None
    assert report["log_mel_db"] == loaded.config.residual.log_mel_db
    assert loaded.config.source == "note.wav"
    written, rate = soundfile.read(sound)
    assert rate == RATE
    np.testing.assert_allclose(written, loaded.play()[0].numpy(), atol=2e-6)


def test_for_people_it_is_one_line(capsys, note, tmp_path):
    patch = tmp_path / "note.safetensors"
    code, out, _ = run(capsys, note, "-o", patch, "--synth", "tiny", "--steps", 1)
    assert code == 0
    assert out.startswith(f"{patch}: 0.2 s at 16000 Hz, 63 frames; spectral loss ")
    assert out.count("\n") == 1


def test_what_was_repaired_is_said(capsys, note, instrument, tmp_path):
    note.write_bytes(note.read_bytes()[:-2000])
    code, out, _ = run(capsys, note, "-o", tmp_path / "a.safetensors", "--synth", instrument, "--steps", 1)
    assert code == 0
    assert "Of the recording: truncated" in out


def write(path, samples, rate=RATE):
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["silence.wav"], "is silent"),
        (["short.wav"], "give at least 0.1 s"),
        (["nan.wav"], "has 16000 NaN or infinite samples"),
        (["missing.wav"], "missing.wav"),
        (["text.wav"], "text.wav"),
        (["note.wav", "--synth", "kazoo"], "There is no synth kazoo"),
        (["note.wav", "--synth", "."], "is not an instrument"),
        (["note.wav", "--synth", "broken.yaml"], "broken.yaml"),
        (["note.wav", "--loss", "spectrl"], "the nearest is spectral"),
        (["note.wav", "--steps", "0"], "steps is 0"),
        (["note.wav", "--tracker", "ears"], "ears"),
        (["note.wav", "-o", "old.safetensors"], "is there already"),
        (["note.wav", "-o", "patch.pt"], "must end in .safetensors"),
        (["note.wav", "--audio", "sound.ogg"], "must end in .wav, .flac or .mp3"),
        (["note.wav", "--audio", "note.wav"], "is the input itself"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    capsys, note, tmp_path, monkeypatch, arguments, reason
):
    monkeypatch.chdir(tmp_path)
    write("silence.wav", np.zeros(RATE))
    write("short.wav", 0.1 * np.ones(900))
    write("nan.wav", np.full(RATE, np.nan))
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "broken.yaml").write_text("name: [")
    (tmp_path / "old.safetensors").write_bytes(b"old")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    output = [] if "-o" in arguments else ["-o", "new.safetensors"]
    code, out, err = run(capsys, *arguments, *output)
    assert (code, out) == (2, "")
    assert reason in err
    assert err.strip().startswith("oscine: ")
    assert "\n" not in err.strip()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
