"""The worker: takes one job after the other from the database. A training lets short jobs go first.

Jobs that were running when an earlier worker
ended are taken again: a training goes on from its checkpoint, the others begin anew.
"""

import json
import sqlite3
import sys
import threading
import time
import traceback
from pathlib import Path

from oscine.errors import InputError
from oscine.file_lock import locked
from oscine.files import disk_errors
from oscine.studio import database as db
from oscine.studio.limited import LimitedProcesses
from oscine.studio.limits import Limits
from oscine.studio.root import DataRoot
from oscine.studio.tidying import tidy
from oscine.studio.work import JOBS
from oscine.studio.work.job import Cancelled, Ended, Job
from oscine.studio.work.takes import left_out_words

_POLL_S = 0.1
_TIDY_EVERY_S = 3600.0
_MOST_DEATHS = 2
_DIED = "Oscine ended twice while it did this; look for what is special about the input."
_RUN_DIED = "Oscine ended twice before it had learned a step; a smaller recipe needs less memory."
LOCK = "worker.lock"


class Worker:
    """Does jobs.

    Args:
        root: The data.
        database: The jobs.
        limits: What is taken.
        device: Where it computes.
        ending: Set when it is to end.
    """

    def __init__(
        self,
        root: DataRoot,
        database: db.Database,
        limits: Limits,
        device: str,
        ending: threading.Event,
    ) -> None:
        self.root, self.database, self.limits, self.device = root, database, limits, device
        self.readers = LimitedProcesses(limits)
        self.ending = ending
        self._is_nested = False

    def run(self) -> None:
        """Do jobs until the end is asked for."""
        self.recover()
        tidied = -_TIDY_EVERY_S
        while not self.ending.is_set():
            if time.monotonic() - tidied >= _TIDY_EVERY_S:
                tidy(self.root, self.database, self.limits)
                tidied = time.monotonic()
            if not self.do_next():
                self.ending.wait(_POLL_S)

    def recover(self) -> None:
        """Queue again what a worker that died had in hand; what has killed two is given up."""
        for row in self.database.jobs(open_only=True):
            if row["state"] != "running":
                continue
            deaths = row["deaths"] + 1
            if deaths >= _MOST_DEATHS:
                self._fail(row, _RUN_DIED if row["kind"] == "run" else _DIED)
            else:
                self.database.change_job(row["id"], state="queued", deaths=deaths, what="Waiting")

    def do_next(self, *, is_short: bool = False) -> bool:
        """Do the next job, if there is one."""
        row = self.database.take_job(is_short=is_short)
        if row is None:
            return False
        job = Job(
            row,
            self.root,
            self.database,
            self.limits,
            self.readers,
            self.device,
            self._do_short_jobs,
            self.ending.is_set,
        )
        work = JOBS[row["kind"]]
        try:
            with disk_errors(self.root.path):
                work(job)
            self.database.change_job(row["id"], state="done", share=1.0, error=None)
        except Cancelled:
            self.root.remove("jobs", row["id"])
        except Ended:
            # Where it has not been paused, it is taken up again.
            self.database.change_job(row["id"], expected=("running",), state="queued", what="Waiting")
        except InputError as error:
            self._fail(row, job.plain(str(error)))
        except OSError as error:
            self._fail(row, job.plain(f"{error.strerror or error}."))
        except sqlite3.Error:
            raise  # nothing can be noted; the next worker does the job again
        except Exception as error:  # noqa: BLE001 - the next job is to be done all the same
            traceback.print_exc()
            self._fail(row, f"Something in Oscine went wrong ({type(error).__name__}); please report it.")
        return True

    def _do_short_jobs(self) -> None:
        """Do the short jobs that wait, in the middle of a long one."""
        if self._is_nested or not self.database.has_short_job():
            return
        self._is_nested = True
        try:
            while not self.ending.is_set() and self.do_next(is_short=True):
                pass
        finally:
            self._is_nested = False

    def _fail(self, row: db.Row, sentence: str) -> None:
        self.root.remove("jobs", row["id"])
        self.database.change_job(row["id"], state="failed", error=sentence)
        if row["kind"] in ("take", "performance", "run"):
            state = "rejected" if row["kind"] == "take" else "failed"
            facts: db.Row = {"error": sentence}
            if row["kind"] == "take":
                facts |= {"verdict": "rejected", "reasons": [sentence], "words": left_out_words([sentence])}
            self.database.change(row["subject"], state=state, **facts)


def main(arguments: list[str], ending: threading.Event) -> None:
    """Run a worker until the end is asked for."""
    folder, limits, device = Path(arguments[0]), Limits(**json.loads(arguments[1])), arguments[2]
    root = DataRoot(folder)
    worker = Worker(root, db.Database(root.path / db.FILE), limits, device, ending)
    # A worker whose server was killed may still be about to end.
    while not ending.is_set():
        try:
            with locked(root.path / LOCK, "busy"):
                worker.run()
        except sqlite3.Error as error:
            sys.exit(f"The database {db.database_words(error)}.")
        except InputError as error:
            if str(error) != "busy":
                raise
            ending.wait(_POLL_S)
