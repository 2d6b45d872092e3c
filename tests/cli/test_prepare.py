"""`oscine prepare` accounts for every file, in words and as one JSON value."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from oscine.cli.main import main
from oscine.data import Dataset


def _write_scale(path: Path, seconds: float) -> None:
    t = np.arange(round(seconds * 16_000)) / 16_000
    steps = np.array([0, 2, 4, 5, 7, 9, 11, 12])[(2 * t).astype(int) % 8]
    phase = 2 * np.pi * np.cumsum(220 * 2 ** (steps / 12)) / 16_000
    fade = np.minimum(1, 40 * np.minimum(t % 0.5, 0.5 - t % 0.5))
    soundfile.write(path, 0.2 * fade * sum(np.sin(k * phase) / k for k in range(1, 9)), 16_000)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "scales"
    folder.mkdir()
    _write_scale(folder / "scale.wav", 36)
    (folder / "words.flac").write_text("no sound")
    (folder / "notes.txt").write_text("no sound by its name")
    return folder


def _run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["prepare", *map(str, arguments)])
    printed = capsys.readouterr()
    return int(stop.value.code or 0), printed.out, printed.err


def test_the_report_is_one_json_value(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = _run(capsys, recordings, tmp_path / "dataset", "--held-out", "6", "--json")
    assert code == 0
    report = json.loads(out)
    assert [(file["path"], file["verdict"]) for file in report["files"]] == [
        ("scale.wav", "ok"),
        ("words.flac", "rejected"),
    ]
    assert report["quality"]["polyphony_suspected"] is False
    assert report["other_files"] == 1
    assert report["held_out_s"] == pytest.approx(6, abs=0.004)  # whole frames
    dataset = Dataset.open(tmp_path / "dataset")
    assert (dataset.sample_rate, dataset.hop_length) == (44_100, 176)
    assert dataset.held_out.n_frames == round(6 * 44_100 / 176)


def test_the_report_is_a_table(recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, recordings, tmp_path / "dataset", "--sample-rate", "22050", "--workers", "1")
    assert code == 0
    for words in (
        "scale.wav",
        "rejected",
        "2 files: 1 ok, 1 rejected.",
        "A3 █",
        "1 other file, no",
        "held out",
    ):
        assert words in out
    assert Dataset.open(tmp_path / "dataset").sample_rate == 22_050
    code, out, _ = _run(capsys, recordings, tmp_path / "dataset", "--sample-rate", "22050")
    assert "2 files finished by an earlier run" in out


@pytest.mark.skipif(sys.platform != "linux", reason="the system takes only names that are Unicode")
def test_folders_whose_names_are_no_utf8(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recordings.rename(tmp_path / "caf\udce9")
    (folder / "words.flac").unlink()
    for _ in range(2):  # the second time it is known
        assert _run(capsys, folder, tmp_path / "data\udce9", "--held-out", "6", "--workers", "1")[0] == 0
    assert Dataset.open(tmp_path / "data\udce9").held_out.n_frames > 0


def test_a_long_table_shows_what_is_to_be_said(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(31):
        _write_scale(recordings / f"note{number:02d}.wav", 1.0 + 0.001 * number)
    code, out, _ = _run(capsys, recordings, tmp_path / "dataset", "--workers", "1")
    assert code == 0
    assert "33 files: 32 ok, 1 rejected" in out
    assert "words.flac" in out
    assert "note07.wav" not in out


def test_strict_is_exit_code_2_with_one_sentence(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = _run(capsys, recordings, tmp_path / "dataset", "--strict", "--workers", "1")
    assert code == 2
    assert "words.flac was rejected" in err
    assert "Traceback" not in err
    assert "scale.wav" in out  # what was found out about the files is shown all the same


def test_without_a_dataset_the_json_still_accounts_for_the_files(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "scale.wav").unlink()
    code, out, err = _run(capsys, recordings, tmp_path / "dataset", "--json")
    assert code == 2
    report = json.loads(out)
    assert [(file["path"], file["verdict"]) for file in report["files"]] == [("words.flac", "rejected")]
    assert report["error"] in err.replace("\n", "")
    assert "less than 30 s" in report["error"]


def test_no_folder_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, tmp_path / "none", tmp_path / "dataset")
    assert (code, out) == (2, "")
    assert "is not a folder" in err


@pytest.fixture
def nsynth(tmp_path: Path) -> Path:
    """A set in NSynth's format: two instruments, seven notes of 3 s each."""
    folder = tmp_path / "nsynth"
    t = np.arange(3 * 16_000) / 16_000
    for part, instrument, lowest in (("train", "string_acoustic_000", 48), ("test", "reed_acoustic_001", 50)):
        audio = folder / f"nsynth-{part}" / "audio"
        audio.mkdir(parents=True)
        entries = {}
        for pitch in range(lowest, lowest + 28, 4):
            note = f"{instrument}-{pitch:03d}-100"
            phase = 2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * t
            soundfile.write(audio / f"{note}.wav", 0.2 * (np.sin(phase) + np.sin(2 * phase) / 2), 16_000)
            family, source, _ = instrument.split("_")
            entries[note] = {
                "instrument_str": instrument,
                "instrument_family_str": family,
                "instrument_source_str": source,
                "pitch": pitch,
            }
        (audio.parent / "examples.json").write_text(json.dumps(entries))
    return folder


def test_nsynth_is_known_by_its_format(
    nsynth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = _run(capsys, nsynth, tmp_path / "dataset", "--workers", "1", "--json")
    assert code == 0
    report = json.loads(out)
    assert (report["sample_rate"], report["hop_length"], len(report["files"])) == (16_000, 64, 14)
    held_out = Dataset.open(tmp_path / "dataset").held_out.segments
    assert {segment.name.split("/")[0] for segment in held_out} == {"nsynth-test"}
    assert len(held_out) == 7
    _run(capsys, nsynth, tmp_path / "other", "--workers", "1", "--sample-rate", "22050")
    assert Dataset.open(tmp_path / "other").sample_rate == 22_050


def test_seconds_cannot_be_held_out_of_nsynth(
    nsynth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = _run(capsys, nsynth, tmp_path / "dataset", "--held-out", "6")
    assert (code, out) == (2, "")
    assert "whole instruments" in err
    assert "Traceback" not in err
    code, out, _ = _run(capsys, nsynth, tmp_path / "dataset", "--held-out", "6", "--json")
    assert code == 2
    assert "--held-out" in json.loads(out)["error"]
    assert not (tmp_path / "dataset").exists()
