"""`oscine replay`: the sound of a patch with its knobs turned, and one sentence for all that can't be."""

import numpy as np
import pytest
import soundfile
from tests.fitting.conftest import known_patch
from tests.fitting.test_hits import known_hit

from oscine.cli.main import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known_hit().save("hit.safetensors")
    known_patch(effects=()).save("tone.safetensors")
    (tmp_path / "text.safetensors").write_text("no patch")
    return tmp_path


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["replay", *arguments])
    return int(ended.value.code or 0), *capsys.readouterr()


@pytest.mark.usefixtures("folder")
def test_every_knob_is_the_one_of_python(capsys):
    pitch, time = "--octave -0.5 --tune 3", "--stretch 1.5 --decay 0.5"
    options = f"{pitch} {time} --gain -6 --noise 2 --click -3 --brightness 1 --seed 7"
    code, out, err = run(capsys, "hit.safetensors", "-o", "out.flac", *options.split())
    assert (code, err) == (0, "")
    assert out.startswith("out.flac: 16000 Hz")
    expected, _ = known_hit().play(
        octave=-0.5,
        tune=3,
        gain_db=-6,
        stretch=1.5,
        decay=0.5,
        noise_db=2,
        click_db=-3,
        brightness_db=1,
        seed=7,
    )
    written, _ = soundfile.read("out.flac")
    np.testing.assert_allclose(written, expected.numpy(), atol=2e-6)


def test_what_would_clip_is_made_quieter(capsys, folder):
    code, out, _ = run(capsys, "hit.safetensors", "-o", "loud.wav", "--gain", "30")
    assert code == 0
    assert "would clip, so its level was reduced by" in out
    assert float(np.abs(soundfile.read(folder / "loud.wav")[0]).max()) <= 1.0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["tone.safetensors", "-o", "out.wav", "--click", "3"], "no part of this patch is a click"),
        (["hit.safetensors", "-o", "out.wav", "--decay", "0"], "decay is 0.0; give 0.0625"),
        (["hit.safetensors", "-o", "out.ogg"], "must end in .wav, .flac or .mp3"),
        (["text.safetensors", "-o", "out.wav"], "text.safetensors"),
        (["missing.safetensors", "-o", "out.wav"], "missing.safetensors"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(capsys, folder, arguments, reason):
    before = sorted(folder.iterdir())
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert reason in err
    assert err.count("\n") == 1
    assert sorted(folder.iterdir()) == before
