"""Audio in 16 bits and as FLAC: the same samples, within half a step, and broken files are sentences."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from oscine.data import Dataset, prepare
from oscine.data.shard import Store, read_column, store_named, stored_audio
from oscine.data.verification import Verify
from oscine.errors import InputError
from oscine.files import sha256


def _written(path: Path, audio: np.ndarray, store: Store) -> Path:
    column, metadata = stored_audio(audio, store, 16_000)
    save_file({"audio": column}, path, metadata)
    return path


@pytest.fixture(scope="module")
def stored(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same recordings as datasets of each smaller store."""
    folder = tmp_path_factory.mktemp("stores")
    for store in ("int16", "flac"):
        prepare(recordings, folder / store, held_out_s=5.0, n_workers=1, sample_rate=16_000, store=store)
    return {store: folder / store for store in ("int16", "flac")}


@pytest.mark.parametrize("peak", [1.0, 0.9, 3e-4, 1.7, 400.0])
def test_the_error_is_half_a_step_of_the_peaks_power_of_two(peak: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    audio = rng.uniform(-1, 1, 5_000).astype(np.float32)
    audio *= np.float32(peak) / np.abs(audio).max()
    step = 2.0 ** np.ceil(np.log2(peak * 1.0001)) / 32_768
    back = {}
    for store in ("int16", "flac"):
        path = _written(tmp_path / f"{store}.safetensors", audio, store)
        back[store] = read_column(path, "audio", 0, 5_000)
        assert back[store].dtype == np.float32
        assert np.abs(back[store] - audio).max() <= step / 2 * 1.0001
    assert np.array_equal(back["int16"], back["flac"])


def test_sixteen_bits_are_kept_as_they_are(tmp_path: Path) -> None:
    audio = (np.arange(-32_768, 32_768) / 32_768).astype(np.float32)
    for store in ("int16", "flac"):
        path = _written(tmp_path / f"{store}.safetensors", audio, store)
        assert np.array_equal(read_column(path, "audio", 0, len(audio)), audio)
        assert np.array_equal(read_column(path, "audio", 40_001, 41_003), audio[40_001:41_003])
        silence = _written(tmp_path / f"silence-{store}.safetensors", np.zeros(999, np.float32), store)
        assert not read_column(silence, "audio", 0, 999).any()


def test_the_dataset_trains_on_nearly_the_same_crops(prepared: Path, stored: dict[str, Path]) -> None:
    whole = Dataset.open(prepared)
    exact = whole.train.batch(1, 2, 16, 50, semitones=2.0)
    batches = {
        store: Dataset.open(folder, "all").train.batch(1, 2, 16, 50, semitones=2.0)
        for store, folder in stored.items()
    }
    assert torch.equal(batches["int16"].audio, batches["flac"].audio)
    for batch in batches.values():
        assert torch.equal(batch.f0_hz, exact.f0_hz)
        assert 0 < (batch.audio - exact.audio).abs().max() < 2**-15
    sizes = {
        store: sum(path.stat().st_size for path in (folder / "shards").iterdir())
        for store, folder in {"float32": prepared, **stored}.items()
    }
    assert sizes["flac"] < sizes["int16"] < 0.6 * sizes["float32"]
    assert Dataset.open(stored["flac"]).statistics == whole.statistics
    assert json.loads((stored["flac"] / "manifest.json").read_text())["store"] == "flac"


def test_a_finished_dataset_keeps_its_store(recordings: Path, stored: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="with the store flac, and float32 is asked for"):
        prepare(recordings, stored["flac"], n_workers=1, sample_rate=16_000)
    with pytest.raises(
        InputError, match="'opus' is not a way to store audio; choose one of float32, int16, flac"
    ):
        store_named("opus")


def _spoil(path: Path, change: str) -> None:
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    if change == "no scale":
        metadata = {}
    elif change.startswith("scale "):
        metadata["audio_scale"] = change.removeprefix("scale ")
    elif change == "cut":
        tensors["audio"] = tensors["audio"][: len(tensors["audio"]) // 2].clone()
    elif change == "other bytes":
        tensors["audio"] = torch.randint(0, 255, tensors["audio"].shape).to(tensors["audio"].dtype)
    elif change == "doubles":
        tensors["audio"] = tensors["audio"].double()
    elif change == "two dimensions":
        tensors["audio"] = tensors["audio"][None]
    elif change == "empty":
        tensors["audio"] = tensors["audio"][:0].clone()
    save_file(tensors, path, metadata)


@pytest.mark.parametrize("store", ["int16", "flac"])
@pytest.mark.parametrize(
    "change",
    [
        *("no scale", "scale nan", "scale 1e30", "scale -1", "scale x"),
        *("cut", "other bytes", "doubles", "two dimensions", "empty"),
    ],
)
@pytest.mark.parametrize("verify", ["sizes", "none"])
def test_a_broken_shard_is_a_sentence(
    store: str, change: str, verify: Verify, stored: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(stored[store], tmp_path / "dataset"))
    manifest = json.loads((folder / "manifest.json").read_text())
    for recording in manifest["recordings"]:
        for shard in recording["shards"]:
            path = folder / shard["file"]
            _spoil(path, change)
            shard["n_bytes"], shard["sha256"] = path.stat().st_size, sha256(path)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    if (store, change) == ("int16", "other bytes"):  # is noise, and every number is a sample
        assert Dataset.open(folder, verify).train.batch(0, 0, 8, 50).audio.abs().max() <= 1
        return
    with pytest.raises(InputError, match=r"(can't be used|not as it was written|Get it again).*\.$"):
        Dataset.open(folder, verify).train.batch(0, 0, 64, 50)


def test_flac_that_claims_hours_of_silence_is_refused(stored: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(stored["flac"], tmp_path / "dataset"))
    path = next((folder / "shards").iterdir())
    tensors = load_file(path)
    content = bytearray(tensors["audio"].numpy().tobytes())
    content[21] |= 0x0F  # the upper bits of STREAMINFO's number of samples
    content[22:26] = b"\xff\xff\xff\xff"
    tensors["audio"] = torch.tensor(list(content), dtype=torch.uint8)
    save_file(tensors, path, {"audio_scale": "1.0"})
    manifest = json.loads((folder / "manifest.json").read_text())
    for recording in manifest["recordings"]:
        for shard in recording["shards"]:
            shard["n_bytes"], shard["sha256"] = (
                (folder / shard["file"]).stat().st_size,
                sha256(folder / shard["file"]),
            )
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="its column audio is not"):
        Dataset.open(folder)


def test_verify_says_how_much_is_compared(dataset_copy: Path) -> None:
    shard = next((dataset_copy / "shards").iterdir())
    content = bytearray(shard.read_bytes())
    content[-1000] ^= 1
    shard.write_bytes(content)
    for verify in (None, "all", True):
        with pytest.raises(InputError, match="not as it was written"):
            Dataset.open(dataset_copy, verify)
    Dataset.open(dataset_copy, "sizes")
    shard.unlink()
    with pytest.raises(InputError, match="lacks shards/"):
        Dataset.open(dataset_copy, "sizes")
    opened = Dataset.open(dataset_copy, "none")
    with pytest.raises(InputError, match="is missing; run oscine prepare again"):
        opened.train.batch(0, 0, 64, 50)


def test_a_large_dataset_is_not_hashed_unless_asked_for(
    dataset_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = next((dataset_copy / "shards").iterdir())
    content = bytearray(shard.read_bytes())
    content[-1000] ^= 1
    shard.write_bytes(content)
    monkeypatch.setattr("oscine.data.verification.MOST_HASHED_BYTES", shard.stat().st_size)
    Dataset.open(dataset_copy)
    with pytest.raises(InputError, match="not as it was written"):
        Dataset.open(dataset_copy, "all")
