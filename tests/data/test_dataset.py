"""Batches are a pure function of seed and step, hold what is on disk, and never a held-out sample."""

import hashlib
import json
import math
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from oscine.analysis import Features, analyze
from oscine.analysis.features import FEATURES
from oscine.data import Dataset, Segment, Split
from oscine.data.manifest import Span, read_manifest
from oscine.data.segment import ShardPart
from oscine.data.statistics import LOUDNESS_FLOOR_DB
from oscine.errors import InputError

_any_fixture = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def dataset(prepared: Path) -> Dataset:
    return Dataset.open(prepared)


def _find(split: Split, f0_hz: torch.Tensor, audio: torch.Tensor) -> list[tuple[str, int]]:
    """Return every place of the split in which this very crop is."""
    places = []
    for segment in split.segments:
        features, sound = segment.features(), segment.audio()
        windows = sound.unfold(0, len(audio), segment.hop_length)
        for start in torch.nonzero((windows == audio).all(1)).flatten().tolist():
            if torch.equal(features.f0_hz[start : start + len(f0_hz)], f0_hz):
                places.append((segment.name, start))
    return places


@_any_fixture
@given(
    seed=st.integers(0, 2**63 - 1),
    step=st.integers(0, 2**40),
    batch_size=st.integers(1, 4),
    n_frames=st.integers(1, 500),
)
def test_a_batch_is_a_pure_function_with_the_shapes_asked_for(
    dataset: Dataset, prepared: Path, seed: int, step: int, batch_size: int, n_frames: int
) -> None:
    batch = dataset.train.batch(seed, step, batch_size, n_frames)
    dataset.train.batch(seed + 1, step, 1, 7)  # no state is left between calls
    again = Dataset.open(prepared, verify=False).train.batch(seed, step, batch_size, n_frames)
    for one, other in zip((*batch[:4], batch.identity), (*again[:4], again.identity), strict=True):
        assert torch.equal(one, other)
    assert batch.audio.shape == (batch_size, n_frames * 64)
    assert batch.f0_hz.shape == batch.loudness_db.shape == batch.confidence.shape == (batch_size, n_frames)
    assert batch.audio.abs().max() <= 1
    assert batch.f0_hz.min() > 0
    assert batch.loudness_db.min() >= LOUDNESS_FLOOR_DB


@settings(_any_fixture, max_examples=8)
@given(step=st.integers(0, 10**9))
def test_a_crop_is_on_disk_in_its_own_part_and_not_in_the_other(dataset: Dataset, step: int) -> None:
    for part, other in ((dataset.train, dataset.held_out), (dataset.held_out, dataset.train)):
        batch = part.batch(3, step, 1, 125)
        assert _find(part, batch.f0_hz[0], batch.audio[0])
        assert not _find(other, batch.f0_hz[0], batch.audio[0])


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


def test_other_seeds_and_steps_give_other_crops(dataset: Dataset) -> None:
    crops = {
        dataset.train.batch(seed, step, 1, 10).audio.numpy().tobytes() for seed in (1, 2) for step in (3, 4)
    }
    assert len(crops) == 4


def test_every_second_of_sound_is_as_likely(dataset: Dataset) -> None:
    names = [segment.name for segment in dataset.train.segments]
    lengths = np.array([segment.n_frames for segment in dataset.train.segments])
    first = dataset.train.segments[0].audio().unfold(0, 640, 64)
    rows = torch.cat([dataset.train.batch(0, step, 20, 10).audio for step in range(20)])
    share = np.mean([bool((first == row).all(1).any()) for row in rows])
    assert names == ["a.wav", "b.flac"]
    # Binomial: 400 draws have a standard deviation of 2.3 %.
    assert share == pytest.approx(lengths[0] / lengths.sum(), abs=0.1)


def test_a_crop_longer_than_its_segment_ends_in_silence(dataset: Dataset) -> None:
    n_there = dataset.held_out.n_frames
    batch = dataset.held_out.batch(0, 0, 2, n_there + 100)
    assert torch.equal(batch.audio[0, : n_there * 64], dataset.held_out.segments[0].audio())
    assert batch.audio[:, n_there * 64 :].abs().max() == 0
    assert torch.all(batch.loudness_db[:, n_there:] == LOUDNESS_FLOOR_DB)
    assert torch.all(batch.confidence[:, n_there:] == 0)
    assert torch.all(batch.f0_hz[:, n_there:] == batch.f0_hz[:, n_there - 1 : n_there])


def test_what_sounded_before_a_crop_stands_before_it(dataset: Dataset) -> None:
    """And before the segment's first frame there is silence, with its first pitch."""
    split, at_start = dataset.held_out, 0
    sound, pitch = split.segments[0].audio(), split.segments[0].features().f0_hz
    for step in range(30):
        crop = split.batch(0, step, 1, 300)
        longer = split.batch(0, step, 1, 300, 100)
        assert longer.f0_hz.shape == (1, 400)
        assert torch.equal(longer.audio[:, 100 * 64 :], crop.audio)
        assert torch.equal(longer.f0_hz[:, 100:], crop.f0_hz)
        (start,) = [place for _, place in _find(split, crop.f0_hz[0], crop.audio[0])]
        n_silent = max(0, 100 - start)
        assert not longer.audio[:, : n_silent * 64].any()
        assert torch.all(longer.loudness_db[:, :n_silent] == LOUDNESS_FLOOR_DB)
        assert torch.all(longer.confidence[:, :n_silent] == 0)
        assert torch.all(longer.f0_hz[:, :n_silent] == pitch[0])
        assert torch.equal(
            longer.audio[0, n_silent * 64 : 100 * 64], sound[max(0, start - 100) * 64 : start * 64]
        )
        at_start += start == 0
    assert at_start > 0


def test_notes_are_heard_from_their_attack(tmp_path: Path) -> None:
    """Of notes shorter than the crop all is compared, whatever is played before; of longer ones all parts."""
    audio = np.arange(1, 81, dtype=np.float32)
    columns = {"audio": audio, **dict.fromkeys(FEATURES, np.ones(80, np.float32))}
    save_file(columns, tmp_path / "note")
    span = Span(name="note", file="note", start=0, stop=80)
    split = Split([Segment("note", [ShardPart(tmp_path, span, 1)], 16_000, 1)], 1)
    short = split.batch(0, 0, 4, 100, 50).audio
    assert torch.all(short[:, 50:130] == torch.from_numpy(audio))
    seen = split.batch(0, 0, 400, 40, 20).audio[:, 20:]
    count = torch.bincount(seen.flatten().int(), minlength=81)[1:]
    # Five crops of eight begin with a note of two crops' length; one of eight has its end.
    assert count[0] == pytest.approx(0.625 * 400, rel=0.1)
    assert count[-1] == pytest.approx(0.125 * 400, rel=0.3)
    assert count.max() == pytest.approx(0.875 * 400, rel=0.1)


def test_silence_is_rarely_drawn(dataset: Dataset) -> None:
    """One note of sixteen is a rest: crops of 0.1 s fall into it, but not if another try helps."""
    rows = torch.cat([dataset.train.batch(1, step, 10, 25).audio for step in range(60)])
    assert (rows.abs().amax(1) < 1e-4).float().mean() < 0.005
    rest = np.mean(
        [
            float(segment.audio().unfold(0, 1600, 64).abs().amax(1).lt(1e-4).float().mean())
            for segment in dataset.train.segments
        ]
    )
    assert rest > 0.02  # of all crops


def test_segments_hold_the_analysis_of_their_audio(dataset: Dataset) -> None:
    segment = dataset.train.segments[0]
    stored, fresh = segment.features(), analyze(segment.audio(), 16_000)
    assert isinstance(stored, Features)
    assert torch.equal(stored.f0_hz, fresh.f0_hz)
    assert torch.equal(stored.loudness_db, fresh.loudness_db)
    assert torch.equal(stored.power_db, fresh.power_db)
    assert len(segment.audio()) == segment.n_frames * segment.hop_length


def test_a_split_travels_to_another_process(dataset: Dataset) -> None:
    batch = dataset.train.batch(5, 6, 2, 20)
    copy = pickle.loads(pickle.dumps(dataset.train)).batch(5, 6, 2, 20)
    assert torch.equal(copy.audio, batch.audio)


def test_a_batch_does_not_write_to_the_disk(dataset_copy: Path) -> None:
    dataset = Dataset.open(dataset_copy)
    dataset.train.batch(0, 0, 4, 100).audio.fill_(7.0)
    dataset.train.segments[0].audio().fill_(7.0)
    Dataset.open(dataset_copy, verify=True)


@pytest.mark.parametrize(("batch_size", "n_frames"), [(0, 10), (1, 0)])
def test_an_empty_batch_is_refused(dataset: Dataset, batch_size: int, n_frames: int) -> None:
    with pytest.raises(InputError, match="cannot be drawn"):
        dataset.train.batch(0, 0, batch_size, n_frames)


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
