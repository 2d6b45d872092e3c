"""The folder of a studio's data: opened once, and everything in it by its descriptor and never by a link."""

import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from oscine.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,120}")
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.mkdir in os.supports_dir_fd
_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def default_folder() -> Path:
    """Return where a studio keeps its data if nothing else is said: the user's folder for data."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "oscine"


class DataRoot:
    """A folder, and what is in it by names that are no paths.

    Each name is one of letters, digits, `_`, `-` and `.`, and is looked up in the folder before it, whose
    descriptor is open: a link in the folder leads nowhere.

    Attributes:
        path: Of the folder, for what needs a path.

    Args:
        folder: Made when missing.

    Raises:
        InputError: When it is a file, or can't be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder.absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = self.path / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise InputError(
                f"The folder {folder} can't be written to ({error.strerror}); name another one with --data."
            ) from None
        self.path = self.path.resolve()
        self._descriptor = os.open(self.path, os.O_RDONLY | _FOLDER) if _BY_DESCRIPTOR else -1

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def folder(self, *names: str) -> Path:
        """Return a folder's path, when all on the way are folders and no links; they are made when missing.

        Raises:
            FileNotFoundError: When there is something else in the place of one.
        """
        with _Walk(self, names, make=True):
            return self.path.joinpath(*names)

    def open(self, *names: str) -> BinaryIO:
        """Return a regular file, open for reading.

        Raises:
            FileNotFoundError: When there is none, or a link, a pipe or a device.
        """
        with _Walk(self, names[:-1]) as place:
            try:
                descriptor = place.open(names[-1], os.O_RDONLY | _FILE)
            except OSError:
                raise FileNotFoundError(names[-1]) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileNotFoundError(names[-1])
        return os.fdopen(descriptor, "rb")

    def has(self, *names: str) -> bool:
        """Return whether there is a regular file."""
        try:
            self.open(*names).close()
        except FileNotFoundError:
            return False
        return True

    def remove(self, *names: str) -> None:
        """Remove a file or a folder with all in it, where there is one."""
        with suppress(FileNotFoundError), _Walk(self, names[:-1]) as place:
            place.remove(names[-1])

    def n_bytes(self) -> int:
        """Return the size of all files."""
        return sum(_sizes(self.path))


class _Walk:
    """The way from the root to a folder in it, with a descriptor of the last one."""

    def __init__(self, root: DataRoot, names: tuple[str, ...], *, make: bool = False) -> None:
        for name in names:
            if not _NAME.fullmatch(name):
                raise FileNotFoundError(name)
        self._root, self._names, self._make = root, names, make
        self._descriptor = -1
        self._path = root.path

    def __enter__(self) -> "_Walk":  # noqa: PYI034 - beartype knows Self in decorated classes only
        self._descriptor = os.dup(self._root._descriptor) if _BY_DESCRIPTOR else -1
        try:
            for name in self._names:
                self._down(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _down(self, name: str) -> None:
        if self._make:
            with suppress(FileExistsError):
                os.mkdir(name if _BY_DESCRIPTOR else self._path / name, 0o700, dir_fd=self._dir_fd)
        self._path = self._path / name
        if not _BY_DESCRIPTOR:
            if self._path.is_symlink() or not self._path.is_dir():
                raise FileNotFoundError(name)
            return
        try:
            inner = os.open(name, os.O_RDONLY | _FOLDER, dir_fd=self._descriptor)
        except OSError:
            raise FileNotFoundError(name) from None
        os.close(self._descriptor)
        self._descriptor = inner

    @property
    def _dir_fd(self) -> int | None:
        return self._descriptor if _BY_DESCRIPTOR else None

    def open(self, name: str, flags: int) -> int:
        if not _NAME.fullmatch(name):
            raise FileNotFoundError(name)
        if _BY_DESCRIPTOR:
            return os.open(name, flags, dir_fd=self._descriptor)
        if (self._path / name).is_symlink():
            raise FileNotFoundError(name)
        return os.open(self._path / name, flags)

    def remove(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise FileNotFoundError(name)
        place = name if _BY_DESCRIPTOR else str(self._path / name)
        mode = os.stat(place, dir_fd=self._dir_fd, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            shutil.rmtree(place, ignore_errors=True, dir_fd=self._dir_fd)
        else:
            os.unlink(place, dir_fd=self._dir_fd)


def _sizes(folder: Path) -> Iterator[int]:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(Path(entry.path))
                else:
                    yield entry.stat(follow_symlinks=False).st_size
