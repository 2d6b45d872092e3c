"""A dataset on disk or of arrays is what it was made of; one that is damaged is refused with a sentence."""

import hashlib
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from oscine.analysis import Features, analyze
from oscine.data import Dataset
from oscine.data.manifest import read_manifest
from oscine.errors import InputError


def test_the_parts_are_apart_in_the_source(dataset: Dataset) -> None:
    assert dataset.folder is not None
    manifest = read_manifest(dataset.folder)
    last = [span for span in manifest.train if span.name == "b.flac"][-1]
    (held,) = manifest.held_out
    assert held.name == "b.flac"
    assert held.stop - held.start == 5 * 250
    assert last.file == held.file
    (validation,) = manifest.validation
    assert validation.name == "b.flac"
    assert validation.stop - validation.start == 2.5 * 250
    assert held.start - validation.stop >= 0.2 * 250
    assert validation.start - last.stop >= 0.2 * 250


def test_a_dataset_of_an_older_version_chooses_by_what_is_held_out(prepared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(prepared, tmp_path / "older")
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["validation"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    older = Dataset.open(folder)
    assert older.validation is older.held_out
    assert not older.is_held_out_unseen


def test_segments_hold_the_analysis_of_their_audio(dataset: Dataset) -> None:
    segment = dataset.train.segments[0]
    stored, fresh = segment.features(), analyze(segment.audio(), 16_000)
    assert isinstance(stored, Features)
    assert torch.equal(stored.f0_hz, fresh.f0_hz)
    assert torch.equal(stored.loudness_db, fresh.loudness_db)
    assert torch.equal(stored.power_db, fresh.power_db)
    assert len(segment.audio()) == segment.n_frames * segment.hop_length


def test_a_batch_does_not_write_to_the_disk(dataset_copy: Path) -> None:
    dataset = Dataset.open(dataset_copy)
    dataset.train.batch(0, 0, 4, 100).audio.fill_(7.0)
    dataset.train.segments[0].audio().fill_(7.0)
    Dataset.open(dataset_copy, verify=True)


def test_a_changed_byte_is_refused(dataset_copy: Path) -> None:
    shard = next((dataset_copy / "shards").iterdir())
    content = bytearray(shard.read_bytes())
    content[-1000] ^= 1
    shard.write_bytes(content)
    with pytest.raises(InputError, match="not as it was written"):
        Dataset.open(dataset_copy)
    Dataset.open(dataset_copy, verify=False)  # the size alone does not show it


def test_a_missing_or_cut_shard_is_refused(dataset_copy: Path) -> None:
    shard = next((dataset_copy / "shards").iterdir())
    shard.write_bytes(shard.read_bytes()[:-4])
    with pytest.raises(InputError, match="not as it was written"):
        Dataset.open(dataset_copy, verify=False)
    shard.unlink()
    with pytest.raises(InputError, match="lacks shards/"):
        Dataset.open(dataset_copy, verify=False)


def test_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished dataset"):
        Dataset.open(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["{}", "nothing", '{"format": "oscine-dataset-9"}', "[" * 100_000, "9" * 10_000, "[]", "NaN"],
)
def test_another_manifest_is_refused(dataset_copy: Path, content: str) -> None:
    (dataset_copy / "manifest.json").write_text(content)
    with pytest.raises(InputError, match="prepare the dataset again"):
        Dataset.open(dataset_copy)


def test_a_manifest_that_is_a_device_is_refused(dataset_copy: Path) -> None:
    (dataset_copy / "manifest.json").unlink()
    (dataset_copy / "manifest.json").symlink_to("/dev/zero")
    with pytest.raises(InputError, match="not a regular file"):
        Dataset.open(dataset_copy)


def _set(content: Any, place: str, value: Any) -> None:
    *parents, last = [int(step) if step.isdecimal() else step for step in place.split(".")]
    for parent in parents:
        content = content[parent]
    content[last] = value


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("sample_rate", 1, "sample_rate is 1; give a number of at least 8000"),
        ("sample_rate", 44_100, r"its column audio is not \d+ numbers|"),
        ("hop_length", 10**9, "hop_length is 1000000000; give a number of at most"),
        ("hop_length", 900, "hop length 900 is too long for 16000 Hz"),
        ("hop_length", 65, r"its column audio is not \d+ numbers"),
        ("curves", ["breath"], r"its column breath is not \d+ numbers"),
        ("curves", ["a"] * 2, "it is taken"),
        ("curves", ["../x"], "not a name for a curve"),
        ("train", [], "nothing to train on"),
        ("train.0.stop", 10**9, r"frames 0 to 1000000000 of shards/.* are in no shard of 'a\.wav'"),
        ("train.0.stop", 10**30, "give a number of at most"),
        ("train.0.start", 10**6, "are in no shard"),
        ("train.0.start", -1, "give a number of at least 0"),
        ("train.0.name", "b.flac", "are in no shard of 'b.flac'"),
        ("train.0.file", "../../etc/passwd", "are in no shard"),
        ("held_out.0.start", 0, "are used twice"),
        ("recordings.0.shards.0.file", "/etc/passwd", "not the name of a shard"),
        ("recordings.0.shards.0.file", "shards/../manifest.json", "not the name of a shard"),
        ("recordings.0.shards.0.n_frames", 10**9, "its column audio"),
        ("recordings.0.shards.0.n_bytes", 3, "not as it was written"),
        ("recordings.0.shards.0.sha256", "x", "sha256 is 'x'"),
        ("recordings.0.name", "../a.wav", "not below its folder"),
        ("recordings.0.name", "", "not below its folder"),
        ("statistics.pitch_midi_quantiles", [1.0], "a list of 1; give a list with a length of at least 101"),
        ("statistics.minutes", "long", "statistics.minutes is 'long'; give a number"),
        ("sources", "x", "there is no key sources; the nearest is source; "),
    ],
)
def test_a_manifest_that_contradicts_itself_or_its_shards_is_a_sentence(
    dataset_copy: Path, place: str, value: Any, sentence: str
) -> None:
    path = dataset_copy / "manifest.json"
    manifest = json.loads(path.read_text())
    _set(manifest, place, value)
    path.write_text(json.dumps(manifest))
    if place == "sample_rate" and value == 44_100:
        Dataset.open(dataset_copy)  # nothing in the shards tells a rate from another
        return
    with pytest.raises(InputError, match=sentence) as refusal:
        Dataset.open(dataset_copy)
    assert str(refusal.value).endswith((".", "it repairs it."))


@pytest.mark.parametrize("content", [b"", b"torn", b"\xff" * 64, (60).to_bytes(8, "little") + b"[" * 60])
def test_a_shard_that_is_no_safetensors_file_is_a_sentence(dataset_copy: Path, content: bytes) -> None:
    path = dataset_copy / "manifest.json"
    manifest = json.loads(path.read_text())
    shard = manifest["recordings"][0]["shards"][0]
    content = content or b"\0"
    (dataset_copy / shard["file"]).write_bytes(content)
    shard["n_bytes"], shard["sha256"] = len(content), hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"is not a safetensors file|nested too deeply|not JSON"):
        Dataset.open(dataset_copy)


_CUT = """
import os, sys
from pathlib import Path
from oscine.data import Dataset
from oscine.errors import InputError
dataset = Dataset.open(sys.argv[1])
dataset.train.batch(0, 0, 4, 100)
for shard in (Path(sys.argv[1]) / "shards").iterdir():
    os.truncate(shard, 4096)
try:
    dataset.train.batch(0, 1, 8, 100)
except InputError as error:
    print(error)
"""


def test_a_shard_that_is_cut_while_it_is_used_is_a_sentence(dataset_copy: Path) -> None:
    """In a process of its own: a map of the file would end it by SIGBUS."""
    command = [sys.executable, "-c", _CUT, str(dataset_copy)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "is not as it was written; run oscine prepare again" in said


@pytest.fixture(scope="module")
def sound() -> torch.Tensor:
    """Return 20 s of a tone that glides."""
    time = torch.arange(20 * 16_000, dtype=torch.float64) / 16_000
    f0_hz = 300 + 30 * torch.sin(time)
    return (0.3 * torch.sin(2 * torch.pi * torch.cumsum(f0_hz, 0) / 16_000)).float()


def test_arrays_are_a_dataset_like_one_on_disk(sound: torch.Tensor) -> None:
    dataset = Dataset.from_arrays(sound, 16_000, held_out_s=4.0)
    assert (dataset.sample_rate, dataset.hop_length, dataset.identities) == (16_000, 64, ("",))
    assert dataset.held_out.n_frames == 4 * 250
    gap = math.ceil(0.25 * 250)
    assert dataset.validation.n_frames == 2 * 250
    assert dataset.train.n_frames == 14 * 250 - 2 * gap
    before = (16 * 250 - gap) * 64
    assert torch.equal(dataset.validation.segments[0].audio(), sound[before - 2 * 16_000 : before])
    assert dataset.is_held_out_unseen
    assert torch.equal(dataset.held_out.segments[0].audio(), sound[-4 * 16_000 :])
    whole = analyze(sound, 16_000)
    assert torch.equal(dataset.held_out.segments[0].features().f0_hz, whole.f0_hz[-1000:])
    batch = dataset.train.batch(1, 2, 3, 100, 10)
    assert batch.audio.shape == (3, 110 * 64)
    assert dataset.statistics.pitch_midi_quantiles[50] == pytest.approx(62.4, abs=0.5)
    assert dataset.folder is None
    again = Dataset.from_arrays(sound.numpy(), 16_000, features=whole, held_out_s=4.0)
    assert again.fingerprint == dataset.fingerprint
    assert Dataset.from_arrays(0.5 * sound, 16_000, features=whole).fingerprint != dataset.fingerprint


def test_arrays_of_several_instruments_have_names_and_curves(sound: torch.Tensor) -> None:
    features = analyze(sound, 16_000, 100)
    curve = np.linspace(0, 1, features.n_frames)
    dataset = Dataset.from_arrays(
        [sound, torch.stack([sound, sound])],
        16_000,
        features=[features] * 2,
        curves=[{"breath": curve}, {"breath": 2 * curve}],
        names=["violin/a", "flute/b"],
    )
    assert dataset.identities == ("flute", "violin")
    assert dataset.curves == ("breath",)
    assert dataset.hop_length == 100
    assert set(dataset.statistics.identities) == {"flute", "violin"}
    assert dataset.statistics.curves["breath"][0] == pytest.approx(0.64, abs=0.05)
    batch = dataset.train.batch(0, 0, 16, 50)
    assert set(batch.identity.tolist()) == {0, 1}
    assert batch.curves["breath"].shape == (16, 50)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"audio": []}, "no audio"),
        ({"audio": torch.zeros(0)}, "is empty or has samples"),
        ({"audio": torch.full((16_000,), math.nan)}, "samples that are not numbers"),
        ({"audio": torch.full((16_000,), 32_000.0)}, "samples that are not numbers"),
        ({"sample_rate": 1}, "sample rate of 1 Hz"),
        ({"sample_rate": 4_000}, "choose a whole number from 8000 to 192000"),
        ({"sample_rate": 16_000.5}, "sample rate of 16000.5 Hz"),
        ({"sample_rate": math.nan}, "sample rate of nan Hz"),
        ({"hop_length": 0}, "hop length of 0"),
        ({"hop_length": 801}, "choose one from 1 to 800"),
        ({"names": ["a", "b"]}, "1 recordings and 2 names"),
        ({"audio": [torch.zeros(800)] * 2, "names": ["a", "a"]}, "same name"),
        ({"curves": {"z": [0.0]}}, "it is taken"),
        ({"curves": {"breath": [0.0]}}, "breath of 0000 is not 5000 finite numbers"),
        ({"held_out_s": 19.0}, "leaves less than half"),
    ],
)
def test_arrays_that_do_not_fit_are_a_sentence(
    sound: torch.Tensor, changes: dict[str, Any], sentence: str
) -> None:
    arguments = {"audio": sound, "sample_rate": 16_000} | changes
    with pytest.raises(InputError, match=sentence):
        Dataset.from_arrays(**arguments)


def test_a_whole_sample_rate_of_any_type_makes_the_same_dataset(sound: torch.Tensor) -> None:
    short, features = sound[:40_000], analyze(sound[:40_000], 16_000)
    datasets = [
        Dataset.from_arrays(short, rate, features=features, held_out_s=0.5)
        for rate in (16_000, 16_000.0, np.float32(16_000))
    ]
    assert {one.fingerprint for one in datasets} == {datasets[0].fingerprint}
    assert all(type(one.sample_rate) is int for one in datasets)


def test_features_of_another_sound_are_refused(sound: torch.Tensor) -> None:
    with pytest.raises(InputError, match="its audio needs 2500 at 16000 Hz"):
        Dataset.from_arrays(sound[: 2500 * 64], 16_000, features=analyze(sound, 16_000))


@pytest.mark.parametrize(
    ("reverb_s", "n_ringing", "n_recordings", "is_dry"),
    [
        (1.0, 3, 1, False),
        (0.3, 3, 1, True),
        (0.3, 2, 1, False),
        (1.0, 2, 12, True),
        (None, 0, 1, False),
        (None, 0, 12, True),
        (1.0, 3, 12, False),
    ],
)
def test_it_is_dry_where_what_rings_is_short_or_single_notes_show_nothing(
    prepared: Path,
    reverb_s: float | None,
    n_ringing: int,
    n_recordings: int,
    is_dry: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = read_manifest(prepared)
    monkeypatch.setattr("oscine.data.manifest.NOTE_AT_MOST_S", 60.0)  # the recordings of the test are longer
    evidence = manifest.quality.evidence.model_copy(update={"ringing": {6: n_ringing} if n_ringing else {}})
    changed = manifest.model_copy(
        update={
            "quality": manifest.quality.model_copy(update={"reverb_s": reverb_s, "evidence": evidence}),
            "recordings": manifest.recordings[:1] * n_recordings,
        }
    )
    assert changed.is_dry is is_dry


@pytest.mark.parametrize("is_dry", [True, False])
def test_a_dataset_on_disk_is_as_dry_as_its_manifest(
    prepared: Path, is_dry: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscine.data.manifest.Manifest.is_dry", property(lambda manifest: is_dry))
    assert Dataset.open(prepared).is_dry is is_dry
