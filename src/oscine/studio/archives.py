"""Zip files: an instrument's folder out of what somebody sent, and files into one."""

import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oscine.errors import InputError
from oscine.models import saved

#: What is taken of an instrument's folder, and how large it may be.
TAKEN = {saved.WEIGHTS: 512 << 20, saved.CONFIG: 64 << 20, saved.CARD: 1 << 20, saved.SOUND: 16 << 20}
_MOST_ENTRIES = 200
_MOST_RATIO = 1000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_TIME = (1980, 1, 1, 0, 0, 0)


def take_instrument(archive: Any, folder: Path) -> None:
    """Write the files of an instrument that are in a zip file into a folder.

    Only the four names of an instrument's files are looked for, at the top or in one folder; nothing of the
    archive's own paths is used for writing.

    Args:
        archive: The zip file, open for reading.
        folder: Is there, and empty.

    Raises:
        InputError: When it is no zip file, holds no instrument or more than one, or asks for too much.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            for name, entry in _entries(opened).items():
                _extract(opened, entry, folder / name, TAKEN[name])
    except InputError:
        raise
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        ValueError,
        EOFError,
        OSError,
        UnicodeDecodeError,
    ) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise InputError("This is not a whole zip file; send one that oscine share has made.") from None


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    if len(archive.infolist()) > _MOST_ENTRIES:
        raise InputError(
            f"The zip file has {len(archive.infolist())} entries; an instrument has {len(TAKEN)}. Zip its "
            "folder alone."
        )
    found: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for entry in archive.infolist():
        parts = entry.filename.replace("\\", "/").split("/")
        if entry.filename.startswith(("/", "\\")) or ".." in parts or ":" in entry.filename:
            raise InputError("The zip file has names that lead out of its folder, so it is refused.")
        mode = entry.external_attr >> 16
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InputError("The zip file has a link or a device in it, so it is refused.")
        if len(parts) > 2 or parts[-1] not in TAKEN:
            continue
        inside = found.setdefault("/".join(parts[:-1]), {})
        if parts[-1] in inside:
            raise InputError(f"The zip file has {parts[-1]} twice; zip the instrument's folder again.")
        inside[parts[-1]] = entry
    wholes = [one for one in found.values() if saved.CONFIG in one and saved.WEIGHTS in one]
    if len(wholes) != 1:
        raise InputError(
            f"The zip file holds {'no instrument' if not wholes else 'several instruments'}; send one folder "
            f"with {saved.CONFIG} and {saved.WEIGHTS}, as Share or oscine share makes it."
        )
    return wholes[0]


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, most: int) -> None:
    if entry.compress_type not in _METHODS or entry.flag_bits & 1:
        raise InputError("The zip file is encrypted or packed in a rare way; zip the folder again.")
    too_large = InputError(f"{path.name} in the zip file is larger than an instrument's; zip it again.")
    if entry.file_size > most or entry.file_size > _MOST_RATIO * max(1, entry.compress_size):
        raise too_large
    left = most
    with archive.open(entry) as source, open(path, "xb") as target:
        # What the archive says of its sizes is not believed.
        while chunk := source.read(1 << 20):
            left -= len(chunk)
            if left < 0:
                raise too_large
            target.write(chunk)


def write_zip(path: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Write files into a zip file, the same bytes for the same files.

    Args:
        path: The zip file.
        files: The name in it and the file, in order.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files:
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with open(file, "rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while chunk := source.read(1 << 20):
                    target.write(chunk)
