"""Preparation on a cluster that loses a process and a node: the same bytes as on one machine."""

import os
import signal
import threading
from pathlib import Path

import pytest
from tests.cluster.conftest import Machines
from tests.data.test_prepare import _content

from oscine import cluster
from oscine.cluster import Cluster, Lost, _require_answer, connected
from oscine.data import Progress, prepare, prepare_part
from oscine.errors import InputError

pytestmark = pytest.mark.slow


def test_losses_change_nothing(machines: Machines, takes: Path, dataset: Path, tmp_path: Path) -> None:
    extra = machines.add()
    told: list[Progress] = []
    lost: list[str] = []

    def kill() -> None:
        """Kill a process that is at work; files are short, so this looks while the others go on."""
        while not ended.wait(0.002):
            if workers := machines.workers("_on_one_core"):
                os.kill(workers[0], signal.SIGKILL)
                lost.append("process")
                return

    def lose(progress: Progress) -> None:
        told.append(progress)
        if lost == ["process"]:
            machines.lose(extra)
            lost.append("node")

    ended = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    with connected(machines.address) as connection:
        report = prepare(
            takes, tmp_path / "dataset", sample_rate=16_000, cluster=connection, on_progress=lose
        )
    ended.set()
    killer.join()
    assert lost == ["process", "node"]
    assert _content(tmp_path / "dataset") == _content(dataset)
    assert sorted(one.report.path for one in told if one.report) == [file.path for file in report.files]
    verdicts = {file.path: file.verdict for file in report.files}
    assert verdicts["words.wav"] == verdicts["zero.wav"] == verdicts["viola/000.flac"] == "rejected"
    assert len(verdicts) == sum(path.is_file() for path in takes.rglob("*"))


def test_what_kills_its_process_each_time_is_given_up(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(number: int) -> int:
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 2:
            raise InputError("Two is refused.")
        return 10 * number

    monkeypatch.setattr(cluster, "_RETRIES", 1)
    with connected(machines.address) as connection:
        results = dict(connection.map(deadly, [0, 1, 3], size=2))
        assert isinstance(results.pop(1), Lost)
        assert results == {0: 0, 3: 30}
        with pytest.raises(InputError, match=r"^Two is refused\.$"):
            list(connection.map(deadly, [2]))


def test_parts_are_made_on_a_cluster_too(
    machines: Machines, takes: Path, dataset: Path, tmp_path: Path
) -> None:
    with connected(machines.address) as connection:
        prepare_part(takes, tmp_path / "set", 2, 2, sample_rate=16_000, cluster=connection)
    prepare(takes, tmp_path / "set", sample_rate=16_000, n_workers=1)
    assert _content(tmp_path / "set") == _content(dataset)


def test_machines_that_see_other_files_are_refused(
    machines: Machines, takes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(machines.address) as connection:
        with pytest.raises(InputError, match=r"The machine \S+ of the cluster does not see .*elsewhere"):
            connection.require_shared(tmp_path, takes, tmp_path / "elsewhere")
        assert not list(tmp_path.iterdir())
        monkeypatch.setattr(cluster, "_fingerprint", lambda: "oscine 0.0.0")
        with pytest.raises(InputError, match="another version of Oscine"):
            connection.require_shared(tmp_path)


@pytest.mark.parametrize("address", ["recordings", "host", "http://host:1", "ray://host", "ray://a b:1"])
def test_what_is_no_address_is_a_sentence(address: str) -> None:
    with (
        pytest.raises(InputError, match="is not the address of a cluster; give one such as"),
        connected(address),
    ):
        pass


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
def test_a_host_that_has_no_name_is_a_sentence(host: str) -> None:
    with pytest.raises(InputError, match=r"No Ray cluster answers at .* \(no host has such a name\)"):
        _require_answer(f"ray://{host}:10001")


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InputError, match=r"install it with: pip install 'oscine\[cluster\]'\."), connected():
        pass


def test_a_cluster_of_a_program_is_left_to_it(machines: Machines) -> None:
    ray = cluster.ray_module()
    with connected(machines.address) as outer, connected() as inner:
        assert isinstance(inner, Cluster)
        assert outer.n_cpus == inner.n_cpus == 2
    assert not ray.is_initialized()
