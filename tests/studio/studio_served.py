"""A studio that is served by a thread of the tests, on a free port."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from oscine.studio import Server, opened

WAIT_S = 300.0


class Served(NamedTuple):
    """A studio and a client of it."""

    server: Server
    client: httpx.Client
    folder: Path

    def wait(self, address: str, states: tuple[str, ...]) -> dict[str, Any]:
        """Return a thing when it has come to one of these states."""
        return until(lambda: self.client.get(address).json(), lambda one: one["state"] in states)


def until(ask: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
    """Ask until the answer is so."""
    end = time.monotonic() + WAIT_S
    while not is_so(answer := ask()):
        assert time.monotonic() < end, answer
        time.sleep(0.05)
    return answer


@contextmanager
def served(folder: Path, **options: Any) -> Iterator[Served]:
    """Serve a studio in a thread."""
    with opened(folder, **options) as server:
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        until(lambda: server.has_started, bool)
        headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}
        base = f"http://127.0.0.1:{server.port}"
        with httpx.Client(base_url=base, timeout=WAIT_S, headers=headers) as client:
            yield Served(server, client, folder)
        server.stop()
        thread.join(20)
