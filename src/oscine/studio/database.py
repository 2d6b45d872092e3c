"""The database of a studio, in SQLite: instruments, collections, takes, runs, performances, and jobs."""

import json
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from oscine.errors import InputError

Kind = Literal["instrument", "collection", "take", "run", "performance"]
Row = dict[str, Any]

FILE = "studio.sqlite3"
#: Jobs of these states are still to come to something.
OPEN = ("queued", "running", "paused")
_ID = re.compile(r"[A-Za-z0-9_-]{12}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS things (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, owner TEXT, name TEXT NOT NULL, state TEXT NOT NULL,
    created TEXT NOT NULL, deleted TEXT, facts TEXT NOT NULL DEFAULT '{}', changed INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS things_by_kind ON things (kind, owner, created);
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, arguments TEXT NOT NULL,
    state TEXT NOT NULL, what TEXT NOT NULL, share REAL NOT NULL, error TEXT, created TEXT NOT NULL,
    result TEXT, file TEXT, name TEXT, deaths INTEGER NOT NULL DEFAULT 0, changed INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created);
CREATE TABLE IF NOT EXISTS curves (
    run TEXT NOT NULL, step INTEGER NOT NULL, train REAL, validation REAL, PRIMARY KEY (run, step)
);
CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (1, 0);
"""
#: The number of a change, in a statement of `Database.changing`.
NEXT = "(SELECT value FROM counter)"


def new_id() -> str:
    """Return a name that nobody can guess, twelve letters and digits; the first one is no hyphen."""
    while (name := secrets.token_urlsafe(9)).startswith("-"):
        pass
    return name


def is_id(text: str) -> bool:
    """Return whether a text has the form of what `new_id` returns."""
    return _ID.fullmatch(text) is not None


def now() -> str:
    """Return the time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def database_words(error: sqlite3.Error) -> str:
    """Return what is wrong with a database, and what to do, after the words "The database"."""
    said = str(error)
    if "locked" in said or "busy" in said:
        return "is in use by another program; try again in a moment"
    if "full" in said:
        return "can't be written to, because the disk is full; make room on it"
    if "malformed" in said or "not a database" in said:
        return (
            "is damaged; put a copy of it back, or move it away: the studio then begins with an empty one, "
            "and the sound files stay in its folder"
        )
    return f"refuses this ({said}); look whether its folder can be written to"


class _Own(threading.local):
    """A thread's connection, once it has one."""

    connection: sqlite3.Connection | None = None


class Database:
    """A connection for each thread; what is written is on the disk, or nothing of it is.

    Args:
        path: Of the file; made when missing.

    Raises:
        InputError: When it is damaged, no database, or can't be written to.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._own = path, _Own()
        try:
            with self._writing() as connection:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if found != "ok":
                    raise sqlite3.DatabaseError("malformed")
        except sqlite3.Error as error:
            if self._own.connection is not None:
                self._own.connection.close()
            raise InputError(f"The database {path} {database_words(error)}.") from None

    def _connection(self) -> sqlite3.Connection:
        connection = self._own.connection
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=30.0, isolation_level=None)
            self._own.connection = connection
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction; all of it is kept, or nothing."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:  # SQLite has ended it already when the disk is full
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection as `_writing`, with the next number for what is changed."""
        with self._writing() as connection:
            connection.execute("UPDATE counter SET value = value + 1")
            yield connection

    def _rows(self, query: str, *values: object) -> list[Row]:
        return [_read(row) for row in self._connection().execute(query, values)]

    # ---- things

    def add(
        self,
        kind: Kind,
        name: str,
        *,
        state: str = "ready",
        owner: str | None = None,
        facts: Row | None = None,
        id: str | None = None,  # noqa: A002 - the field's name
    ) -> Row:
        """Add a thing, and return it."""
        row = id or new_id(), kind, owner, name, state, now(), json.dumps(facts or {})
        with self.changing() as connection:
            connection.execute(
                "INSERT INTO things (id, kind, owner, name, state, created, facts, changed) "
                f"VALUES (?, ?, ?, ?, ?, ?, ?, {NEXT})",
                row,
            )
        return self.things(kind, id=row[0])[0]

    def things(
        self,
        kind: Kind,
        *,
        id: str | None = None,  # noqa: A002
        owner: str | None = None,
        is_deleted: bool = False,
    ) -> list[Row]:
        """Return the things of a kind, in the order in which they were added."""
        query = f"SELECT * FROM things WHERE kind = ? AND deleted IS {'NOT ' if is_deleted else ''}NULL"
        values: list[object] = [kind]
        for column, value in (("id", id), ("owner", owner)):
            if value is not None:
                query += f" AND {column} = ?"
                values.append(value)
        return self._rows(f"{query} ORDER BY created, rowid", *values)

    def change(
        self,
        id: str,  # noqa: A002
        *,
        name: str | None = None,
        state: str | None = None,
        **facts: Any,
    ) -> None:
        """Set a thing's name, state, or single facts; the other facts stay."""
        parts, values = [f"changed = {NEXT}"], []
        for column, value in (("name", name), ("state", state)):
            if value is not None:
                parts.append(f"{column} = ?")
                values.append(value)
        if facts:
            pairs = ", ".join(f"'$.{key}', json(?)" for key in facts)
            parts.append(f"facts = json_set(facts, {pairs})")
            values += [json.dumps(value) for value in facts.values()]
        with self.changing() as connection:
            connection.execute(f"UPDATE things SET {', '.join(parts)} WHERE id = ?", (*values, id))

    def delete(self, kind: Kind, id: str) -> bool:  # noqa: A002
        """Put a thing into the trash; return whether there was one."""
        return self._set_deleted(kind, id, "deleted IS NULL", now())

    def restore(self, kind: Kind, id: str) -> bool:  # noqa: A002
        """Take a thing out of the trash; return whether there was one in it."""
        return self._set_deleted(kind, id, "deleted IS NOT NULL", None)

    def _set_deleted(self, kind: Kind, id: str, where: str, to: str | None) -> bool:  # noqa: A002
        with self.changing() as connection:
            cursor = connection.execute(
                f"UPDATE things SET deleted = ?, changed = {NEXT} WHERE kind = ? AND id = ? AND {where}",
                (to, kind, id),
            )
            return cursor.rowcount > 0

    def expired(self, days: float) -> list[Row]:
        """Return what has been in the trash for longer."""
        before = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
        return self._rows("SELECT * FROM things WHERE deleted < ?", before.replace("+00:00", "Z"))

    def trash(self) -> list[Row]:
        """Return all that is in the trash, what was deleted last first."""
        return self._rows("SELECT * FROM things WHERE deleted IS NOT NULL ORDER BY deleted DESC, rowid DESC")

    def forget(self, id: str) -> None:  # noqa: A002
        """Remove a thing or a job, and a run's curve, for good."""
        with self.changing() as connection:
            connection.execute("DELETE FROM things WHERE id = ?", (id,))
            connection.execute("DELETE FROM jobs WHERE id = ? OR subject = ?", (id, id))
            connection.execute("DELETE FROM curves WHERE run = ?", (id,))

    # ---- jobs

    def add_job(self, kind: str, subject: str, what: str, most: int, **arguments: Any) -> Row | None:
        """Queue a job and return it; None when so many wait already.

        Args:
            kind: What is done.
            subject: The id of the thing that it is done to.
            what: In words.
            most: How many may wait.
            arguments: What the job is told.
        """
        name = new_id()
        with self.changing() as connection:
            (n_waiting,) = connection.execute("SELECT COUNT(*) FROM jobs WHERE state = 'queued'").fetchone()
            if n_waiting >= most:
                return None
            connection.execute(
                "INSERT INTO jobs (id, kind, subject, arguments, state, what, share, created, changed) "
                f"VALUES (?, ?, ?, ?, 'queued', ?, 0, ?, {NEXT})",
                (name, kind, subject, json.dumps(arguments), what, now()),
            )
        return self.job(name)

    def job(self, id: str) -> Row | None:  # noqa: A002
        """Return a job."""
        found = self._rows("SELECT * FROM jobs WHERE id = ?", id)
        return found[0] if found else None

    def jobs(
        self, *, subject: str | None = None, kind: str | None = None, open_only: bool = False
    ) -> list[Row]:
        """Return the newest 500 jobs, the newest first."""
        query, values = "SELECT * FROM jobs WHERE 1", list[object]()
        for column, value in (("subject", subject), ("kind", kind)):
            if value is not None:
                query += f" AND {column} = ?"
                values.append(value)
        if open_only:
            query += " AND state IN ('queued', 'running', 'paused')"
        return self._rows(f"{query} ORDER BY created DESC, rowid DESC LIMIT 500", *values)

    def counts(self) -> dict[str, int]:
        """Return the number of jobs by state."""
        query = "SELECT state, COUNT(*) AS n FROM jobs GROUP BY state"
        return {row["state"]: row["n"] for row in self._connection().execute(query)}

    def take_job(self, *, is_short: bool = False) -> Row | None:
        """Take the next job: a short one before a run, and else the one that waits for longest."""
        kinds = "AND kind != 'run'" if is_short else ""
        with self.changing() as connection:
            row = connection.execute(
                f"UPDATE jobs SET state = 'running', changed = {NEXT} WHERE id = (SELECT id FROM jobs "
                f"WHERE state = 'queued' {kinds} ORDER BY kind = 'run', created, rowid LIMIT 1) RETURNING *"
            ).fetchone()
        return None if row is None else _read(row)

    def has_short_job(self) -> bool:
        """Return whether a job waits that is no run."""
        query = "SELECT 1 FROM jobs WHERE state = 'queued' AND kind != 'run' LIMIT 1"
        return self._connection().execute(query).fetchone() is not None

    def change_job(self, id: str, *, expected: tuple[str, ...] = OPEN, **columns: Any) -> bool:  # noqa: A002
        """Set a job's columns where its state is one of those expected; return whether it was."""
        parts = ", ".join(f"{column} = ?" for column in columns)
        values = [json.dumps(value) if column == "result" else value for column, value in columns.items()]
        marks = ", ".join("?" * len(expected))
        with self.changing() as connection:
            cursor = connection.execute(
                f"UPDATE jobs SET {parts}, changed = {NEXT} WHERE id = ? AND state IN ({marks})",
                (*values, id, *expected),
            )
            return cursor.rowcount > 0

    def old_jobs(self, days: float) -> list[Row]:
        """Return the jobs that are over and were asked for longer ago."""
        before = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
        query = "SELECT * FROM jobs WHERE created < ? AND state IN ('done', 'failed', 'cancelled')"
        return self._rows(query, before.replace("+00:00", "Z"))

    def cancel_job_of_deleted(self, id: str) -> bool:  # noqa: A002
        """Cancel a job where what it is about has been deleted; return whether it was."""
        with self.changing() as connection:
            cursor = connection.execute(
                f"UPDATE jobs SET state = 'cancelled', changed = {NEXT} WHERE id = ? AND NOT EXISTS "
                "(SELECT 1 FROM things WHERE id = jobs.subject AND deleted IS NULL)",
                (id,),
            )
            return cursor.rowcount > 0

    # ---- curves

    def add_point(self, run: str, step: int, train: float | None, validation: float | None) -> None:
        """Add the losses of a step."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO curves VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET train = excluded.train, "
                "validation = COALESCE(excluded.validation, validation)",
                (run, step, train, validation),
            )

    def cut_curve(self, run: str, after: int) -> None:
        """Forget the losses of later steps, which are taken again."""
        with self._writing() as connection:
            connection.execute("DELETE FROM curves WHERE run = ? AND step > ?", (run, after))

    def curve(self, run: str, most: int = 500) -> list[list[int | float | None]]:
        """Return step, loss and validation loss, at most so many of them; those with a validation stay."""
        query = "SELECT step, train, validation FROM curves WHERE run = ? ORDER BY step"
        points = [list(row) for row in self._connection().execute(query, (run,))]
        every = -(-len(points) // most)
        if every <= 1:
            return points
        thinned = [one for i, one in enumerate(points) if i % (2 * every) == 0 or one[2] is not None]
        return thinned[:: -(-len(thinned) // most)]

    # ---- events

    def last_change(self) -> int:
        """Return the number of the last change."""
        return self._connection().execute("SELECT value FROM counter").fetchone()[0]

    def changes(self, after: int) -> tuple[list[Row], list[Row]]:
        """Return the jobs, and kind and id of the things, that changed after a number."""
        jobs = self._rows("SELECT * FROM jobs WHERE changed > ? ORDER BY changed LIMIT 200", after)
        things = self._rows("SELECT kind, id FROM things WHERE changed > ? ORDER BY changed LIMIT 200", after)
        return jobs, things


def _read(row: sqlite3.Row) -> Row:
    """Return a row with its JSON as values."""
    values = dict(row)
    for column in ("facts", "arguments", "result"):
        if values.get(column) is not None:
            values[column] = json.loads(values[column])
    return values
