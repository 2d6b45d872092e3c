"""Folders become datasets: whatever is in them, whenever it is interrupted."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from oscine.analysis import analyze
from oscine.audio import read_audio
from oscine.data import Dataset, Progress, prepare
from oscine.data.manifest import read_manifest
from oscine.errors import InputError
from oscine.files import sha256


def _content(folder: Path) -> dict[str, str]:
    """Return each file's hash, or the text of a small one: what differs is then legible in a report."""
    return {
        path.relative_to(folder).as_posix(): sha256(path) if path.suffix != ".json" else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture
def sources(recordings: Path, tmp_path: Path) -> Path:
    """The two recordings in a folder that may be changed."""
    return Path(shutil.copytree(recordings, tmp_path / "sources" / recordings.name))


def test_a_dataset_holds_the_sound_and_its_analysis(recordings: Path, prepared: Path) -> None:
    dataset = Dataset.open(prepared)
    assert (dataset.sample_rate, dataset.hop_length) == (16_000, 64)
    audio, _ = read_audio(recordings / "b.flac", 16_000)
    features = analyze(audio, 16_000)
    (train,) = [segment for segment in dataset.train.segments if segment.name == "b.flac"]
    (held_out,) = dataset.held_out.segments
    assert np.array_equal(train.audio(), audio[: train.n_frames * 64])
    assert np.array_equal(held_out.audio()[: 5 * 16_000 - 64], audio[-5 * 16_000 : -64])
    assert torch.equal(held_out.features().f0_hz, features.f0_hz[-5 * 250 :])
    assert dataset.statistics.minutes == pytest.approx((24 + 11 - 2.5 - 2 * 0.252) / 60, abs=1e-4)
    assert dataset.statistics.pitch_midi_quantiles[50] == pytest.approx(64, abs=3)
    assert read_manifest(prepared).quality.learnable


def test_every_file_is_accounted_for(sources: Path, make_bad: Callable[[str], Path], tmp_path: Path) -> None:
    bad = ["text.wav", "truncated.mp3", "silence.flac", "not_finite.wav", "empty.ogg", "wrong_rate.wav"]
    for kind in bad:
        shutil.move(make_bad(kind), sources / kind)
    (sources / "notes.txt").write_text("not audio by its name")
    (sources / ".hidden.wav").write_text("not looked at")
    (sources / "below").mkdir()
    shutil.copy(sources / "a.wav", sources / "below" / "twin.wav")
    os.mkfifo(sources / "pipe.wav")
    (sources / "loop").symlink_to(sources)
    told: list[Progress] = []
    report = prepare(sources, tmp_path / "dataset", n_workers=1, on_progress=told.append, sample_rate=16_000)
    assert {file.path: file.verdict for file in report.files} == {
        "a.wav": "ok",
        "b.flac": "ok",
        "below/twin.wav": "rejected",
        "empty.ogg": "rejected",
        "not_finite.wav": "repaired",
        "pipe.wav": "rejected",
        "silence.flac": "rejected",
        "text.wav": "rejected",
        "truncated.mp3": "repaired",
        "wrong_rate.wav": "rejected",
    }
    assert (
        "the same as a.wav"
        in next(file for file in report.files if file.path.endswith("twin.wav")).reasons[0]
    )
    assert report.other_files == 1
    assert sorted(progress.report.path for progress in told if progress.report) == [
        file.path for file in report.files
    ]
    assert (told[-1].done_files, told[-1].done_bytes) == (told[-1].n_files, told[-1].n_bytes)
    assert sorted(report.quality_by_file) == ["a.wav", "b.flac", "not_finite.wav", "truncated.mp3"]
    dataset = Dataset.open(tmp_path / "dataset")
    for segment in dataset.train.segments + dataset.held_out.segments:
        assert torch.isfinite(segment.audio()).all()


def test_strict_stops_at_a_bad_file_and_leaves_a_folder_to_continue(sources: Path, tmp_path: Path) -> None:
    (sources / "c.wav").write_text("words")
    for _ in range(2):  # the second time the verdict is already on record
        with pytest.raises(InputError, match=r"c\.wav was rejected .*remove or repair it"):
            prepare(sources, tmp_path / "dataset", strict=True, n_workers=1, sample_rate=16_000)
    with pytest.raises(InputError, match="no finished dataset"):
        Dataset.open(tmp_path / "dataset")
    (sources / "c.wav").unlink()
    assert prepare(sources, tmp_path / "dataset", strict=True, n_workers=1, sample_rate=16_000).reused == 2


def test_the_same_folder_gives_the_same_bytes_in_any_number_of_processes(
    recordings: Path, prepared: Path, tmp_path: Path
) -> None:
    report = prepare(recordings, tmp_path / "dataset", held_out_s=5, n_workers=2, sample_rate=16_000)
    assert report.reused == 0
    assert _content(tmp_path / "dataset") == _content(prepared)


def test_only_what_changed_is_done_again(sources: Path, dataset_copy: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (dataset_copy / "shards").iterdir()}
    report = prepare(sources, dataset_copy, held_out_s=5.0, n_workers=1, sample_rate=16_000)
    assert report.reused == 2
    audio, rate = soundfile.read(sources / "b.flac")
    soundfile.write(sources / "b.flac", audio[: 12 * rate], rate)
    report = prepare(sources, dataset_copy, held_out_s=4.0, n_workers=1, sample_rate=16_000)
    assert report.reused == 1
    assert report.train_s == pytest.approx(24 + 8 - 2 - 2 * 0.252)
    assert (report.validation_s, report.held_out_s) == (2.0, 4.0)
    after = {path.name: path.stat().st_mtime_ns for path in (dataset_copy / "shards").iterdir()}
    # The old shard of b is gone, that of a was not touched.
    assert len(set(before.items()) & set(after.items())) == 1
    assert len(after) == 2
    assert len(list((dataset_copy / "records").iterdir())) == 2
    Dataset.open(dataset_copy)


def test_a_damaged_shard_or_record_is_made_again(sources: Path, dataset_copy: Path, prepared: Path) -> None:
    shard, other = sorted((dataset_copy / "shards").iterdir())
    content = bytearray(shard.read_bytes())
    content[5000] ^= 255
    shard.write_bytes(content)
    (dataset_copy / "records" / f"{other.name.split('-')[0]}.json").write_text("{")
    report = prepare(sources, dataset_copy, held_out_s=5, n_workers=1, sample_rate=16_000)
    assert report.reused == 0
    assert _content(dataset_copy) == _content(prepared)


_PREPARE = """
import sys
from oscine.data import prepare
if __name__ == "__main__":
    prepare(sys.argv[1], sys.argv[2], held_out_s=5.0, n_workers=int(sys.argv[3]), sample_rate=16_000)
"""


@pytest.mark.parametrize(("n_workers", "awaited"), [(1, "records/[0-9a-f]*.json"), (2, "shards/.*")])
def test_a_killed_run_is_continued_to_the_same_bytes(
    sources: Path, prepared: Path, tmp_path: Path, n_workers: int, awaited: str
) -> None:
    folder, script = tmp_path / "dataset", tmp_path / "run.py"
    script.write_text(_PREPARE)
    command = [sys.executable, str(script), str(sources), str(folder), str(n_workers)]
    with subprocess.Popen(command) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and not list(folder.glob(awaited)) and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "manifest.json").exists()
    deadline = time.monotonic() + 30
    while _workers_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _workers_of(process.pid)  # they end with their parent
    report = prepare(sources, folder, held_out_s=5.0, n_workers=1, sample_rate=16_000)
    if n_workers == 1:
        assert report.reused == 1
    assert _content(folder) == _content(prepared)


def _workers_of(parent: int) -> list[str]:
    """Return the command lines of living processes that were spawned for this parent."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if "spawn_main" in line and f"parent_pid={parent}" in line:
            found.append(line)
    return found


def test_a_folder_with_something_else_in_it_is_left_alone(recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"something else \(thesis\.tex\)"):
        prepare(recordings, tmp_path, n_workers=1, sample_rate=16_000)
    with pytest.raises(InputError, match="is a file"):
        prepare(recordings, tmp_path / "thesis.tex", n_workers=1, sample_rate=16_000)
    with pytest.raises(InputError, match="the recordings themselves"):
        prepare(recordings, recordings, n_workers=1, sample_rate=16_000)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_dataset_of_another_folder_is_left_alone(sources: Path, dataset_copy: Path) -> None:
    before = _content(dataset_copy)
    other = sources.rename(sources.with_name("trumpet"))
    with pytest.raises(InputError, match=r"dataset of another folder \(scales\)"):
        prepare(other, dataset_copy, n_workers=1, sample_rate=16_000)
    assert _content(dataset_copy) == before
    (dataset_copy / "oscine-dataset.json").write_text("[]")
    with pytest.raises(InputError, match="damaged"):
        prepare(other, dataset_copy, n_workers=1, sample_rate=16_000)


def test_one_writer_at_a_time(sources: Path, dataset_copy: Path) -> None:
    fcntl = pytest.importorskip("fcntl", reason="Windows has other locks")
    with open(dataset_copy / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="Another oscine prepare"):
            prepare(sources, dataset_copy, n_workers=1, sample_rate=16_000)


def test_what_a_kill_left_of_a_write_is_removed(sources: Path, dataset_copy: Path) -> None:
    key = next((dataset_copy / "records").iterdir()).stem
    left = [
        dataset_copy / ".manifest-abcd1234.json",
        dataset_copy / "shards" / f".{key}-000-abcd1234.safetensors",
        dataset_copy / "records" / f".{key}-abcd1234.json",
    ]
    for path in left:
        path.write_text("half")
    prepare(sources, dataset_copy, held_out_s=5.0, n_workers=1, sample_rate=16_000)
    assert not any(path.exists() for path in left)


def test_a_dataset_inside_the_recordings_is_not_its_own_source(sources: Path) -> None:
    prepare(sources, sources / "dataset", n_workers=1, sample_rate=16_000)
    assert len(prepare(sources, sources / "dataset", n_workers=1, sample_rate=16_000).files) == 2


def test_too_little_voiced_sound_is_refused(sources: Path, tmp_path: Path) -> None:
    (sources / "a.wav").unlink()
    with pytest.raises(InputError, match=r"holds 1\d\.\d s of sound with a pitch, and less than 30 s"):
        prepare(sources, tmp_path / "dataset", n_workers=1, sample_rate=16_000)


def test_a_texture_needs_no_pitch(tmp_path: Path) -> None:
    folder = tmp_path / "wind"
    folder.mkdir()
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 16_000 * 8)
    soundfile.write(folder / "wind.wav", noise, 16_000)
    settings = {"n_workers": 1, "sample_rate": 16_000, "tracker": "yin"}
    with pytest.raises(InputError, match="or give --unpitched for a texture"):
        prepare(folder, tmp_path / "dataset", **settings)
    report = prepare(folder, tmp_path / "dataset", unpitched=True, **settings)
    assert report.train_s + report.validation_s + report.held_out_s == pytest.approx(8.0, abs=1.0)
    soundfile.write(folder / "wind.wav", noise[: 16_000 * 4], 16_000)
    with pytest.raises(InputError, match=r"holds [34]\.\d+ s of sound, and less than 5 s cannot be learned"):
        prepare(folder, tmp_path / "other", unpitched=True, **settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sample_rate": 1000}, "sample rate of 1000 Hz"),
        ({"hop_length": 0}, "hop length of 0"),
        ({"held_out_s": -1.0}, "cannot be held out"),
        ({"held_out_s": float("nan")}, "cannot be held out"),
        ({"held_out_s": float("inf")}, "cannot be held out"),
        ({"held_out_s": 35.0}, "less than half"),
    ],
)
def test_impossible_settings_are_refused(sources: Path, tmp_path: Path, settings: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        prepare(sources, tmp_path / "dataset", **{"n_workers": 1, "sample_rate": 16_000, **settings})


def test_no_folder_and_no_audio_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        prepare(tmp_path / "none", tmp_path / "dataset", sample_rate=16_000)
    (tmp_path / "sources").mkdir()
    with pytest.raises(InputError, match="holds no audio file"):
        prepare(tmp_path / "sources", tmp_path / "dataset", sample_rate=16_000)
    assert not (tmp_path / "dataset").exists()


def test_long_recordings_are_cut_into_shards_without_a_seam(
    recordings: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscine.analysis.stretches._LONGEST_S", 7.0)
    prepare(recordings, tmp_path / "dataset", held_out_s=5.0, n_workers=1, sample_rate=16_000)
    many, one = Dataset.open(tmp_path / "dataset"), Dataset.open(prepared)
    recorded = read_manifest(tmp_path / "dataset").recordings
    assert [len(recording.shards) for recording in recorded] == [4, 3]
    for cut, whole in ((many.train, one.train), (many.held_out, one.held_out)):
        assert len(cut.segments) == len(whole.segments)
        for piece, other in zip(cut.segments, whole.segments, strict=True):
            assert torch.equal(piece.audio(), other.audio())
            assert torch.equal(piece.features().f0_hz, other.features().f0_hz)
        for step in range(20):  # some of these crops lie across two shards
            crop, same = cut.batch(0, step, 2, 600), whole.batch(0, step, 2, 600)
            assert all(torch.equal(a, b) for a, b in zip(crop[:4], same[:4], strict=True))
    assert many.statistics == one.statistics


def test_the_manifest_is_plain_json(prepared: Path) -> None:
    manifest = json.loads((prepared / "manifest.json").read_text())
    assert manifest["quality"]["polyphony_suspected"] is False
    assert [file["verdict"] for file in manifest["files"]] == ["ok", "ok"]
    assert all(len(shard["sha256"]) == 64 for one in manifest["recordings"] for shard in one["shards"])


def _write_pitch(path: Path, seconds: int, f0_hz: float) -> None:
    rows = [f"{time:.2f},{0 if time < 2 else f0_hz}" for time in np.arange(0, seconds + 0.005, 0.01)]
    path.write_text("\n".join(rows))


def test_a_corrected_pitch_takes_the_trackers_place(
    sources: Path, dataset_copy: Path, prepared: Path
) -> None:
    _write_pitch(sources / "a.f0.csv", 24, 300.0)
    settings = {"held_out_s": 5.0, "n_workers": 1, "sample_rate": 16_000}
    report = prepare(sources, dataset_copy, **settings)
    assert report.reused == 1
    assert report.other_files == 0
    assert {file.path: (file.verdict, file.reasons) for file in report.files} == {
        "a.wav": ("ok", ["pitch taken from a.f0.csv"]),
        "b.flac": ("ok", []),
    }
    (corrected,) = [one for one in Dataset.open(dataset_copy).train.segments if one.name == "a.wav"]
    (tracked,) = [one for one in Dataset.open(prepared).train.segments if one.name == "a.wav"]
    features = corrected.features()
    assert torch.equal(features.confidence, (features.time_s > 1.995).float())
    assert (features.f0_hz - 300.0).abs().max() < 1e-3  # held before the first voiced frame
    assert torch.equal(features.loudness_db, tracked.features().loudness_db)
    assert torch.equal(features.power_db, tracked.features().power_db)
    assert np.array_equal(corrected.audio(), tracked.audio())
    # Nothing changed: nothing is done. The file changed: its recording alone is done again.
    assert prepare(sources, dataset_copy, **settings).reused == 2
    _write_pitch(sources / "a.f0.csv", 24, 310.0)
    assert prepare(sources, dataset_copy, **settings).reused == 1
    (sources / "a.f0.csv").unlink()
    prepare(sources, dataset_copy, **settings)
    assert _content(dataset_copy) == _content(prepared)


def test_a_pitch_file_that_cannot_be_used_rejects_its_recording(sources: Path, tmp_path: Path) -> None:
    for path in sources.glob("*.*"):
        shutil.copy(path, path.with_name(f"broken-{path.name}"))
    audio, rate = soundfile.read(sources / "a.wav")
    soundfile.write(sources / "broken-a.wav", audio[: 20 * rate], rate)
    soundfile.write(sources / "broken-b.flac", audio[rate : 16 * rate], rate)
    (sources / "broken-a.f0.csv").write_text("time,f0\n0.0,440\nx,440\n")
    _write_pitch(sources / "broken-b.f0.csv", 24, 300.0)
    report = prepare(sources, tmp_path / "dataset", n_workers=1, sample_rate=16_000)
    reasons = {file.path: file.reasons for file in report.files if file.verdict == "rejected"}
    assert list(reasons) == ["broken-a.wav", "broken-b.flac"]
    assert reasons["broken-a.wav"] == [
        "its pitch in broken-a.f0.csv cannot be used: line 3: 'x' is not a number of seconds ('x,440')"
    ]
    assert "goes from 0.00 to 24.00 s and the recording lasts 15.00 s" in reasons["broken-b.flac"][0]


def test_another_tracker_does_the_work_again(sources: Path, dataset_copy: Path, prepared: Path) -> None:
    (dataset_copy / "manifest.json").unlink()
    report = prepare(sources, dataset_copy, held_out_s=5, n_workers=1, sample_rate=16_000, tracker="yin")
    assert report.reused == 0
    (yin,) = [one for one in Dataset.open(dataset_copy).train.segments if one.name == "a.wav"]
    audio, _ = read_audio(sources / "a.wav", 16_000)
    assert torch.equal(yin.features().f0_hz, analyze(audio, 16_000, tracker="yin").f0_hz)
    with pytest.raises(InputError, match="no pitch tracker 'ear'"):
        prepare(sources, dataset_copy, n_workers=1, sample_rate=16_000, tracker="ear")


@pytest.mark.parametrize(
    ("settings", "sentence", "is_old"),
    [
        ({"sample_rate": 22_050}, r"sample rate 16000 Hz, and 22050 Hz .*--sample-rate 16000", False),
        ({"sample_rate": 22_050}, r"sample rate 16000 Hz, and 22050 Hz .*--sample-rate 16000", True),
        ({"hop_length": 80}, r"hop length 64, and 80 is asked for; ask for 64 to go on", False),
        ({"tracker": "yin"}, r"tracker swift-f0, and yin .*--tracker swift-f0", False),
    ],
)
def test_a_finished_dataset_is_not_made_anew_with_other_settings(
    recordings: Path, dataset_copy: Path, settings: dict[str, Any], sentence: str, is_old: bool
) -> None:
    marker, manifest = dataset_copy / "oscine-dataset.json", dataset_copy / "manifest.json"
    if is_old:  # made by a version that noted no settings
        known = json.loads(marker.read_text())
        marker.write_text(json.dumps({key: known[key] for key in ("format", "source")}))
    before = manifest.read_bytes()
    with pytest.raises(InputError, match=sentence):
        prepare(recordings, dataset_copy, n_workers=1, **{"sample_rate": 16_000, **settings})  # pyright: ignore[reportArgumentType]
    assert manifest.read_bytes() == before
    Dataset.open(dataset_copy)


def test_an_unfinished_dataset_may_be_made_with_other_settings(recordings: Path, dataset_copy: Path) -> None:
    (dataset_copy / "manifest.json").unlink()
    prepare(recordings, dataset_copy, n_workers=1, sample_rate=16_000, hop_length=80, held_out_s=5.0)
    assert Dataset.open(dataset_copy).hop_length == 80
