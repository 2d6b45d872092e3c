"""How commands show that they go on, on a terminal and off it, and what programs read of it."""

import json
import os
import sys
from pathlib import Path

import pytest
from tests.cli.test_transfer import instrument, tune  # noqa: F401 - fixtures

from oscine.cli import progress as module
from oscine.cli.main import main
from oscine.cli.progress import minutes, progress


def _run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    return int(ended.value.code or 0)


def test_lines_are_few_and_say_what_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with progress("loading", None) as tell:
        for second in range(3600):
            now[0] = float(second)
            tell(second / 3600, "playing")
    said = capsys.readouterr().err.splitlines()
    assert 20 < len(said) < 90
    assert said[-1] == "done in 59:59"
    assert said[10].startswith("playing: ")
    assert said[-10].endswith(" left")


def test_a_short_command_is_silent_unless_it_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("loading", None) as tell:
        tell(0.5, "playing")
    assert capsys.readouterr().err == ""
    with progress("loading", "plain") as tell:
        tell(0.5, "playing")
    assert capsys.readouterr().err == "loading\ndone in 0:00\n"
    with progress("loading", None, quiet=True) as tell:
        tell(0.5)
    assert capsys.readouterr().err == ""


def test_json_is_one_object_a_line_and_stdout_is_unchanged(
    instrument: str,  # noqa: F811
    tune: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.wav"
    assert _run("transfer", tune, "--to", instrument, "-o", out) == 0
    without = capsys.readouterr().out
    assert _run("transfer", tune, "--to", instrument, "-o", out, "--progress", "json") == 0
    captured = capsys.readouterr()
    assert captured.out.split("peak")[0] == without.split("peak")[0]
    told = [json.loads(line) for line in captured.err.splitlines()]
    assert told[0]["doing"] == "loading"
    assert told[-1]["doing"] == "done"
    assert all(one["share"] is None or 0 <= one["share"] <= 1 for one in told)
    assert _run("transfer", tmp_path / "none.wav", "--to", instrument, "-o", out, "--progress=json") == 2
    *_, error = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert "does not exist" in error["error"]


def test_a_training_tells_its_steps_as_json(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--set", "training.crop_s=0.1", "--set", "training.batch_size=1"]
    run = ["train", dataset, tmp_path / "toy", "--recipe", "student100", "--steps", "3", *small]
    assert _run(*run, "--progress", "json") == 0
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    steps = [one for one in told if one.get("doing") == "training"]
    assert steps[-1]["step"] == 3
    assert steps[-1]["share"] == 1.0
    assert {"loss", "validation_loss", "left_s", "steps_per_s"} <= set(steps[-1])
    assert any("3 steps" in one.get("message", "") for one in told)


def test_an_unknown_form_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("analyze", tmp_path, "--progress", "bars") == 2
    assert "oscine: --progress is 'bars'; give plain, json or bar." in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["analyze", "--nope", "a.wav"], ["transfer"], ["nope"]])
def test_a_wrong_command_line_is_an_error_in_json_too(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(*arguments) == 2
    assert capsys.readouterr().err.startswith("Usage: ")
    assert _run(*arguments, "--progress", "json") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert set(json.loads(line)) == {"error"}


@pytest.mark.parametrize(("kind", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_the_last_line_of_an_ended_command_is_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: BaseException, code: int
) -> None:
    def end(*_: object) -> None:
        raise kind

    monkeypatch.setattr("oscine.cli.analyze._audio_files", end)
    assert _run("analyze", "a.wav", "--progress", "json") == code
    assert json.loads(capsys.readouterr().err.splitlines()[-1]) == {"error": "A signal ended the command."}
    assert _run("analyze", "a.wav") == code
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")
@pytest.mark.parametrize(("term", "is_bar"), [("xterm", True), ("dumb", False)])
def test_a_terminal_gets_a_bar_and_the_verdicts_stay_on_stdout(
    tmp_path: Path, term: str, is_bar: bool
) -> None:
    import pty
    import subprocess

    reader, writer = pty.openpty()
    script = (
        "import sys, time\n"
        "from oscine.cli.progress import progress\n"
        "with progress('working', None) as tell:\n"
        "    tell(0.5, 'half')\n"
        "    with tell.aside():\n"
        "        print('a verdict')\n"
        "    tell(0.9)\n"
    )
    environment = {**os.environ, "TERM": term}
    run = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=writer, check=True, env=environment
    )
    os.close(writer)
    shown = b""
    try:
        while part := os.read(reader, 65536):
            shown += part
    except OSError:
        pass  # Linux says so where the other end is closed
    os.close(reader)
    assert run.stdout == b"a verdict\n"
    assert (b"\x1b[" in shown) is is_bar


def test_times_are_minutes_and_hours() -> None:
    assert [minutes(seconds) for seconds in (0.4, 65.0, 3661.0, 36000.0)] == [
        "0:00",
        "1:05",
        "1:01:01",
        "10:00:00",
    ]
