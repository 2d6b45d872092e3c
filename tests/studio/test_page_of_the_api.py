"""The snippets of docs/how-to/serve.md run against a server."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import soundfile

_PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "serve.md"


def _block(language: str, port: int) -> str:
    """Return the last code block in a language."""
    text = _PAGE.read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return found[-1].replace(":8421", f":{port}")


def test_the_python_of_the_page_plays_a_hum_higher(studio, hum, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("hum.wav").write_bytes(hum)
    names: dict = {}
    exec(compile(_block("python", studio.server.port), str(_PAGE), "exec"), names)
    names["api"].close()
    assert soundfile.info("played-higher.flac").duration == pytest.approx(5.0, abs=0.01)


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="curl or bash is not here.")
def test_the_commands_of_the_page_play_a_hum(studio, hum, tmp_path):
    (tmp_path / "hum.wav").write_bytes(hum)
    script = "set -e\n" + _block("bash", studio.server.port)
    subprocess.run(["bash", "-c", script], cwd=tmp_path, check=True, timeout=300)
    assert soundfile.info(tmp_path / "played.flac").duration == pytest.approx(5.0, abs=0.01)
