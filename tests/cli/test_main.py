"""What the command says of itself, and every command of a file that is not there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from oscine import __version__
from oscine.cli.main import COMMANDS, main


def test_a_missing_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.json"
    with pytest.raises(SystemExit) as ended:
        main(["listen", "results", str(missing), str(missing)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"oscine: {missing} does not exist; check the path." in said.replace("\n", "")


def test_the_version_is_told_with_what_computes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"oscine {__version__}, Python 3.")
    assert re.fullmatch(r"kernels on the CPU: \w+; GPU: .+", said[1])


def test_a_shell_completes_commands_and_options() -> None:
    asked = {"_OSCINE_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "oscine tra"}
    run = subprocess.run(
        [Path(sys.executable).with_name("oscine")],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )
    names = {command.__name__ for command in COMMANDS if command.__name__.startswith("tra")}
    assert names == {"train", "transfer"}
    assert all(f'"{name}"' in run.stdout for name in names), run.stdout + run.stderr
