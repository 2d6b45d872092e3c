"""Whatever a file is called and a terminal can show, what is printed is text and nothing else."""

import errno
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.table import Table
from tests.data.tunes import tune

from oscine.cli.main import main
from oscine.cli.terminal import sentence_of, tell, terminal, to_json
from oscine.files import printable

_NAMES = {
    "caf\udce9.wav": r"caf\xe9.wav",
    "\x1b]0;title\x07\x1b[2J.wav": r"\x1b]0;title\x07\x1b[2J.wav",
    "\x9b31m.wav": r"\x9b31m.wav",
    "two\nlines.wav": r"two\x0alines.wav",
    "\u202egnp.wav": r"\u202egnp.wav",
    "Übung 一 [bold]$x$.wav": "Übung 一 [bold]$x$.wav",
}


@pytest.mark.parametrize(("name", "shown"), _NAMES.items(), ids=range(len(_NAMES)))
def test_names_are_shown_as_text(name: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printable(name) == shown
    table = Table(name.replace("\n", ""))
    table.add_row(name.replace("\n", ""))
    terminal().print(table)
    terminal().print(name, soft_wrap=True)
    printed = capsys.readouterr().out
    assert not set(printed) & set("\x1b\x07\x9b\u202e\udce9")
    assert json.loads(to_json({"name": name})) == {"name": name}
    assert to_json({"name": name}).isprintable()


def test_a_sentence_is_one_line_whatever_a_name_has(capsys: pytest.CaptureFixture[str]) -> None:
    """A name with a line's end in it could tell of files that are not there."""
    tell("a.wav\nb.wav: 1.0 s", ["of\nit"])
    assert capsys.readouterr().out == "a.wav\\x0ab.wav: 1.0 s\n  of\\x0ait\n"
    with pytest.raises(SystemExit):
        main(["analyze", "none\nof these.wav"])
    assert capsys.readouterr().err == "oscine: none\\x0aof these.wav does not exist; check the path.\n"


def _oscine(*arguments: str | Path, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "oscine", *map(str, arguments)]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    return subprocess.run(command, capture_output=True, check=False, env=environment)


@pytest.fixture(scope="module")
def odd_names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings with names that no program expects."""
    folder = tmp_path_factory.mktemp("odd") / "takes"
    folder.mkdir()
    for number, name in enumerate([*_NAMES, "n" * 247 + ".wav", "m" * 251 + ".wav"]):
        soundfile.write(folder / "a.wav", tune(6, 16_000, lowest_midi=55 + number), 16_000)
        (folder / "a.wav").rename(folder / name)
    (folder / "phone.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    (folder / "pipe.mp3").mkdir()
    return folder


def test_a_folder_of_odd_names_is_analysed_file_by_file(odd_names: Path) -> None:
    run = _oscine("analyze", odd_names, "--json")
    assert run.returncode == 0, run.stderr
    rows = json.loads(run.stdout)["files"]
    verdicts = {Path(row["path"]).name: row["verdict"] for row in rows}
    assert {verdicts[shown] for shown in _NAMES.values() if "/" not in shown} == {"ok"}
    assert verdicts["m" * 251 + ".wav"] == "ok"
    assert verdicts["phone.m4a"] == "rejected"
    assert b"\x1b" not in _oscine("analyze", odd_names).stdout


def test_a_folder_of_odd_names_is_prepared(odd_names: Path, tmp_path: Path) -> None:
    run = _oscine(
        "prepare", odd_names, tmp_path / "set", "--sample-rate", "16000", "--workers", "1", "--json"
    )
    assert run.returncode == 0, run.stderr
    verdicts = {row["path"]: row["verdict"] for row in json.loads(run.stdout)["files"]}
    assert verdicts[r"caf\xe9.wav"] == "ok"
    assert verdicts["m" * 251 + ".wav"] == "ok"
    assert verdicts["phone.m4a"] == "rejected"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_terminal_without_the_characters_gets_plain_ones(tmp_path: Path, encoding: str) -> None:
    soundfile.write(tmp_path / "a.wav", tune(5, 16_000), 16_000)
    run = _oscine("analyze", tmp_path / "a.wav", encoding=encoding)
    assert run.returncode == 0, run.stderr
    text = run.stdout.decode(encoding)
    assert ("▁" in text or "█" in text) == (encoding == "utf-8")
    assert "C4" in text


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of Windows closes no stream")
@pytest.mark.parametrize(
    ("name", "rest", "code"),
    [("a.wav", "--progress json 2>&- >&- <&-", 0), ("none.wav", "2>/dev/full", 2)],
)
def test_a_stream_that_is_closed_or_full_changes_no_result(
    tmp_path: Path, name: str, rest: str, code: int
) -> None:
    """Without standard error the next file that is opened has its number, and the decoder's remarks."""
    soundfile.write(tmp_path / "a.wav", tune(1, 16_000), 16_000)
    out = tmp_path / "out.mid"
    words = [sys.executable, "-m", "oscine", "analyze", tmp_path / name, "--midi", out, "--tracker", "yin"]
    command = f"{shlex.join(map(str, words))} {rest}"
    run = subprocess.run(["sh", "-c", command], stdout=subprocess.DEVNULL, check=False)
    assert run.returncode == code
    assert out.exists() == (code == 0)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a"), "a: No space left on device; free some"),
        (
            OSError(errno.ENAMETOOLONG, "File name too long", "a"),
            "a: File name too long; give a shorter name.",
        ),
        (OSError(errno.EIO, "Input/output error"), "Input/output error."),
        (OSError("odd."), "odd."),
    ],
)
def test_an_error_of_the_system_is_a_sentence(error: OSError, sentence: str) -> None:
    assert sentence_of(error).startswith(sentence)
    assert sentence_of(error).endswith(".")


def test_decoders_keep_their_remarks_to_themselves(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", tune(5, 16_000), 16_000)
    content = (tmp_path / "a.mp3").read_bytes()
    middle = len(content) // 2
    broken = content[:middle] + bytes(range(256)) * 4 + content[middle + 1024 :]
    (tmp_path / "a.mp3").write_bytes(broken)
    run = _oscine("analyze", tmp_path / "a.mp3")
    assert run.returncode == 0
    assert run.stderr == b""
    missing = _oscine("analyze", tmp_path / "b.mp3")
    assert missing.returncode == 2
    assert missing.stderr.decode().startswith("oscine: ")


def test_a_picture_of_any_name_has_no_warning(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tune(3, 16_000), 16_000)
    (tmp_path / "a.wav").rename(tmp_path / "一 $\\frac{$.wav")
    run = _oscine("analyze", tmp_path / "一 $\\frac{$.wav", "--plot", tmp_path / "a.png")
    assert run.returncode == 0
    assert run.stderr == b""
    assert np.frombuffer((tmp_path / "a.png").read_bytes()[:4], np.uint8)[1] == ord("P")
