"""`--cluster [ADDRESS]`: what is an address and what is a folder, and sentences where there is no cluster."""

import socket
import sys
from pathlib import Path

import pytest

from oscine.cli.cluster import with_addresses
from oscine.cli.main import main


@pytest.mark.parametrize(
    ("given", "complete"),
    [
        ("prepare --cluster takes set", "prepare --cluster=auto takes set"),
        ("prepare takes set --cluster", "prepare takes set --cluster=auto"),
        ("train set out --cluster --steps 3", "train set out --cluster=auto --steps 3"),
        ("prepare --cluster ray://head:10001 a b", "prepare --cluster=ray://head:10001 a b"),
        ("prepare --cluster 10.0.0.1:6379 a b", "prepare --cluster=10.0.0.1:6379 a b"),
        ("prepare --cluster [fe80::1]:6379 a b", "prepare --cluster=[fe80::1]:6379 a b"),
        ("prepare --cluster=head:6379 a b", "prepare --cluster=head:6379 a b"),
        ("transfer -- --cluster", "transfer -- --cluster"),
        ("prepare a b", "prepare a b"),
    ],
)
def test_an_address_is_told_from_a_folder(given: str, complete: str) -> None:
    assert with_addresses(given.split()) == complete.split()


def _run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0), capsys.readouterr().err


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    folder = tmp_path / "takes"
    folder.mkdir()
    (folder / "words.wav").write_text("no sound")
    return folder


@pytest.mark.parametrize("option", ["--cluster=takes", "--cluster=http://head:8265", "--cluster=ray://head"])
def test_no_address_is_a_sentence(
    option: str, takes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'oscine[cluster]'")
    code, error = _run(capsys, "prepare", takes, tmp_path / "set", option)
    assert code == 2
    assert "is not the address of a cluster; give one such as ray://host:10001 or host:6379." in error
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_where_nothing_listens_is_a_sentence(
    scheme: str,
    takes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'oscine[cluster]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"{scheme}127.0.0.1:{free.getsockname()[1]}"
    code, error = _run(capsys, "prepare", takes, tmp_path / "set", "--cluster", address)
    assert code == 2
    assert f"No Ray cluster answers at {address}" in error
    monkeypatch.setenv("RAY_ADDRESS", address)
    code, error = _run(capsys, "prepare", takes, tmp_path / "set", "--cluster")
    assert code == 2
    assert f"No Ray cluster answers at {address}" in error


def test_without_ray_the_extra_is_named(
    takes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    code, error = _run(capsys, "prepare", "--cluster", takes, tmp_path / "set")
    assert code == 2
    assert "install it with: pip install 'oscine[cluster]'." in error


def test_workers_of_a_training_are_of_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, error = _run(capsys, "train", tmp_path / "set", tmp_path / "out", "--workers", "2")
    assert code == 2
    assert "--workers is the number of processes on a cluster; give it with --cluster." in error
