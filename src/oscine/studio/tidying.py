"""What is removed by itself: what has been in the trash for long, and what old jobs have made."""

import time

from oscine.studio.database import Database, Row
from oscine.studio.limits import Limits
from oscine.studio.root import DataRoot

_FOLDERS = {"instrument": "instruments", "take": "takes", "run": "runs", "performance": "performances"}


def tidy(root: DataRoot, database: Database, limits: Limits) -> None:
    """Remove for good what has been deleted, or is over, for longer than the trash keeps it."""
    for thing in database.expired(limits.trash_days):
        remove_for_good(root, database, thing)
    for job in database.old_jobs(limits.trash_days):
        root.remove("jobs", job["id"])
        database.forget(job["id"])
    an_hour_ago = time.time() - 3600
    for path in root.folder("uploads").iterdir():
        if path.lstat().st_mtime < an_hour_ago:
            root.remove("uploads", path.name)


def remove_for_good(root: DataRoot, database: Database, thing: Row) -> None:
    """Remove a thing with all that belongs to it, files and rows."""
    takes = [
        take
        for is_deleted in (False, True)
        for take in database.things("take", owner=thing["id"], is_deleted=is_deleted)
    ]
    for one in (*takes, thing):
        folder = _FOLDERS.get(one["kind"])
        if folder is not None:
            root.remove(folder, one["id"])
        root.remove("sounds", f"{one['id']}.flac")
        root.remove("live", one["id"])
        for job in database.jobs(subject=one["id"]):
            root.remove("jobs", job["id"])
        database.forget(one["id"])
