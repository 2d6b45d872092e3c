"""The runtime built for other machines makes the same audio, where the tools to build and run it are here."""

import subprocess
from pathlib import Path

import pytest
from tests.runtime.builds import BUILDS, TOLERANCE, difference, page_block

from oscine.runtime import engines

pytestmark = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILDS)
def test_it_plays_what_python_plays(name: str, tmp_path: Path) -> None:
    missing = BUILDS[name].missing()
    if missing:
        pytest.skip(f"{', '.join(missing)} missing; on Debian, install {BUILDS[name].packages}")
    for dtype in ("float32", "float16"):
        assert difference(name, tmp_path, dtype) < TOLERANCE


def test_the_pages_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(page_block("python"), "docs/background/program-file.md", "exec"), {})
    said = capsys.readouterr().out
    assert "torch.Size([1, 48000])" in said
    assert "'convolve'" in said


@pytest.mark.skipif(bool(BUILDS["scalar"].missing()), reason="no C++ compiler: install g++")
def test_a_player_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    player = tmp_path / "player"
    BUILDS["scalar"].build(player)
    for content, sentence in (
        (b"nothing", b"This is not a program file of Oscine.\n"),
        (None, b"There is no file "),
    ):
        file = tmp_path / "file.oscine"
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        done = subprocess.run([player, file], capture_output=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(sentence)
