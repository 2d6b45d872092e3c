"""Curves of a user's own: read, brought to the frames, kept with the sound, and played."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.numpy import load_file
from tests.data.tunes import tune

from oscine.data import Dataset, prepare, read_curves
from oscine.data.curves import RESERVED, Curves, common_curves
from oscine.data.manifest import read_manifest
from oscine.errors import InputError
from oscine.evaluation import evaluate
from oscine.models import Instrument
from oscine.training import train
from oscine.transfer import transfer_file

_RATE, _HOP = 16_000, 64
#: Names that every module of PyTorch has; one that holds the inputs can hold none of these.
_OF_MODULES = ("values", "items", "keys", "pop", "clear", "update", "training", "type")
_PREPARE = {"held_out_s": 5.0, "n_workers": 1, "sample_rate": _RATE}


def _breath(time_s: np.ndarray) -> np.ndarray:
    """Return what `_write_breath` writes, between its rows and beyond them."""
    clipped = np.clip(time_s, 1.0, 20.0)
    return np.where(clipped < 5.0, 3.0 * clipped, 15.0 - 0.5 * (clipped - 5.0))


def _write_breath(recording: Path, more: str = "") -> Path:
    path = recording.with_name(recording.stem + ".curves.csv")
    path.write_text(f"time_s,breath,bow_pressure\n1.0,3.0,0.25\n5.0,15.0,0.25\n20.0,7.5,0.25\n{more}")
    return path


@pytest.fixture
def sources(recordings: Path, tmp_path: Path) -> Path:
    """The two recordings with their curves, in a folder that may be changed."""
    folder = Path(shutil.copytree(recordings, tmp_path / "sources" / recordings.name))
    for recording in ("a.wav", "b.flac"):
        _write_breath(folder / recording)
    return folder


@pytest.fixture(scope="module")
def blown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset whose loudness goes with the breath that was measured."""
    folder = tmp_path_factory.mktemp("blown") / "recordings"
    folder.mkdir()
    time_s = np.arange(40 * _RATE) / _RATE
    breath = 0.5 - 0.5 * np.cos(2 * np.pi * 0.5 * time_s)
    hiss = 1e-4 * np.random.default_rng(0).normal(size=len(time_s))
    soundfile.write(folder / "a.wav", tune(40) * (0.2 + 0.8 * breath) + hiss, _RATE)
    rows = [f"{time:.2f},{value:.5f}" for time, value in zip(time_s[::160], breath[::160], strict=True)]
    (folder / "a.curves.csv").write_text("\n".join(["time_s,breath", *rows]))
    prepare(folder, folder.parent / "dataset", **_PREPARE)
    return folder.parent / "dataset"


def test_between_rows_it_is_linear_and_beyond_them_it_holds() -> None:
    curves = Curves(np.array([0.5, 0.75, 2.0]), {"breath": np.array([1.0, 3.0, -1.0])})
    frames = curves.frames(3, 20, sample_rate=8000, hop_length=1000)["breath"]
    time_s = np.arange(4, 21) / 8
    truth = [1 + 8 * (t - 0.5) if t < 0.75 else 3 - 3.2 * (t - 0.75) if t < 2 else -1 for t in time_s]
    np.testing.assert_allclose(frames, truth, rtol=1e-6, atol=1e-6)
    assert frames.dtype == np.float32


@pytest.mark.parametrize(
    "text",
    [
        "time_s,breath,x2\n0,1,-2\n0.5,2e0,3\n",
        "\ufefftime_s, breath ,x2\r\n# a remark\r\n\r\n0.0, 1.0,-2\r\n0.5,2,3",
        "time_s;breath;x2\n0;1,0;-2\n0,5;2;3\n",
        '"time_s"\t"breath"\t"x2"\n0\t1\t-2\n0.5\t2\t3\n',
    ],
)
def test_what_people_and_spreadsheets_write_is_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.curves.csv"
    path.write_text(text, encoding="utf-8")
    curves = read_curves(path)
    assert curves.time_s.tolist() == [0.0, 0.5]
    assert {name: values.tolist() for name, values in curves.values.items()} == {
        "breath": [1.0, 2.0],
        "x2": [-2.0, 3.0],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time_s,breath\n0,1\n1,hard\n", r"a\.curves\.csv, line 3: 'hard' is not a number \('1,hard'\)"),
        ("time_s,breath\n\n# so\n0,1\n1,\n", r"line 5: '' is not a number"),
        ("time_s,breath\n0,nan\n", "line 2: nan is not a number that can be used"),
        ("time_s,breath\n0,1e39\n", "line 2: 1e39 is not a number that can be used"),
        ("time_s,breath\n0,1,2\n", "line 2: 3 values where 2 should be"),
        ("time_s,breath\n0,1\n2,1\n2,1\n", "line 4: the time does not rise"),
        ("onset_s,breath\n0,1\n", "line 1: the header must be time_s and the names of the curves"),
        ("time_s\n0\n", "line 1: the header must be"),
        ("0,1\n1,2\n", "line 1: the header must be"),
        ("time_s,bow pressure\n0,1\n", "line 1: 'bow pressure' is not a name for a curve"),
        ("time_s,hauteur_é\n0,1\n", "line 1: 'hauteur_é' is not a name"),
        ("time_s,7\n0,1\n", "line 1: '7' is not a name"),
        ("time_s,\n0,1\n", "line 1: '' is not a name"),
        ("time_s,breath,breath\n0,1,1\n", "line 1: a curve can't be called 'breath': it is taken"),
        *((f"time_s,{name}\n0,1\n", f"can't be called '{name}'") for name in (*RESERVED, *_OF_MODULES)),
        (
            "time_s," + ",".join(f"c{i}" for i in range(1025)),
            "line 1: there are 1025 curves; give 1024 at most",
        ),
        ("time_s,breath\n", "holds no curve"),
        ("", "holds no curve"),
    ],
)
def test_what_is_broken_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.curves.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_curves(path)


def test_what_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.curves.csv").write_bytes(b"time_s,b\n\xff\xfe")
    with pytest.raises(InputError, match="is not text"):
        read_curves(tmp_path / "a.curves.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_curves(tmp_path / "b.curves.csv")
    os.mkfifo(tmp_path / "c.curves.csv")
    (tmp_path / "d.curves.csv").symlink_to("/dev/zero")
    for name in ("c", "d"):
        with pytest.raises(InputError, match="is not a regular file"):
            read_curves(tmp_path / f"{name}.curves.csv")


def test_a_dataset_holds_the_curves_of_its_frames(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscine.analysis.stretches._LONGEST_S", 7.0)  # several shards for each recording
    report = prepare(sources, tmp_path / "dataset", **_PREPARE)
    assert report.other_files == 0
    assert {file.path: file.reasons for file in report.files} == {
        "a.wav": ["curves taken from a.curves.csv"],
        "b.flac": ["curves taken from b.curves.csv"],
    }
    dataset = Dataset.open(tmp_path / "dataset")
    assert dataset.curves == ("bow_pressure", "breath")
    assert dataset.folder is not None
    (recording,) = [one for one in read_manifest(dataset.folder).recordings if one.name == "a.wav"]
    shards = [load_file(dataset.folder / shard.file)["breath"] for shard in recording.shards]
    assert len(shards) > 2
    time_s = np.arange(1, recording.n_frames + 1) * _HOP / _RATE
    np.testing.assert_allclose(np.concatenate(shards), _breath(time_s), rtol=1e-6)
    segments = dataset.train.segments
    seen = {
        name: np.concatenate([segment.slice(name, 0, segment.n_frames) for segment in segments])
        for name in dataset.curves
    }
    mean, deviation = dataset.statistics.curves["breath"]
    assert mean == pytest.approx(seen["breath"].mean(dtype=np.float64), rel=1e-6)
    assert deviation == pytest.approx(seen["breath"].std(dtype=np.float64), rel=1e-6)
    assert dataset.statistics.curves["bow_pressure"] == (0.25, 1.0)  # a constant has no deviation
    assert set(dataset.train.batch(0, 0, 2, 20).curves) == {"breath", "bow_pressure"}


def test_a_changed_file_does_its_recording_again(sources: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    prepare(sources, dataset, **_PREPARE)
    assert prepare(sources, dataset, **_PREPARE).reused == 2
    _write_breath(sources / "a.wav", "30.0,7.5,0.25\n")
    assert prepare(sources, dataset, **_PREPARE).reused == 1


def test_a_recording_without_a_curve_that_another_has_is_named(sources: Path, tmp_path: Path) -> None:
    (sources / "b.curves.csv").unlink()
    with pytest.raises(InputError, match=r"^b\.flac has no curve bow_pressure, and a\.wav has; give every"):
        prepare(sources, tmp_path / "dataset", **_PREPARE)
    (sources / "b.curves.csv").write_text("time_s,bow_pressure\n0,1\n")
    with pytest.raises(InputError, match=r"^b\.flac has no curve breath, and a\.wav has"):
        prepare(sources, tmp_path / "dataset", **_PREPARE)
    # In another order they are the same curves, and what is done of them is kept.
    (sources / "b.curves.csv").write_text("time_s,bow_pressure,breath\n0,1,0\n")
    assert prepare(sources, tmp_path / "dataset", **_PREPARE).reused == 1


def test_the_first_recording_that_lacks_one_is_named() -> None:
    assert common_curves({}) == []
    assert common_curves({"a": ["y", "x"], "b": ["x", "y"]}) == ["x", "y"]
    with pytest.raises(InputError, match=r"^a has no curve y, and c has"):
        common_curves({"a": ["x"], "b": [], "c": ["x", "y"]})


def test_a_broken_file_rejects_its_recording(sources: Path, tmp_path: Path) -> None:
    shutil.copy(sources / "b.flac", sources / "c.flac")
    with open(sources / "c.flac", "ab") as file:
        file.write(b"\0")  # or it would be known for the same recording
    _write_breath(sources / "c.flac", "x,1,1\n")
    report = prepare(sources, tmp_path / "dataset", **_PREPARE)
    (rejected,) = [file for file in report.files if file.verdict == "rejected"]
    assert rejected.path == "c.flac"
    assert rejected.reasons == [
        "the curves in c.curves.csv cannot be used: line 5: 'x' is not a number ('x,1,1')"
    ]
    assert Dataset.open(tmp_path / "dataset").curves == ("bow_pressure", "breath")


def test_a_pitch_and_curves_are_taken_together(sources: Path, tmp_path: Path) -> None:
    (sources / "a.f0.csv").write_text("0,300\n24,300\n")
    report = prepare(sources, tmp_path / "dataset", **_PREPARE)
    assert report.other_files == 0
    assert report.files[0].reasons == ["pitch taken from a.f0.csv", "curves taken from a.curves.csv"]


def test_it_conditions_an_instrument(blown: Path, tmp_path: Path) -> None:
    small = {
        "instrument.inputs": [{"kind": "f0"}, {"kind": "loudness"}, {"kind": "curve", "name": "breath"}],
        "instrument.synth.harmonic.n_harmonics": 10,
        "instrument.synth.noise.n_bands": 9,
        "instrument.effects": [],
        "instrument.controller.hidden_size": 24,
        "training.batch_size": 2,
        "training.crop_s": 0.2,
        "training.preroll_s": 0.05,
        "training.n_validations": 2,
        "training.warmup_steps": 5,
    }
    train(blown, tmp_path / "pipe", recipe="tiny", steps=20, overrides=small)
    instrument = Instrument.from_pretrained(tmp_path / "pipe")
    dataset = Dataset.open(blown)
    assert list(instrument.inputs) == ["f0_hz", "loudness_db", "breath"]
    assert instrument.statistics is not None
    assert instrument.statistics.curves == dataset.statistics.curves
    mean, deviation = dataset.statistics.curves["breath"]
    seen = instrument.all_inputs()[-1](torch.tensor([[mean, mean + deviation]]))
    torch.testing.assert_close(seen, torch.tensor([[[0.0], [1.0]]]), rtol=0, atol=1e-4)
    batch = dataset.held_out.batch(0, 0, 1, 250)
    features = {"f0_hz": batch.f0_hz, "confidence": batch.confidence, "loudness_db": batch.loudness_db}
    with pytest.raises(ValueError, match="The curve breath is an input of this instrument"):
        instrument.conditions(batch.audio, features)
    conditions = instrument.conditions(batch.audio, features, batch.curves)
    assert torch.equal(conditions["breath"], batch.curves["breath"])
    with torch.no_grad():
        as_it_was = instrument(conditions)
        with_more = instrument(conditions | {"breath": conditions["breath"] + 0.5})
    assert float((with_more - as_it_was).norm() / as_it_was.norm()) > 0.01
    assert evaluate(instrument, dataset, baselines=False).instrument.loudness_l1_db > 0
    soundfile.write(tmp_path / "hum.wav", tune(4), _RATE)
    transfer_file(instrument, tmp_path / "hum.wav", tmp_path / "played.wav")
    assert soundfile.info(tmp_path / "played.wav").frames == 4 * _RATE
