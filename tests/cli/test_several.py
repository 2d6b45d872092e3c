"""Many files in one command: a verdict for each, and one bad file does not stop the rest."""

import json
from pathlib import Path

import pytest
import soundfile
from tests.cli.test_transfer import instrument, tune  # noqa: F401 - fixtures
from tests.performance.scores import note, write_midi

from oscine import transfer as transfer_module
from oscine.cli.main import main

Captured = pytest.CaptureFixture[str]


def _run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def takes(tmp_path: Path, tune: Path) -> Path:  # noqa: F811
    """A folder with two tunes and a file that is none."""
    folder = tmp_path / "takes"
    (folder / "sub").mkdir(parents=True)
    tune.rename(folder / "a.flac")
    (folder / "sub" / "a.flac").write_bytes((folder / "a.flac").read_bytes())
    (folder / "bad.wav").write_text("this is text")
    return folder


def test_every_file_is_played_and_the_instrument_is_loaded_once(
    instrument: str,  # noqa: F811
    takes: Path,
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = []
    load = transfer_module.load
    monkeypatch.setattr(
        transfer_module, "load", lambda name, **options: loaded.append(name) or load(name, **options)
    )
    out, plots = tmp_path / "out", tmp_path / "plots"
    inputs = [takes / "bad.wav", takes, tmp_path / "none.wav"]
    assert (
        _run("transfer", *inputs, "--to", instrument, "-o", out, "--plot", plots, "--level-passes", "0") == 2
    )
    captured = capsys.readouterr()
    assert loaded == [instrument]
    assert captured.err.endswith("oscine: 2 of 4 files failed; the reason of each is above.\n")
    said = captured.out.splitlines()
    assert f"{takes / 'bad.wav'}: failed: {takes / 'bad.wav'} is not readable audio" in said[0]
    assert f"{out / 'a.wav'}: 1.0 s at 16000 Hz" in captured.out
    assert f"{tmp_path / 'none.wav'}: failed: {tmp_path / 'none.wav'} does not exist" in captured.out
    assert soundfile.info(out / "sub" / "a.wav").frames == 16000
    assert {path.name for path in plots.rglob("*.png")} == {"a.png", "a-2.png"}
    assert not (out / "bad.wav").exists()


def test_the_json_of_several_files_is_one_value(
    instrument: str,  # noqa: F811
    takes: Path,
    tmp_path: Path,
    capsys: Captured,
) -> None:
    options = ("--to", instrument, "-o", tmp_path / "out", "--level-passes", "0", "--json")
    assert _run("transfer", takes / "a.flac", takes / "bad.wav", *options) == 2
    told = json.loads(capsys.readouterr().out)
    good, bad = told["files"]
    assert told["n_failed"] == 1
    assert good["seconds"] == 1.0
    assert good["output"].endswith("out/a.wav")
    assert "not readable audio" in bad["error"]
    assert _run("transfer", takes / "a.flac", *options) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["input"].endswith("a.flac")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("out.wav", "out.wav is one file, and there are 2 inputs; give a folder, such as out"),
        ("takes", "is an input, and the output of"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_anything_is_done(
    instrument: str,  # noqa: F811
    takes: Path,
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (takes / "b.wav").write_bytes(b"x")
    before = sorted(tmp_path.rglob("*"))
    assert _run("transfer", takes / "a.flac", takes / "b.wav", "--to", instrument, "-o", output) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        (["voice", "--pitch", "3", "--tracker", "yin"], ".wav"),
        (["voice", "--bitrate", "2", "--tracker", "yin"], ".ovc"),
        (["convert", "--like", "{takes}/a.flac", "--tracker", "yin"], ".wav"),
        (["enhance", "--mask", "--tracker", "yin"], ".wav"),
    ],
)
def test_voices_go_into_a_folder_as_well(
    takes: Path, tmp_path: Path, capsys: Captured, command: list[str], ending: str
) -> None:
    arguments = [one.format(takes=takes) for one in command]
    assert _run(*arguments, takes / "bad.wav", takes / "a.flac", "-o", tmp_path / "out") == 2
    captured = capsys.readouterr()
    assert "bad.wav: failed: " in captured.out
    assert "1 of 2 files failed" in captured.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"a{ending}"]


def test_songs_go_into_a_folder(instrument: str, tmp_path: Path, capsys: Captured) -> None:  # noqa: F811
    for name in ("one", "two"):
        write_midi(tmp_path / f"{name}.mid", note(60, 240))
    (tmp_path / "text.mid").write_text("no song")
    assert _run("render", tmp_path, "--to", instrument, "-o", tmp_path / "out") == 2
    captured = capsys.readouterr()
    assert "channel 1: 1 note, 1 voice" in captured.out
    assert "text.mid: failed: " in captured.out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"one.wav", "two.wav"}


def test_several_recordings_are_analysed_together(takes: Path, tmp_path: Path, capsys: Captured) -> None:
    assert _run("analyze", takes / "a.flac", takes / "bad.wav", tmp_path / "none.wav", "--json") == 2
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert told["path"] == "3 inputs"
    assert told["n_files"] == {"ok": 1, "repaired": 0, "rejected": 2}
    assert [one["verdict"] for one in told["files"]] == ["ok", "rejected", "rejected"]
    assert "2 of 3 files can't be used" in captured.err
    out = tmp_path / "out"
    assert _run("analyze", takes, "--plot", out, "--f0", out, "--midi", out) == 0
    names = {path.name for path in out.iterdir()}
    assert names == {f"a{number}.{end}" for number in ("", "-2") for end in ("png", "f0.csv", "mid")}
    assert _run("analyze", takes, "--f0", out) == 2
    assert "is there already" in capsys.readouterr().err
    assert _run("analyze", takes / "a.flac", takes / "a.flac", "--compare") == 2
    assert "--compare takes one file or one folder" in capsys.readouterr().err


def test_a_hum_is_enough_to_play_with(takes: Path, capsys: Captured) -> None:
    assert _run("analyze", takes / "a.flac", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["learnable"], told["playable"]) == (False, False)
    assert 0 < told["voiced_s"] < 1.0
    both = [takes / "a.flac", takes / "sub" / "a.flac"]
    assert _run("analyze", *both) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "This is enough to play with, and too little to learn an instrument from." in said
    assert "oscine transfer FILES --to violin -o FOLDER" in said
    assert "too little to learn from" in said
