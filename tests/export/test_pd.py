"""The export for Pure Data: its files without Pd, and its sound in Pd where that is here."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.export import pd_check
from tests.export.pd_patches import PACKAGES, play
from tests.export.small import small_instrument

from oscine.cli.main import main
from oscine.export import export, pd
from oscine.models import Instrument
from oscine.runtime import engines

FILES = {
    "oscine~.cpp",
    "oscine~-help.pd",
    "oscine.h",
    "Makefile",
    "instrument.oscine",
    "CREDITS.txt",
}


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    return small_instrument()


@pytest.mark.parametrize("reason", ["no m_pd.h", "make is missing", "the compiler failed", "only on Linux"])
def test_without_what_builds_it_there_is_the_source(
    instrument: Instrument, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    header = tmp_path / "m_pd.h"
    header.touch()
    monkeypatch.setattr(pd, "_HEADERS", (header,))
    monkeypatch.setattr(pd.shutil, "which", lambda name: name)
    if reason == "no m_pd.h":
        header.unlink()
    elif reason == "make is missing":
        monkeypatch.setattr(pd.shutil, "which", lambda name: None if name == "make" else name)
    elif reason == "only on Linux":
        monkeypatch.setattr(pd.sys, "platform", "darwin")
    else:
        failed = subprocess.CompletedProcess([], 2)
        monkeypatch.setattr(pd.subprocess, "run", lambda *given, **named: failed)
    report = export(instrument, tmp_path / "pd", "pd")
    assert set(report.files) == FILES
    assert {path.name for path in (tmp_path / "pd").iterdir()} == FILES
    assert report.note is not None
    assert reason in report.note
    assert "Credit: Somebody" in (tmp_path / "pd" / "CREDITS.txt").read_text()


def test_the_command_says_what_is_left(
    instrument: Instrument,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(pd, "_HEADERS", ())
    instrument.save_pretrained(tmp_path / "violin")
    with pytest.raises(SystemExit) as ended:
        main(["export", str(tmp_path / "violin"), "--format", "pd", "-o", str(tmp_path / "pd")])
    assert not ended.value.code
    said = capsys.readouterr().out
    assert "there is no m_pd.h here: run make in the folder" in said
    assert "Credit: Somebody" in said


@pytest.fixture(scope="module")
def folder(instrument: Instrument, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if gone := pd_check.missing():
        pytest.skip(f"{', '.join(gone)} missing; on Debian, install {PACKAGES}")
    if not any(path.exists() for path in pd._HEADERS):
        pytest.skip("m_pd.h is missing; on Debian, install puredata-dev")
    if not engines():
        pytest.skip("no compiled runtime: there was no C++ compiler when the package was installed")
    folder = tmp_path_factory.mktemp("export") / "pd"
    with pytest.MonkeyPatch.context() as quick:
        quick.setenv("CXXFLAGS", "-O1")
        pd_check.build(instrument, folder)
    return folder


def test_curves_sound_as_in_python(folder: Path) -> None:
    assert pd_check.curves_difference(folder, block="1", n=6000) <= pd_check.TOLERANCE
    assert pd_check.curves_difference(folder, rate=44100, n=6000) <= pd_check.TOLERANCE
    assert pd_check.curves_difference(folder, block="256 1 2", scale=2.0, n=6000) <= pd_check.TOLERANCE


def test_notes_and_sounds_play_as_in_python(folder: Path) -> None:
    for block in (64, 4096):
        assert pd_check.notes_difference(folder, block=block) <= pd_check.TOLERANCE
    assert pd_check.sound_difference(folder) <= pd_check.TOLERANCE
    assert abs(pd_check.pitch_error_cents(folder, 69)) < 5


def test_broken_files_are_silent_and_named(folder: Path) -> None:
    said = pd_check.broken_files(folder)
    assert said["text.oscine"] == "oscine~: text.oscine: This is not a program file of Oscine."
    assert "there is no file missing.oscine" in said["missing.oscine"]
    assert all(said.values())


def test_the_help_patch_works(folder: Path) -> None:
    assert pd_check.help_patch(folder) == ""


def test_wrong_messages_are_said(folder: Path) -> None:
    wrong = ("set nonsense 1", "set octave", "midi", "midi 1 2 3 4", "set octave high")
    messages = tuple((0.0, one) for one in wrong)
    _, said = play(folder, "-voices 99 instrument.oscine", 640, messages=messages)
    for sentence in (
        "-voices needs a number from 1 to 16",
        "there is no setting nonsense",
        "set octave needs one number",
        "midi has 0 numbers",
        "midi has 4 numbers",
    ):
        assert sentence in said
    assert len(re.findall("set octave needs one number", said)) == 2
    _, said = play(folder, "-curves instrument.oscine", 640, messages=((0.0, "note 69 100"),))
    assert "note does nothing with -curves" in said


def test_a_curve_object_takes_the_instruments_other_inputs(folder: Path) -> None:
    loud, _ = play(folder, "-curves instrument.oscine", 4800)
    messages = (0.0, "set gain 0.25"), (50.0, "settings")
    quiet, said = play(folder, "-curves instrument.oscine", 4800, messages=messages)
    assert abs(abs(quiet[3000:]).max() / abs(loud[3000:]).max() - 0.25) < 0.02
    assert "said: setting gain 0.25 0 " in said
