"""``oscine analyze`` on files and folders, good and bad."""

import json
import math

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from oscine.cli.analyze import _histogram, analyze
from oscine.errors import InputError
from oscine.performance import read_midi

app = typer.Typer()
app.command()(analyze)


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, InputError):
        return result, str(result.exception)
    assert result.exit_code == 0, result.output
    return result, ""


def tone(seconds, f0_hz=440.0, sample_rate=22050):
    time_s = np.arange(int(seconds * sample_rate)) / sample_rate
    sway = np.sin(2 * np.pi * 0.2 * time_s)
    partials = [np.sin(2 * np.pi * k * f0_hz * time_s + k + 0.002 * k * sway) / k for k in range(1, 9)]
    return 0.3 * np.sum(partials, axis=0)


@pytest.fixture
def folder(tmp_path):
    soundfile.write(tmp_path / "long.wav", tone(34), 22050)
    (tmp_path / "take").mkdir()
    soundfile.write(tmp_path / "take" / "short.flac", np.stack([tone(3, 660.0)] * 2, 1), 22050)
    (tmp_path / "bad.wav").write_text("this is text")
    (tmp_path / "notes.txt").write_text("not audio by its name")
    return tmp_path


def test_a_file_as_json_is_one_value(folder):
    result, _ = run(folder / "long.wav", "--json")
    report = json.loads(result.stdout)
    assert report["verdict"] == "ok"
    assert report["learnable"] is True
    assert report["reasons"] == []
    assert report["minutes"] == pytest.approx(34 / 60, abs=1e-3)
    assert report["voiced_share"] > 0.98
    assert 1200 * math.log2(report["f0_hz_median"] / 440) == pytest.approx(0, abs=2)
    assert report["confidence_mean"] > 0.9
    assert report["loudness_db_low"] <= report["loudness_db_median"] <= report["loudness_db_high"]
    assert not any(
        name.endswith("_suspected") and not isinstance(value, bool) for name, value in report.items()
    )
    assert "evidence" not in report


def test_a_file_in_words(folder):
    result, _ = run(folder / "long.wav")
    assert "This can be learned." in result.stdout
    assert "A4 █ A4" in result.stdout
    short, _ = run(folder / "take" / "short.flac")
    assert "This is enough to play with, and too little to learn" in short.stdout
    assert "oscine transfer" in short.stdout
    assert "30 s" in short.stdout


def test_a_folder_has_a_row_per_file_and_a_total(folder):
    result, _ = run(folder)
    for word in ("long.wav", "short.flac", "bad.wav", "rejected", "2 ok, 1 rejected", "total"):
        assert word in result.stdout
    assert "notes.txt" not in result.stdout
    report = json.loads(run(folder, "--json")[0].stdout)
    assert report["n_files"] == {"ok": 2, "repaired": 0, "rejected": 1}
    verdicts = {one["path"].rsplit("/", 1)[1]: one["verdict"] for one in report["files"]}
    assert verdicts == {"long.wav": "ok", "short.flac": "ok", "bad.wav": "rejected"}
    assert report["minutes"] == pytest.approx(37 / 60, abs=1e-3)
    assert report["learnable"] is True


def test_bad_input_is_one_sentence(folder, tmp_path):
    _, message = run(folder / "bad.wav")
    assert "bad.wav cannot be used" in message
    result, message = run(folder / "bad.wav", "--json")
    assert message
    assert json.loads(result.stdout)["verdict"] == "rejected"
    assert "does not exist" in run(folder / "nothing.wav")[1]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no audio file" in run(empty)[1]
    (empty / "a.wav").write_bytes(b"")
    result, message = run(empty)
    assert "can be used, of 1; each one's reason" in message
    assert "a.wav" in result.stdout
    assert "is one file, and there are" in run(folder, "--plot", tmp_path / "x.png")[1]
    assert not (tmp_path / "x.png").exists()


def test_the_picture_is_written(folder, tmp_path):
    result, _ = run(folder / "take" / "short.flac", "--plot", tmp_path / "x.png")
    assert "x.png" in result.stdout.replace("\n", "")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    result, _ = run(folder / "take" / "short.flac", "--json", "--plot", tmp_path / "y.png")
    json.loads(result.stdout)
    assert (tmp_path / "y.png").exists()


def test_no_recording_becomes_a_picture(folder, tmp_path):
    recording = folder / "take" / "short.flac"
    before = recording.read_bytes()
    assert "must end in .png" in run(recording, "--plot", recording)[1]
    disguised = tmp_path / "short.png"
    disguised.write_bytes(before)
    assert "is the input itself" in run(disguised, "--plot", disguised)[1]
    assert recording.read_bytes() == disguised.read_bytes() == before


def test_names_in_brackets_are_shown_as_they_are(folder, tmp_path):
    place = tmp_path / "named" / "a[dQ].flac"
    place.parent.mkdir()
    place.write_bytes((folder / "take" / "short.flac").read_bytes())
    assert place.name in run(place.parent)[0].stdout
    assert place.name in run(place)[0].stdout.replace("\n", "")


def test_the_pitch_is_written_corrected_and_taken_up(folder, tmp_path):
    recording = folder / "take" / "short.flac"
    result, _ = run(recording, "--f0", tmp_path / "out.csv", "--tracker", "pyin")
    assert "out.csv" in result.stdout.replace("\n", "")
    rows = np.loadtxt(tmp_path / "out.csv", delimiter=",", skiprows=1)
    assert np.abs(1200 * np.log2(rows[50:-50, 1] / 660)).max() < 5
    assert "may hold corrections" in run(recording, "--f0", tmp_path / "out.csv")[1]
    assert "one file" in run(folder, "--f0", tmp_path / "x.csv")[1]
    corrected = recording.with_name("short.f0.csv")
    corrected.write_text(
        "\n".join(f"{time:.3f},{0 if time < 1.5 else 330}" for time in np.arange(0, 3.01, 0.01))
    )
    report = json.loads(run(recording, "--json")[0].stdout)
    assert report["verdict"] == "ok"
    assert report["reasons"] == ["pitch taken from short.f0.csv"]
    assert report["f0_hz_median"] == pytest.approx(330)
    assert report["voiced_share"] == pytest.approx(0.5, abs=0.01)
    assert "pitch taken from short.f0.csv" in run(recording)[0].stdout
    corrected.write_text("0,330\n1,330\n2,bad\n")
    result, message = run(recording)
    assert "cannot be used: its pitch in short.f0.csv cannot be used: line 3" in message


def test_an_unknown_tracker_is_one_sentence(folder):
    assert "choose one of swift-f0, crepe, yin, pyin" in run(folder / "long.wav", "--tracker", "ear")[1]
    assert "remove --tracker" in run(folder / "long.wav", "--tracker", "yin", "--compare")[1]


def test_the_trackers_are_compared(folder):
    recording = folder / "take" / "short.flac"
    report = json.loads(run(recording, "--compare", "--json")[0].stdout)
    assert len(report["pairs"]) == 10
    assert all(one["same_pitch"] > 0.98 and one["octave_errors"] == 0 for one in report["pairs"])
    assert report["passages"] == []
    assert "accuracy" not in report
    words = run(recording, "--compare")[0].stdout
    assert "swift-f0 – crepe" in words
    assert "agree everywhere" in words
    assert "remove --tracker" in run(recording, "--compare", "--f0", folder / "x.csv")[1]


def test_the_trackers_are_compared_with_a_corrected_pitch_and_passages_listed(folder):
    """A tone that changes to noise with a pitch of its own: somewhere the trackers cannot agree."""
    noise = np.random.default_rng(0).standard_normal(22050)
    combed = 0.05 * np.convolve(
        noise, 0.9 ** np.arange(40).repeat(100) * (np.arange(4000) % 100 == 0), "same"
    )
    recording = folder / "take" / "mixed.wav"
    soundfile.write(recording, np.concatenate([tone(1.0), combed, tone(1.0)]).astype(np.float32), 22050)
    rows = "\n".join(f"{time:.2f},{440 if not 1 <= time < 2 else 0}" for time in np.arange(0, 3.005, 0.01))
    recording.with_name("mixed.f0.csv").write_text(rows)
    report = json.loads(run(recording, "--compare", "--json")[0].stdout)
    assert report["corrected"] == "mixed.f0.csv"
    assert [one["tracker"] for one in report["accuracy"]] == ["swift-f0", "crepe", "yin", "pyin", "live"]
    assert all(one["raw_pitch_accuracy"] > 0.95 for one in report["accuracy"])
    assert report["passages"]
    assert all(one["end_s"] - one["start_s"] >= 0.05 for one in report["passages"])
    assert set(report["passages"][0]["f0_hz"]) == {"swift-f0", "crepe", "yin", "pyin", "live"}
    words = run(recording, "--compare")[0].stdout
    assert "Against mixed.f0.csv" in words
    assert "passage (s)" in words


def test_a_folder_is_compared_as_a_whole(folder):
    (folder / "long.wav").unlink()
    words = run(folder, "--compare")[0].stdout
    assert "rejected" in words
    assert "All files (3.0 s)" in words
    report = json.loads(run(folder, "--compare", "--json")[0].stdout)
    assert len(report["files"]) == 2
    assert len(report["pairs"]) == 10
    assert "cannot be used" in run(folder / "bad.wav", "--compare")[1]


def test_the_histogram_leaves_stray_frames_out():
    assert _histogram({69: 10.0, 71: 5.0, 30: 0.004}) == "A4 █ ▄ B4"
    assert _histogram({}) == "none"


def test_the_melody_is_written_as_notes(folder):
    recording, out = folder / "take" / "short.flac", folder / "out.mid"
    result, _ = run(recording, "--midi", out)
    assert "out.mid: 1 note." in " ".join(result.output.split())
    (start, stop) = read_midi(out).events
    assert (start.kind, start.number, stop.kind) == ("note_on", 76, "note_off")
    assert stop.time_s - start.time_s == pytest.approx(3.0, abs=0.1)
    assert "is one file" in run(folder, "--midi", out)[1]
    assert "must end in .mid" in run(recording, "--midi", folder / "out.wav")[1]
