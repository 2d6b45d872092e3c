import json
import sys

import numpy as np
import pytest
import soundfile

from oscine.cli.main import main
from oscine.data.statistics import Statistics
from oscine.files import for_libsndfile
from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import F0Config, IdentityConfig, LoudnessConfig
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig

RATE = 16000


@pytest.fixture(scope="module")
def instrument(tmp_path_factory):
    """A saved instrument with untrained weights."""
    learned = Statistics(
        minutes=5.0,
        voiced_share=0.9,
        pitch_midi_quantiles=np.linspace(67, 79, 101).tolist(),
        loudness_db_quantiles=np.linspace(-50, -20, 101).tolist(),
        loudness_db_silence=-60.0,
    )
    folder = tmp_path_factory.mktemp("instruments") / "toy"
    Instrument(_config(), learned).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def band(tmp_path_factory):
    """A saved instrument of two identities, which has learned nothing."""
    folder = tmp_path_factory.mktemp("instruments") / "band"
    inputs = (F0Config(), LoudnessConfig(), IdentityConfig(size=4, names=("flute", "violin")))
    Instrument(_config().model_copy(update={"inputs": inputs})).save_pretrained(folder)
    return str(folder)


def _config() -> InstrumentConfig:
    return InstrumentConfig(
        sample_rate=RATE,
        hop_length=64,
        synth=(HarmonicConfig(n_harmonics=10), NoiseConfig(n_bands=9)),
        effects=(ReverbConfig(ir_s=0.1),),
    )


@pytest.fixture
def tune(tmp_path):
    """A fifth, 0.5 s a tone, an octave below what the instrument has learned; at 44.1 kHz, in stereo."""
    t = np.arange(22050) / 44100
    tones = [sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, 8)) for f0_hz in (220.0, 330.0)]
    path = tmp_path / "tune.flac"
    soundfile.write(path, 0.2 * np.stack([np.concatenate(tones)] * 2, axis=1), 44100)
    return path


def _run(*arguments) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(["transfer", *map(str, arguments)])
    return int(exit_.value.code or 0)


def test_json_is_one_value_and_nothing_else(instrument, tune, tmp_path, capsys):
    out, picture = tmp_path / "out.wav", tmp_path / "out.png"
    assert _run(tune, "--to", instrument, "-o", out, "--autotune", "1", "--plot", picture, "--json") == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert captured.err == ""
    assert (report["octave"], report["seconds"], report["sample_rate"]) == (1, 1.0, RATE)
    assert report["dry"] is False
    assert report["scale"] is not None
    assert soundfile.info(out).frames == RATE
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_in_words(instrument, tune, tmp_path, capsys):
    out = tmp_path / "out.flac"
    assert _run(tune, "--to", instrument, "-o", out, "--octave", "-1", "--loudness", "-6", "--dry") == 0
    said = capsys.readouterr().out
    assert "octave -1, -6.0 dB" in said
    assert "1.0 s at 16000 Hz" in said
    assert "outside the learned pitches" in said  # two octaves too low, and the user is told
    assert soundfile.info(out).format == "FLAC"


@pytest.mark.skipif(sys.platform != "linux", reason="the system takes only names that are Unicode")
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_names_that_are_no_utf8_are_written(instrument, tune, tmp_path, capsys, suffix):
    out, picture = tmp_path / f"caf\udce9{suffix}", tmp_path / "caf\udce9.png"
    assert _run(tune, "--to", instrument, "-o", out, "--plot", picture, "--json") == 0
    assert json.loads(capsys.readouterr().out)["output"].endswith(rf"caf\xe9{suffix}")
    assert soundfile.info(for_libsndfile(out)).frames == RATE
    assert picture.exists()


def test_the_identity_that_plays_is_chosen_and_reported(band, tune, tmp_path, capsys):
    played = {}
    for name, options in (("flute", []), ("violin", ["--identity", "violin"])):
        out = tmp_path / f"{name}.wav"
        assert _run(tune, "--to", band, "-o", out, "--json", *options) == 0
        assert json.loads(capsys.readouterr().out)["identity"] == name
        played[name], _ = soundfile.read(out)
    assert np.abs(played["flute"] - played["violin"]).max() > 1e-4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.wav", "--to", "{i}", "-o", "out.wav"], "does not exist"),
        (["notes.txt", "--to", "{i}", "-o", "out.wav"], "not readable audio"),
        (["tune.flac", "--to", "nowhere", "-o", "out.wav"], "no instrument 'nowhere'"),
        (["tune.flac", "--to", ".", "-o", "out.wav"], "no config.json"),
        (["tune.flac", "--to", "notes.txt", "-o", "out.wav"], "is a file"),
        (["tune.flac", "--to", "{i}", "-o", "out.ogg"], "must end in"),
        (["tune.flac", "--to", "{i}", "-o", "tune.flac"], "the input itself"),
        (["tune.flac", "--to", "{i}", "-o", "out.wav", "--octave", "high"], "--octave is 'high'"),
        (["tune.flac", "--to", "{i}", "-o", "out.wav", "--loudness", "loud"], "--loudness is 'loud'"),
        (["tune.flac", "--to", "{i}", "-o", "out.wav", "--autotune", "2"], "autotune"),
        (["tune.flac", "--to", "{i}", "-o", "out.wav", "--identity", "oboe"], "omit the identity"),
        (["tune.flac", "--to", "{b}", "-o", "out.wav", "--identity", "oboe"], "there are flute, violin"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    instrument, band, tune, tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("C D E F G")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert _run(*[argument.format(i=instrument, b=band) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == before
