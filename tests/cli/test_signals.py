"""A command that is told to end leaves no temporary file."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from oscine.audio import read_audio
from oscine.audio.view import View
from oscine.cli.main import main
from oscine.cli.signals import _send_again, orderly_ends
from oscine.files import write_atomically

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
_CODES = [(signal.SIGTERM, 143), (getattr(signal, "SIGHUP", 1), 129)]


@pytest.fixture(autouse=True)
def _as_in_a_terminal() -> Iterator[None]:
    """Whatever the tests' own caller ignores, as nohup and a shell's ``&`` do."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _send(number: int) -> None:
    assert signal.getsignal(number) is not signal.SIG_DFL  # or it would end the tests
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "code"), _CODES)
def test_a_command_that_writes_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    def write(path: Path) -> None:
        path.write_bytes(b"half of it")
        _send(number)

    def write_response(name: str, output: Path, **options: object) -> None:
        write_atomically(output, write)

    monkeypatch.setattr("oscine.transfer.room.write_response", write_response)
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as exit_:
        main(["room", "ins", "-o", str(tmp_path / "a.wav")])
    assert exit_.value.code == code
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_it_is_not_lost_where_libsndfile_asks_for_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[BaseException]
) -> None:
    """An exception there would be printed, and the file would end early without a word."""
    soundfile.write(tmp_path / "a.wav", np.zeros(10_000_000, np.int16), 44_100)
    reads, readinto = [], View.readinto

    def read(view: View, buffer: object) -> int:
        reads.append(1)
        if len(reads) == 20:
            _send(number)
        return readinto(view, buffer)

    monkeypatch.setattr(View, "readinto", read)

    def run() -> None:
        with orderly_ends():
            read_audio(tmp_path / "a.wav")
            time.sleep(1)  # it comes a moment later

    with pytest.raises(kind):
        run()


def test_what_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with orderly_ends():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_on_windows_a_signal_is_raised_again_and_kills_nothing(monkeypatch):
    raised = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("os.kill ends the process on Windows"))
    _send_again(signal.SIGINT)
    assert raised == [signal.SIGINT]
