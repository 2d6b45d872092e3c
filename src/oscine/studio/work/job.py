"""A job in the worker's hand."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oscine.studio.database import Database, Row
from oscine.studio.limited import LimitedProcesses
from oscine.studio.limits import Limits
from oscine.studio.root import DataRoot

_TELL_EVERY_S = 0.25


class Cancelled(Exception):  # noqa: N818 - not a fault
    """Somebody has cancelled the job, or deleted what it is about."""


class Ended(Exception):  # noqa: N818
    """The job stops here and is taken up again later."""


@dataclass
class Job:
    """A job, and what it is done with.

    Attributes:
        row: What the database has of it.
        root: The data.
        database: Instruments, collections, takes, runs, performances and jobs.
        limits: What is taken.
        readers: Which read what others made.
        device: Where to compute.
        let_others_go_first: Does the short jobs that wait; called often by what takes long.
        is_ending: Whether the worker is to end.
    """

    row: Row
    root: DataRoot
    database: Database
    limits: Limits
    readers: LimitedProcesses
    device: str
    let_others_go_first: Callable[[], None]
    is_ending: Callable[[], bool]
    _told: float = 0.0

    @property
    def id(self) -> str:
        """Its name."""
        return str(self.row["id"])

    @property
    def subject(self) -> str:
        """The id of the thing that it is about."""
        return str(self.row["subject"])

    @property
    def arguments(self) -> Row:
        """What it was told."""
        return self.row["arguments"]

    def thing(self, kind: Any) -> Row:
        """Return the thing that it is about.

        Raises:
            Cancelled: When it has been deleted.
        """
        for _ in range(2):
            found = self.database.things(kind, id=self.subject)
            if found:
                return found[0]
            # A run is paused instead: it can be brought back.
            if kind == "run" or self.database.cancel_job_of_deleted(self.id):
                break
        raise Cancelled

    def wish(self) -> str | None:
        """Return what somebody wants of a run: pause or stop; to delete it is to pause it first."""
        found = self.database.things("run", id=self.subject)
        return found[0]["facts"].get("control") if found else "pause"

    def tell(self, what: str, share: float) -> None:
        """Say how far it is, a few times a second at most.

        Raises:
            Cancelled: When it has been cancelled.
        """
        if time.monotonic() - self._told < _TELL_EVERY_S:
            return
        self._told = time.monotonic()
        if not self.database.change_job(
            self.id, expected=("running",), what=what, share=min(1.0, max(0.0, share))
        ):
            raise Cancelled

    def breathe(self) -> None:
        """Let short jobs go first.

        Raises:
            Ended: When the worker is to end.
        """
        if self.is_ending():
            raise Ended
        self.let_others_go_first()

    def output_folder(self) -> Path:
        """Return an empty folder for what it makes."""
        self.root.remove("jobs", self.id)
        return self.root.folder("jobs", self.id)

    def finish(self, file: str | None = None, name: str | None = None, **result: Any) -> None:
        """Say what came of it.

        Args:
            file: In the output folder, if it made one.
            name: What the file is called when it is saved.
            result: Figures.
        """
        self.database.change_job(self.id, file=file, name=name, result=result)

    def plain(self, sentence: str) -> str:
        """Return a sentence without the places of this machine."""
        return sentence.replace(f"{self.root.path}/", "").replace(str(self.root.path), "The data folder")
