"""The worker process of a server: started with it, started again when it dies, ended with it."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 10.0
_LONG_LIFE_S = 30.0
_LONGEST_END_S = 20.0


class Supervisor:
    """Keeps one worker process running.

    The worker reads its standard input, of which nothing ever comes: it ends when the server does, even when
    the server is killed.

    Args:
        folder: Of the data.
        options: Of the worker, behind the folder.
        on_words: Is told a sentence when the worker has died.
    """

    def __init__(
        self, folder: Path, options: list[str], on_words: Callable[[str], None] = lambda text: None
    ) -> None:
        self._command = [sys.executable, "-m", "oscine.studio.worker_process", str(folder), *options]
        self._on_words = on_words
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="supervisor")
        self.n_deaths = 0

    def start(self) -> None:
        """Start the worker, and watch it."""
        self._start()
        self._thread.start()

    @property
    def is_up(self) -> bool:
        """Whether the worker runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        """Let the worker end: a training writes its checkpoint first, other jobs are done again later."""
        self._ending.set()
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_LONGEST_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _start(self) -> None:
        # Ctrl-C at the terminal is the server's, which then ends the worker.
        own_group: dict[str, Any] = (
            {"start_new_session": True} if sys.platform != "win32" else {"creationflags": 0x200}
        )
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=None, **own_group
        )

    def _watch(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._ending.is_set():
            began, process = time.monotonic(), self._process
            assert process is not None
            code = process.wait()
            if self._ending.is_set():
                return
            self.n_deaths += 1
            self._on_words(f"The worker ended with the code {code}; it is started again.")
            wait_s = (
                _FIRST_WAIT_S if time.monotonic() - began > _LONG_LIFE_S else min(2 * wait_s, _LONGEST_WAIT_S)
            )
            if not self._ending.wait(wait_s):
                self._start()
