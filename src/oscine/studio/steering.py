"""Pausing, resuming and stopping a run: each in one transaction, since pages and a worker do it at once.

A run's job that waits is changed at once. While the worker has it in hand, only the wish is written, into the
run's fact `control`; the worker reads it between two steps.
"""

import sqlite3
from typing import Literal

from oscine.studio.database import NEXT, OPEN, Database

Wish = Literal["pause", "resume", "stop"]
_WORDS = {"queued": "Waiting", "paused": "Paused", "cancelled": "Cancelled"}


def steer(database: Database, run: str, wish: Wish) -> bool:
    """Write what somebody wants of a run; return whether that can be.

    A run that is done takes nothing. One that has failed can be resumed, with what it has learned.
    """
    query = "SELECT id, state FROM jobs WHERE subject = ? AND kind = 'run' ORDER BY created DESC LIMIT 1"
    with database.changing() as connection:
        job = connection.execute(query, (run,)).fetchone()
        if job is None or (job["state"] not in OPEN and (wish != "resume" or job["state"] == "done")):
            return False
        if job["state"] == "running":
            _wish(connection, run, None if wish == "resume" else wish)
        elif wish == "pause":
            _put(connection, run, job["id"], "paused", "paused")
        elif wish == "stop" and not _has_begun(connection, run):
            _put(connection, run, job["id"], "cancelled", "failed", "The run was stopped before it began.")
        else:
            _put(connection, run, job["id"], "queued", "queued")
            _wish(connection, run, "stop" if wish == "stop" else None)
    return True


def settle(database: Database, run: str, job: str) -> bool:
    """Pause a run whose training was ended for it; return False where nobody wants that any more."""
    with database.changing() as connection:
        goes_on = connection.execute(
            "SELECT 1 FROM things WHERE id = ? AND deleted IS NULL AND "
            "json_extract(facts, '$.control') IS NOT 'pause'",
            (run,),
        ).fetchone()
        if goes_on is None:
            _put(connection, run, job, "paused", "paused")
    return goes_on is None


def _has_begun(connection: sqlite3.Connection, run: str) -> bool:
    query = "SELECT 1 FROM things WHERE id = ? AND json_extract(facts, '$.steps_done') > 0"
    return connection.execute(query, (run,)).fetchone() is not None


def _wish(connection: sqlite3.Connection, run: str, wish: str | None) -> None:
    query = f"UPDATE things SET facts = json_set(facts, '$.control', ?), changed = {NEXT} WHERE id = ?"
    connection.execute(query, (wish, run))


def _put(
    connection: sqlite3.Connection, run: str, job: str, job_state: str, state: str, error: str | None = None
) -> None:
    """Set the states of a run and of its job; nothing more is wanted of it then."""
    connection.execute(
        f"UPDATE jobs SET state = ?, what = ?, error = NULL, deaths = 0, changed = {NEXT} WHERE id = ?",
        (job_state, _WORDS[job_state], job),
    )
    connection.execute(
        "UPDATE things SET state = ?, facts = json_set(facts, '$.control', NULL, '$.error', ?), "
        f"changed = {NEXT} WHERE id = ?",
        (state, error, run),
    )
