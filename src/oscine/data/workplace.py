"""The folder that a dataset is made in: whose it is, one writer at a time, nothing left over."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oscine.data.manifest import FORMAT, RECORDS, SHARDS
from oscine.errors import InputError
from oscine.files import write_atomically

if sys.platform != "win32":
    import fcntl

_MARKER = "oscine-dataset.json"
_LOCK = ".lock"
#: What an interrupted atomic write leaves.
_TEMPORARY = re.compile(r"\.(oscine-dataset|manifest|[0-9a-f]{16}(-\d{3,})?)-\w{8}\.(json|safetensors)")


@contextmanager
def workplace(folder: Path, source: str) -> Iterator[None]:
    """Make the folder a dataset's, or continue in it, and keep every other writer out meanwhile.

    Args:
        folder: New, empty, or an earlier dataset of the same source.
        source: Name of the folder that is being prepared.

    Raises:
        InputError: When it holds anything else, or another process is writing to it.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the dataset.")
    marker = folder / _MARKER
    if not marker.is_file():
        held = [path.name for path in folder.iterdir()] if folder.exists() else []
        foreign = sorted(name for name in held if name != _LOCK and not _TEMPORARY.fullmatch(name))
        if foreign:
            raise InputError(
                f"{folder} already holds something else ({foreign[0]}); name a new or empty folder."
            )
        folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        if marker.is_file():
            _check_marker(marker, folder, source)
        else:
            write_atomically(marker, json.dumps({"format": FORMAT, "source": source}))
        for place in (folder, folder / SHARDS, folder / RECORDS):
            for path in place.glob(".*"):
                if _TEMPORARY.fullmatch(path.name):
                    path.unlink()
        yield


def _check_marker(marker: Path, folder: Path, source: str) -> None:
    try:
        owner = json.loads(marker.read_bytes())
        fits = owner["format"] == FORMAT and owner["source"] == source
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{marker} is damaged; delete {folder} and prepare again.") from None
    if not fits:
        raise InputError(
            f"{folder} holds the dataset of another folder ({owner['source']}); "
            "name a new folder or delete it."
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with open(folder / _LOCK, "w") as lock:
        if sys.platform != "win32":
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # freed by the system when its holder dies
            except OSError:
                raise InputError(f"Another oscine prepare is writing to {folder}; wait for it.") from None
        yield


def remove_unused(folder: Path, keys: set[str]) -> None:
    """Delete the shards and records of files that are no longer in the dataset."""
    for place in (folder / SHARDS, folder / RECORDS):
        for path in place.glob("*"):
            if re.match(r"[0-9a-f]{16}", path.name) and path.name[:16] not in keys:
                path.unlink()
