"""Files: written whole or not at all, read only when they are what they seem."""

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from oscine.errors import InputError

#: A space that keeps words together, and what joins or parts letters and emoji.
_SHOWN = "\u00a0\u200c\u200d"
_IS_WINDOWS = sys.platform == "win32"
#: Characters, of four bytes at most; a name has room for 255 bytes.
_MOST_OF_STEM = 40
_OS_ERROR = re.compile(r"os error (\d+)")


def write_atomically(path: str | Path, content: bytes | str | Callable[[Path], None]) -> None:
    """Write a file whole or not at all: temporary name in the same folder, fsync, rename.

    Args:
        path: The final name; its folder is created when missing.
        content: Bytes, text (UTF-8), or a function that writes the temporary path it is given.

    Raises:
        OSError: When the disk refuses, with the path; the old file, if any, is then untouched.
    """
    path = Path(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _under_its_name(path):
            handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            if callable(content):
                content(temporary)
            else:
                temporary.write_bytes(content.encode() if isinstance(content, str) else content)
            # mkstemp makes the file private; a shared file has the mode that open() would give it.
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            _sync(temporary)
            with _under_its_name(path):
                temporary.replace(path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_folder(folder: str | Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files whole or not at all; see `write_atomically`.

    Args:
        folder: One that is empty, or a new one.
        files: By their names in it, which may have folders in front.

    Raises:
        OSError: When the disk refuses, with the folder; nothing is left then.
    """
    folder = Path(folder)
    is_there = folder.exists()
    temporary = (folder if is_there else folder.absolute().parent) / f".oscine-{uuid4().hex}"
    with _under_its_name(folder):
        try:
            temporary.mkdir(parents=True)
            for name, content in files.items():
                write_atomically(temporary / name, content)
            if is_there:
                for one in temporary.iterdir():
                    one.rename(folder / one.name)
            else:
                temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _under_its_name(path: Path) -> Iterator[None]:
    """Let an error name the file that is written, and not its temporary name, which no user knows."""
    try:
        yield
    except OSError as error:
        raise _disk_error(path, error) from error


def _prefix(path: Path) -> str:
    """Return what a temporary name begins with; a long name leaves room for what follows."""
    return f".{path.stem[:_MOST_OF_STEM]}-"


def remove_temporaries(folder: Path, names: Collection[str]) -> None:
    """Delete what `write_atomically` left when it was killed while it wrote these names in a folder.

    Call it only where no other process writes them (`oscine.file_lock.locked`).
    """
    paths = [Path(name) for name in names]
    forms = "|".join(f"{re.escape(_prefix(path))}\\w{{8}}{re.escape(path.suffix)}" for path in paths)
    for path in folder.glob(".*"):
        if re.fullmatch(forms, path.name):
            path.unlink(missing_ok=True)


@contextmanager
def disk_errors(path: str | Path) -> Iterator[None]:
    """Bring what writers raise when a disk refuses to one form: an OSError that names the path.

    safetensors and libsndfile have errors of their own, numpy's ``tofile`` an OSError without a number, and
    soundfile an assertion.

    Args:
        path: The file to write.

    Raises:
        OSError: In place of each of these.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None and error.errno is not None and error.errno != errno.ENOSPC:
            raise
        raise _disk_error(path, error) from error
    except Exception as error:
        if not _is_of_a_writer(error):
            raise
        raise _disk_error(path, error) from error


def _is_of_a_writer(error: Exception) -> bool:
    """Return whether an error is libsndfile's or safetensors', without importing either."""
    kind = type(error)
    if kind is AssertionError:
        frames = [] if error.__traceback__ is None else list(_modules(error))
        return bool(frames) and frames[-1] == "soundfile"
    return (kind.__module__.split(".")[0], kind.__name__) in {
        ("soundfile", "LibsndfileError"),
        ("safetensors_rust", "SafetensorError"),
        ("safetensors", "SafetensorError"),
    }


def _modules(error: Exception) -> Iterator[str]:
    trace = error.__traceback__
    while trace is not None:
        yield str(trace.tb_frame.f_globals.get("__name__"))
        trace = trace.tb_next


def _disk_error(path: str | Path, error: Exception) -> OSError:
    said = _OS_ERROR.search(str(error))
    number = error.errno if isinstance(error, OSError) else int(said.group(1)) if said else None
    if number is None:
        number = _refusal(Path(path).parent)
    return OSError(number, os.strerror(number), str(path))


def _refusal(folder: Path) -> int:
    """Return the number of the error that writing in a folder meets; EIO when it meets none."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(1 << 20))
            probe.flush()
    except OSError as error:
        return error.errno or errno.EIO
    return errno.EIO


def _sync(path: Path) -> None:
    """Bring a file's content to the disk; Windows asks that it was opened for writing."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    """Bring a folder's names to the disk; Windows has no such call and does it by itself."""
    if _IS_WINDOWS:
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: str | Path) -> str:
    """Return the file's SHA-256 as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bytes(path: str | Path, most_bytes: int) -> bytes:
    """Return the content of a regular file that others may have made.

    A pipe, a device or a link to one would block or never end, and a file can grow while it is read: nothing
    of them is read, or no more than the limit.

    Args:
        path: The file, or a link to it.
        most_bytes: Larger files are refused.

    Raises:
        InputError: When it is not a regular file, or too large.
        OSError: When it can't be read.
    """
    path = Path(path)
    size = file_size(path)
    if size > most_bytes:
        raise InputError(f"{path} has {size:,} bytes; such a file has at most {most_bytes:,}. Get it again.")
    with open(path, "rb") as file:
        content = file.read(size + 1)  # a buffer of the size asked for is made at once
    if len(content) > size:
        raise InputError(f"{path} grew while it was read; wait until it is whole.")
    return content


def file_size(path: str | Path) -> int:
    """Return the bytes of a regular file.

    Raises:
        InputError: When it is anything else.
        OSError: When there is none.
    """
    about = Path(path).stat()
    if not stat.S_ISREG(about.st_mode):
        raise InputError(f"{path} is not a regular file; put the file itself in its place.")
    return about.st_size


def read_text(path: str | Path, most_bytes: int = 1 << 20) -> str:
    """Return a small text file that others may have made; see `read_bytes`.

    Raises:
        InputError: Also when it is not UTF-8.
    """
    try:
        return read_bytes(path, most_bytes).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8; save it as UTF-8.") from None


def read_json(path: str | Path, most_bytes: int = 64 << 20, remedy: str = "Get it again.") -> Any:
    """Return the value in a JSON file that others may have made; see `read_bytes`.

    Args:
        path: The file, or a link to it.
        most_bytes: Larger files are refused.
        remedy: A sentence, what to do about a broken one.

    Raises:
        InputError: Also when it is not JSON, is nested too deeply or has a number with too many digits.
    """
    return parse_json(read_text(path, most_bytes), str(path), remedy)


def parse_json(text: str, name: str, remedy: str = "Get it again.") -> Any:
    """Return the value of a JSON text.

    Args:
        text: The text.
        name: The noun for it in the sentence.
        remedy: A sentence, what to do about a broken one.

    Raises:
        InputError: When it is not JSON, is nested too deeply, has a number with too many digits, or half a
            character (a lone surrogate), which can be written to no file.
    """
    try:
        value = json.loads(text, parse_int=_bounded_int, parse_constant=_no_constant)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError as error:
        raise InputError(f"{name} is not JSON ({error.msg}, line {error.lineno}). {remedy}") from None
    except RecursionError:
        raise InputError(f"{name} is nested too deeply to be what it should be. {remedy}") from None
    except UnicodeEncodeError:
        raise InputError(f"{name} has half a character (a lone surrogate) in its text. {remedy}") from None
    except ValueError as error:
        raise InputError(f"{name} can't be used: {error}. {remedy}") from None


def _bounded_int(digits: str) -> int:
    if len(digits) > 40:
        raise ValueError(f"a number of {len(digits)} digits is in it")
    return int(digits)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is in it, which is not a number")


def is_file(path: Path) -> bool:
    """Return whether there is a regular file; there is none of a name that the system has no room for."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Return whether there is a folder; there is none of a name that the system has no room for."""
    try:
        return path.is_dir()
    except OSError:
        return False


def resolved(path: str | Path) -> Path:
    """Return a path without links, as `Path.resolve` does, which fails where links lead in a circle."""
    return Path(os.path.realpath(path))


def for_libsndfile(path: str | Path) -> Any:  # soundfile takes bytes, and does not say so
    """Return a path that soundfile takes whatever its bytes are; of a string it makes UTF-8, or fails."""
    return os.fspath(path) if _IS_WINDOWS else os.fsencode(path)


def is_utf8(path: str | Path) -> bool:
    """Return whether the bytes of a name are UTF-8."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str | Path) -> str:
    r"""Return a name as it can be shown on any terminal and written into any JSON file.

    Control characters, which a terminal would obey, and bytes that are no UTF-8 are written as escapes; marks
    that turn the direction of writing are too, and so is a line's end.

    Examples:
        >>> printable("caf\udce9 \x1b[2J.wav")
        'caf\\xe9 \\x1b[2J.wav'
    """
    return "".join(one if one.isprintable() or one in _SHOWN else _escape(one) for one in os.fspath(name))


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
