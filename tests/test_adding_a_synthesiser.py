"""The page "Adding a synthesiser", followed step by step: a copy of the package with its files is trained."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import oscine

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "adding-a-synthesiser.md"
_BLOCK = re.compile(r"^```(python|diff|yaml)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package in a folder of its own, and a tone to learn from."""
    ignore = shutil.ignore_patterns("__pycache__", "recordings")
    shutil.copytree(Path(oscine.__file__).parent, tmp_path / "src" / "oscine", ignore=ignore)
    (tmp_path / "recordings").mkdir()
    t = np.arange(16_000 * 40) / 16_000
    tone = sum(np.sin(2 * np.pi * k * 220 * t) / k for k in range(1, 9)) * (0.6 + 0.4 * np.sin(3 * t))
    soundfile.write(tmp_path / "recordings" / "tone.wav", 0.2 * tone, 16_000)
    return tmp_path


def _run(copy: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": "src", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_page_leads_from_a_formula_to_a_trained_instrument(copy: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for language, name, content in _BLOCK.findall(text):
        file = copy / name
        if language == "diff":
            lines = content.splitlines()
            before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
            after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
            source = file.read_text(encoding="utf-8")
            assert source.count(f"\n{before}\n") == 1, before
            content = source.replace(f"\n{before}\n", f"\n{after}\n")  # noqa: PLW2901
        else:
            assert not file.exists()
        file.write_text(content, encoding="utf-8")
    commands = re.findall(r"^oscine (.*)$", text, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        arguments = command.replace("--minutes 1", "--steps 2").split()
        _run(copy, "-c", "from oscine.cli.main import main; main()", *arguments)
    said = re.findall(r"print\(.*\)  # (.*)$", text, re.MULTILINE)
    assert _run(copy, "play.py").splitlines() == said
