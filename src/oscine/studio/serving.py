"""Serving a studio: the data, the worker, the port, and how all of it ends."""

import errno
import json
import logging
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import uvicorn

from oscine.errors import InputError
from oscine.file_lock import locked
from oscine.studio.app import make_app
from oscine.studio.database import FILE, Database
from oscine.studio.limited import LimitedProcesses
from oscine.studio.limits import Limits
from oscine.studio.metrics import Metrics
from oscine.studio.root import DataRoot, default_folder
from oscine.studio.security import Hosts, is_local
from oscine.studio.state import Studio
from oscine.studio.supervisor import Supervisor

_TOKEN = re.compile(r"[\w.~-]+", re.ASCII)

LOCK = "studio.lock"
_MOST_CONNECTIONS = 512
_KEEP_ALIVE_S, _GRACE_S = 15, 3


class Server:
    """A studio that is served.

    Attributes:
        address: Where, with the token if there is one.
        address_for_others: The same for other machines, where they can reach it at every address of this one.
        token: What requests need; None where nothing does.
        studio: What is served.
    """

    def __init__(
        self, studio: Studio, listening: socket.socket, host: str, token: str | None, allowed: Sequence[str]
    ) -> None:
        self.studio, self.token, self._socket = studio, token, listening
        self.port: int = listening.getsockname()[1]
        is_everywhere = host in ("0.0.0.0", "::", "")
        self.address = self._address("localhost" if is_everywhere else host)
        found = _own_address() if is_everywhere else None
        self.address_for_others = None if found is None else self._address(found)
        app = make_app(studio, Hosts(host, self.port, allowed), token)
        # What is wrong with a body is answered to its sender.
        logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                date_header=True,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
                h11_max_incomplete_event_size=64 << 10,
                http="h11",
                ws="none",
            )
        )

    def _address(self, host: str) -> str:
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def run(self) -> None:
        """Answer until `stop` is called, or Ctrl-C or SIGTERM comes."""
        self._server.run(sockets=[self._socket])

    @property
    def has_started(self) -> bool:
        """Whether it answers."""
        return self._server.started

    def stop(self) -> None:
        """End soon."""
        self._server.should_exit = True


@contextmanager
def opened(
    folder: Path | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    allowed_hosts: Sequence[str] = (),
    has_page: bool = True,
    limits: Limits | None = None,
    device: str = "auto",
    on_words: Callable[[str], None] = lambda text: None,
) -> Iterator[Server]:
    """Yield a server whose worker runs, and end the worker afterwards.

    Args:
        folder: Of the data; the user's folder for data if left out.
        host: To which address it is bound.
        port: On which port; 0 for any that is free.
        token: What requests need; if left out, one is made where the address is not this machine's alone.
        allowed_hosts: Further names that lead to the server, `name` or `name:port`.
        has_page: Whether the page is served beside the API.
        limits: What it takes.
        device: Where the worker computes.
        on_words: Is told a sentence when something happened.

    Raises:
        InputError: When the port is taken, the folder can't be written to, another studio has it, or the
            token can stand in no address.
    """
    limits = limits or Limits()
    if token is not None and not _TOKEN.fullmatch(token):
        raise InputError("The token can't stand in an address; give letters, digits, '-', '.', '_' and '~'.")
    root = DataRoot(folder or default_folder())
    sentence = f"Another studio has {root.path}; close it, or name another folder with --data."
    try:
        with locked(root.path / LOCK, sentence):
            listening = _bound(host, port)
            try:
                worker = Supervisor(root.path, [json.dumps(asdict(limits)), device], on_words)
                database = Database(root.path / FILE)
                studio = Studio(
                    root, database, limits, LimitedProcesses(limits), Metrics(), worker, has_page=has_page
                )
                asked = token or (None if is_local(host) else secrets.token_urlsafe(18))
                server = Server(studio, listening, host, asked, allowed_hosts)
                worker.start()
                # Told now, so that the shelf need not wait for it.
                threading.Thread(target=studio.bundled, daemon=True).start()
                try:
                    yield server
                finally:
                    worker.stop()
            finally:
                listening.close()
    finally:
        root.close()


def _own_address() -> str | None:
    """Return the address by which other machines most likely reach this one; None without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # asks for a route, and sends nothing
        except OSError:
            return None
        return probe.getsockname()[0]


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InputError: When the port is taken, or there is no such address here.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_REUSEPORT") or family == socket.AF_INET6:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]"), port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            raise InputError(
                f"Port {port} is taken by another program; name another one with --port."
            ) from None
        if number == errno.EACCES:
            raise InputError(f"Port {port} needs more rights; name one above 1023 with --port.") from None
        raise InputError(
            f"There is no address {host} with a port {port} here; check --host and --port."
        ) from None
    return listening
