"""A Ray cluster of several nodes on this machine, as Ray's own tests make one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import soundfile
from tests.data.tunes import tune

from oscine import cluster
from oscine.data import prepare

STORE_BYTES = 80 << 20
N_FILES = int(os.environ.get("OSCINE_CLUSTER_FILES", "24"))
LONG_FORM = pytest.mark.skipif(N_FILES < 200, reason="It is part of the long form: make cluster.")


class Machines:
    """The nodes of a cluster, which can be added and lost, and the processes on them."""

    def __init__(self) -> None:
        cluster.ray_module()
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=node)
        self.address = str(self._cluster.address)

    def add(self, **options: Any) -> Any:
        """Add a node of one core."""
        return self._cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES, **options)

    def lose(self, node: Any) -> None:
        """End a node and everything on it, as when its machine loses power."""
        self._cluster.remove_node(node, allow_graceful=False)

    def workers(self, name: str) -> list[int]:
        """Return the processes of the cluster that are at work on something of this name."""
        raylets = {
            process.process.pid
            for node in (self._cluster.head_node, *self._cluster.worker_nodes)
            for process in (node.all_processes.get("raylet", []) if node else [])
        }
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (place / "cmdline").read_bytes().startswith(f"ray::{name}".encode()):
                    parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                    found += [int(place.name)] if parent in raylets else []
        return found

    def end(self) -> None:
        """End the cluster."""
        self._cluster.shutdown()


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """A cluster of two nodes with a core each."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'oscine[cluster]'")
    started = Machines()
    started.add()
    yield started
    started.end()


def make_takes(folder: Path, n: int) -> Path:
    """Write short recordings in two folders, and some files that can't be used."""
    for name in ("flute", "viola"):
        (folder / name).mkdir(parents=True)
    for number in range(n - 3):
        place = folder / ("flute" if number % 2 else "viola") / f"{number:03d}.flac"
        soundfile.write(place, tune(1 + number % 3, lowest_midi=48 + number % 24), 16_000)
    shutil.copy(folder / "viola" / "000.flac", folder / "a-twin.flac")
    (folder / "words.wav").write_text("no sound")
    soundfile.write(folder / "zero.wav", tune(2) * 0, 16_000)
    return folder


@pytest.fixture(scope="session")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many files as `OSCINE_CLUSTER_FILES` says, or 24."""
    return make_takes(tmp_path_factory.mktemp("takes") / "takes", N_FILES)


@pytest.fixture(scope="session")
def dataset(takes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one machine makes of them."""
    folder = tmp_path_factory.mktemp("one-machine") / "dataset"
    prepare(takes, folder, n_workers=1, sample_rate=16_000)
    return folder
