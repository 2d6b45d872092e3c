"""What hours of sound cost on a cluster: rates measured here, and the table that follows from them.

`python -m benchmarks.cluster RECORDINGS` takes a folder of recordings (the package's own violin if left out).
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch

from benchmarks.measure import table
from oscine import recordings
from oscine.cluster import connected
from oscine.data import prepare
from oscine.data.manifest import Manifest, read_manifest
from oscine.data.shard import STORES, read_column, store_named
from oscine.files import sha256, write_atomically
from oscine.transfer.rendering import Rendering, render_on_cluster

HOURS = (10, 1_000, 1_000_000)
_RATE = 44_100
#: Seconds of one recording of the plan, and of one that is rendered.
_TAKE_S, _RENDERED_S = 600.0, 60.0


class Rates(NamedTuple):
    """What was measured, for one core."""

    prepared: float
    """Seconds of sound a second."""
    rendered: float
    hashed: float
    """Bytes a second."""
    bytes_per_s: dict[str, float]
    """Of a dataset, for a second of sound, by its store."""
    crop_ms: dict[str, float]
    """To read a crop of 1.5 s."""
    manifest_bytes: float
    """For one recording."""
    manifest_s: float
    """To read that."""


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "recordings", type=Path, nargs="?", default=Path(recordings.__file__).parent / "violin"
    )
    parser.add_argument("--no-scaling", action="store_true", help="leave out two cores against one")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        rates = _rates(options.recordings, Path(place))
        print(_rate_table(rates), _cost_table(rates), sep="\n\n")
        if not options.no_scaling:
            print("\n" + _scaling(options.recordings, Path(place)))


def _rates(source: Path, place: Path) -> Rates:
    folders, bytes_per_s, crop_ms, seconds, prepared = {}, {}, {}, 0.0, 0.0
    for name in STORES:
        folders[name] = place / name
        began = time.process_time()
        report = prepare(source, folders[name], store=store_named(name), n_workers=1)
        if name == "float32":
            seconds = sum(file.duration_s for file in report.files)
            prepared = seconds / (time.process_time() - began)
        shards = list((folders[name] / "shards").iterdir())
        bytes_per_s[name] = sum(shard.stat().st_size for shard in shards) / seconds
        crop_ms[name] = 1000 * _seconds_of(lambda shards=shards: _read_crop(shards), 200)
    shard = max((folders["float32"] / "shards").iterdir(), key=lambda path: path.stat().st_size)
    hashed = shard.stat().st_size / _seconds_of(lambda: sha256(shard), 10)
    manifest_bytes, manifest_s = _manifest(read_manifest(folders["float32"]), place / "large")
    rendered = _RENDERED_S / _render_seconds(source, place / "one", 1)
    return Rates(prepared, rendered, hashed, bytes_per_s, crop_ms, manifest_bytes, manifest_s)


def _seconds_of(call: Callable[[], object], n: int, clock: Callable[[], float] = time.process_time) -> float:
    """Return the seconds of a call; of a core, so that other programs on the machine do not count."""
    began = clock()
    for _ in range(n):
        call()
    return (clock() - began) / n


def _read_crop(shards: list[Path]) -> None:
    shard = random.choice(shards)
    start = random.randrange(2 * _RATE)
    read_column(shard, "audio", start, start + round(1.5 * _RATE))


def _manifest(manifest: Manifest, folder: Path, n: int = 5_000) -> tuple[float, float]:
    """Return the bytes and the seconds to read, for each recording of a synthetic manifest of many."""
    recording = manifest.recordings[0].model_dump(mode="json")
    n_shards = round(_TAKE_S / 136)
    shard = recording["shards"][0]
    content = manifest.model_dump(mode="json") | {"files": [], "recordings": [], "train": []}
    content["held_out"] = content["validation"] = []
    for number in range(n):
        name, key = f"{number:08d}.flac", f"{number:016x}"
        shards = [
            shard | {"file": f"shards/{key}-{part:03d}.safetensors", "n_frames": 34_000}
            for part in range(n_shards)
        ]
        content["files"].append(manifest.files[0].model_dump(mode="json") | {"path": name})
        content["recordings"].append(recording | {"name": name, "shards": shards})
        content["train"] += [
            {"name": name, "file": one["file"], "start": 0, "stop": one["n_frames"]} for one in shards
        ]
    write_atomically(folder / "manifest.json", json.dumps(content, indent=1))
    size = (folder / "manifest.json").stat().st_size
    return size / n, _seconds_of(lambda: read_manifest(folder), 1) / n


def _render_seconds(source: Path, place: Path, n: int, cores: int | None = None) -> float:
    """Return the seconds in which so many performances are played, when every process is ready."""
    place.mkdir()
    first = next(path for path in sorted(source.rglob("*")) if path.suffix in (".flac", ".wav"))
    audio, rate = soundfile.read(first, dtype="float32", always_2d=True)
    mono = np.resize(audio.mean(axis=1), round(_RENDERED_S * rate))
    tasks = []
    for number in range(n + (cores or 1)):
        soundfile.write(place / f"{number}.wav", mono, rate)
        tasks.append(Rendering("violin", place / f"{number}.wav", place / "out" / f"{number}.wav"))
    if cores is None:
        from oscine.transfer.rendering import render

        render(tasks.pop())
        return _seconds_of(lambda: [render(task) for task in tasks], 1) / n
    with connected() as cluster:
        list(render_on_cluster(cluster, tasks[n:], cores))  # each process loads what it needs
        return _seconds_of(lambda: list(render_on_cluster(cluster, tasks[:n], cores)), 1, time.perf_counter)


def _scaling(source: Path, place: Path) -> str:
    # One melody is analysed and played by more than one thread, so a core less is taken from all of them.
    mine = sorted(os.sched_getaffinity(0))
    times = []
    for cores in (1, 2):
        os.sched_setaffinity(0, mine[:cores])
        times.append(_render_seconds(source, place / f"cores-{cores}", 12, cores))
    os.sched_setaffinity(0, mine)
    one, two = times
    return (
        f"Batch rendering of 12 performances of {_RENDERED_S:.0f} s: {one:.1f} s on one core, {two:.1f} s on "
        f"two, {one / two:.2f} times as fast."
    )


def _rate_table(rates: Rates) -> str:
    rows = [
        ["prepare", f"{rates.prepared:.1f} × real time"],
        ["transfer", f"{rates.rendered:.1f} × real time"],
        ["sha256", f"{rates.hashed / 1e9:.2f} GB/s"],
        *(
            [f"`--store {name}`", f"{3600 * rates.bytes_per_s[name] / 1e6:.0f} MB/h; a crop in {ms:.2f} ms"]
            for name, ms in rates.crop_ms.items()
        ),
        ["manifest", f"{rates.manifest_bytes / 1e3:.1f} kB, {1e3 * rates.manifest_s:.2f} ms a recording"],
    ]
    return table(["on one core", "measured"], rows)


def _cost_table(rates: Rates) -> str:
    rows = []
    for hours in HOURS:
        n = hours * 3600 / _TAKE_S
        stored = [f"{_size(3600 * hours * rates.bytes_per_s[name])}" for name in ("float32", "flac")]
        rows.append(
            [
                f"{hours:,} h",
                f"{hours / rates.prepared:,.1f}",
                f"{hours / rates.rendered:,.1f}",
                *stored,
                f"{3600 * hours * rates.bytes_per_s['float32'] / rates.hashed / 3600:,.1f}",
                _size(n * rates.manifest_bytes),
            ]
        )
    headings = [
        "sound",
        "prepare, core-hours",
        "transfer, core-hours",
        "float32",
        "flac",
        "hash all, core-hours",
    ]
    return table([*headings, "manifest"], rows)


def _size(n_bytes: float) -> str:
    units = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"))
    unit, name = next((pair for pair in units if n_bytes >= pair[0]), (1e6, "MB"))
    return f"{n_bytes / unit:,.1f} {name}"


if __name__ == "__main__":
    main()
