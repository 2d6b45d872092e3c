"""What the routes of a studio share."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from oscine.studio.answers import missing
from oscine.studio.database import Database, Kind, Row, is_id
from oscine.studio.limited import LimitedProcesses
from oscine.studio.limits import Limits
from oscine.studio.metrics import Metrics
from oscine.studio.root import DataRoot
from oscine.studio.supervisor import Supervisor


@dataclass
class Studio:
    """A studio while it is served.

    Attributes:
        root: Its data.
        database: Its instruments, collections, takes, runs, performances and jobs.
        limits: What it takes.
        readers: Which read what others made.
        metrics: What is counted.
        worker: The process that does the jobs; None in a test that does them itself.
        needs_token: Whether requests need a token.
        has_page: Whether the page is served beside the API.
    """

    root: DataRoot
    database: Database
    limits: Limits
    readers: LimitedProcesses
    metrics: Metrics
    worker: Supervisor | None = None
    needs_token: bool = False
    has_page: bool = True
    _bundled: list[Row] = field(default_factory=list)
    _bundled_lock: threading.Lock = field(default_factory=threading.Lock)
    _stored: tuple[float, int] = (0.0, 0)

    def thing(self, kind: Kind, id: str) -> Row:  # noqa: A002 - the field's name
        """Return a thing that is not deleted.

        Raises:
            HTTPException: 404, when there is none.
        """
        found = self.database.things(kind, id=id) if is_id(id) else []
        if not found:
            raise missing(kind)
        return found[0]

    def add_job(self, kind: str, subject: str, what: str, **arguments: Any) -> Row:
        """Queue a job and return what is told of it.

        Raises:
            HTTPException: 429, when too many wait already.
        """
        job = self.database.add_job(kind, subject, what, self.limits.queue, **arguments)
        if job is None:
            raise HTTPException(
                429,
                f"{self.limits.queue} jobs wait already; try again when some are done.",
                {"Retry-After": "10"},
            )
        return told_job(job)

    def require_room(self) -> None:
        """Refuse to store more.

        Raises:
            HTTPException: 429, when too many jobs wait or too much is stored.
        """
        import shutil

        if self.database.counts().get("queued", 0) >= self.limits.queue:
            raise HTTPException(
                429,
                f"{self.limits.queue} jobs wait already; try again when some are done.",
                {"Retry-After": "10"},
            )
        is_full = shutil.disk_usage(self.root.path).free < self.limits.free_bytes
        if is_full or self.stored_bytes() > self.limits.stored_bytes:
            raise HTTPException(
                429, "The disk has no more room for this; delete what is not needed, also from the trash."
            )

    def stored_bytes(self) -> int:
        """Return how much is stored, as of half a minute ago at most."""
        import time

        at, n_bytes = self._stored
        if time.monotonic() - at > 30.0 or not at:
            n_bytes = self.root.n_bytes()
            self._stored = time.monotonic(), n_bytes
        return n_bytes

    def measure_again(self) -> None:
        """Forget how much is stored, because some of it was removed."""
        self._stored = (0.0, 0)

    def bundled(self) -> list[Row]:
        """Return what is told of the instruments in the package."""
        with self._bundled_lock:
            if not self._bundled:
                self._bundled = self.readers.run(_bundled, what="the instruments in the package")
            return self._bundled

    def instrument(self, id: str) -> tuple[Row, Path]:  # noqa: A002
        """Return what is told of an instrument, bundled or not, and its folder.

        Raises:
            HTTPException: 404, when there is none.
        """
        from oscine import instruments

        if id in instruments.names():
            row = next(one for one in self.bundled() if one["id"] == id)
            return told_instrument(row, is_bundled=True), instruments.path(id)
        row = self.thing("instrument", id)
        facts = row["facts"] | {key: row[key] for key in ("id", "name", "created")}
        return told_instrument(facts), self.root.folder("instruments", id)


def _bundled() -> list[Row]:
    """Return the same, in a process that has it already; the server itself loads no instrument for it."""
    from oscine.studio.warm import BUNDLED

    return BUNDLED


def told_job(job: Row) -> Row:
    """Return what is told of a job."""
    keys = ("id", "kind", "state", "what", "share", "error", "created", "result", "subject")
    return {key: job[key] for key in keys} | {"share": round(job["share"], 3)}


def told_instrument(facts: Row, *, is_bundled: bool = False) -> Row:
    """Return what is told of an instrument."""
    keys = (
        *("id", "name", "description", "range", "identities", "inputs", "needs_pitch", "sample_rate"),
        *("parameters", "size_bytes", "licence", "credit", "consent", "can_export", "by_notes"),
    )
    told = {key: facts[key] for key in keys}
    return told | {"kind": "bundled" if is_bundled else "mine", "created": facts.get("created")}
