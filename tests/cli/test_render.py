"""``oscine render``."""

import json
from pathlib import Path

import pytest
import soundfile
from tests.performance.scores import note, toy, write_midi

from oscine.cli.main import main


@pytest.fixture(scope="module")
def instrument(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("instruments") / "toy"
    toy().save_pretrained(folder)
    return str(folder)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_midi(tmp_path / "song.mid", note(60, 480), note(64, 480, channel=1))


def _run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return int(ended.value.code or 0)


def test_a_song_is_played(
    instrument: str, song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "song.wav"
    assert _run("render", song, "--to", instrument, "-o", out, "--set", "vibrato_cents=20") == 0
    said = capsys.readouterr().out
    assert "channel 1, 2: 2 notes, 2 voices" in said
    assert soundfile.info(out).samplerate == 16000
    assert _run("render", song, "--to", f"2={instrument}", "-o", out, "--voices", "1", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["parts"][0]["channels"] == [2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--voices", "some"], "--voices is 'some'; give 'auto' or a whole number"),
        (["--voices", "0"], "voices is 0; give 1 to 32"),
        (["--set", "vibrato"], "--set vibrato: write NAME=VALUE"),
        (["--set", "vibrat_cents=3"], "there is no key vibrat_cents"),
        (["--set", "attack_s=-1"], "attack_s"),
        (["--set", "attack_s=soon"], "attack_s"),
        (["--to", "other"], "plays all channels already"),
        (["--to", f"{'9' * 5000}=other"], "give each channel, 1 to 16, one instrument"),
        (["--voices", "9" * 5000], "--voices is '99999999999999999999'; give 'auto'"),
        (["--set", "glide_s=1", "--set", "glide_s=2"], "--set gives glide_s twice"),
        (["--to", "17=other"], "give each channel, 1 to 16, one instrument"),
        (["--to", "3=nowhere"], "nowhere"),
        (["--identity", "flute"], "no identity flute"),
    ],
)
def test_wrong_arguments_are_a_sentence(
    instrument: str,
    song: Path,
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "song.wav"
    assert _run("render", song, "--to", instrument, "-o", out, *arguments) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert sentence in said
    assert "Traceback" not in said
    assert not out.exists()


def test_what_is_no_song_is_a_sentence(
    instrument: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "song.mid"
    text.write_text("la la")
    assert _run("render", text, "--to", instrument, "-o", tmp_path / "out.wav") == 2
    assert "is not a MIDI file" in capsys.readouterr().err
    assert _run("render", tmp_path / "none.mid", "--to", instrument, "-o", tmp_path / "out.wav") == 2
    assert "none.mid" in capsys.readouterr().err


@pytest.fixture
def curves(tmp_path: Path) -> Path:
    path = tmp_path / "take.csv"
    path.write_text("time_s;f0_hz;loudness_db\n0;220;-30\n0,5;330;-20\n")
    return path


def test_a_file_of_curves_is_played(
    instrument: str, curves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    assert _run("render", curves, "--to", instrument, "-o", out) == 0
    assert "out.wav: 0.5 s at 16000 Hz; peak" in capsys.readouterr().out
    assert soundfile.info(out).frames == 8000
    assert _run("render", curves, "--to", instrument, "-o", out, "--json", "--dry") == 0
    assert json.loads(capsys.readouterr().out)["curves"] == ["f0_hz", "loudness_db"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--voices", "2"], "take.csv holds curves and no notes; remove --voices, --octave and --set"),
        (["--octave", "1"], "take.csv holds curves and no notes"),
        (["--set", "glide_s=1"], "take.csv holds curves and no notes"),
        (["--to", "other"], "take.csv holds the curves of one instrument; give --to once"),
        (["--identity", "flute"], "no identity flute"),
        (["-o", "take.csv"], "take.csv"),
    ],
)
def test_wrong_arguments_of_curves_are_a_sentence(
    instrument: str,
    curves: Path,
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.wav"
    assert _run("render", curves, "--to", instrument, "-o", out, *arguments) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert sentence in said
    assert "Traceback" not in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time_s,f0_hz,loudness_db\n0,220,-30\n0,220,-30\n", "line 3: the time does not rise"),
        ("time_s,f0_hz,loudness_db\n0,high,-30\n", "line 2: 'high' is not a number"),
        ("time_s,f0_hz\n0,220\n1,220\n", "lack loudness_db"),
        ("time_s,f0_hz,loudness_db,gain\n0,220,-20,1\n", "a curve can't be called 'gain'"),
        ("time_s,f0_hz,loudness_db,jaw\n0,220,-20,1\n1,220,-20,1\n", "no input jaw"),
        ("", "holds no curve"),
    ],
)
def test_broken_curves_are_a_sentence(
    instrument: str, tmp_path: Path, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(text)
    assert _run("render", path, "--to", instrument, "-o", tmp_path / "out.wav") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert sentence in said
    assert not (tmp_path / "out.wav").exists()
