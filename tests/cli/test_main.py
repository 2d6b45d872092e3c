"""What the command says of itself, and every command of a file that is not there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from oscine import __version__
from oscine.cli.completion import instrument_names, recipe_names
from oscine.cli.main import COMMANDS, main
from oscine.models import list_recipes


def test_a_missing_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.json"
    with pytest.raises(SystemExit) as ended:
        main(["listen", "results", str(missing), str(missing)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"oscine: {missing} does not exist; check the path." in said.replace("\n", "")


def test_nothing_is_asked_and_the_help_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["listen"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert "Commands:" in capsys.readouterr().err


def test_an_empty_argument_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["transfer", "", "--to", "violin", "-o", "out"], ["analyze", "a.wav", "--midi", ""]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert "oscine: An argument is empty, such as a variable without a value" in capsys.readouterr().err


def test_what_is_wrong_with_a_command_line_is_told_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["analyze", "--\x1b[2J.wav"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert r"--\x1b[2J.wav" in said
    assert "\x1b" not in said
    with pytest.raises(SystemExit):
        main(["train", "set", "toy", "--verify", "x"])
    assert "Invalid value for '--verify': 'x' is not one of 'none', 'sizes', 'all'" in capsys.readouterr().err


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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_every_shell_is_shown_by_its_name(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--show-completion", shell])
    shown = capsys.readouterr().out
    assert "_OSCINE_COMPLETE=complete_" + shell in shown
    with pytest.raises(SystemExit) as ended:
        main(["--show-completion", "csh"])
    assert ended.value.code == 2
    assert "give one of bash, zsh, fish" in capsys.readouterr().err


def test_names_of_recipes_and_instruments_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "viola").mkdir()
    (tmp_path / "viola" / "config.json").write_text("{}")
    (tmp_path / "vienna").mkdir()
    monkeypatch.chdir(tmp_path)
    assert recipe_names("ti") == ["tiny"]
    assert recipe_names("") == list_recipes()
    assert instrument_names("vio") == ["violin", "violin-16k", "viola"]
    assert instrument_names(f"{tmp_path}/vi") == [f"{tmp_path}/viola"]
    assert instrument_names("nowhere/x") == []


def test_the_command_line_is_there_before_pytorch_is() -> None:
    """A shell completes at every key, and help is read in a moment."""
    script = """import sys
from oscine.cli.main import main
sys.stdout = sys.stderr
try: main(["--help"])
except SystemExit: print(sorted({"torch", "numpy", "matplotlib"} & set(sys.modules)), file=sys.__stdout__)"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_ctrl_c_while_the_command_is_loaded() -> None:
    loading = "import sys, builtins; real = builtins.__import__\n"
    loading += "def load(name, *rest):\n"
    loading += "    if name == 'oscine.cli.main': raise KeyboardInterrupt\n"
    loading += "    return real(name, *rest)\n"
    loading += "builtins.__import__ = load\nfrom oscine.__main__ import main; main()"
    ended = subprocess.run([sys.executable, "-c", loading], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, b"")
