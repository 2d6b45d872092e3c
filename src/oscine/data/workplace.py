"""The folder that a dataset is made in: whose it is, one writer at a time, nothing left over."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from oscine.data.manifest import FORMAT, MANIFEST, RECORDS, SHARDS, read_manifest
from oscine.data.shard import Store
from oscine.errors import InputError
from oscine.file_lock import locked
from oscine.files import read_json, write_atomically

_MARKER = "oscine-dataset.json"
_LOCK = ".lock"
#: The files that an interrupted atomic write leaves.
_TEMPORARY = re.compile(r"\.(oscine-dataset|manifest|[0-9a-f]{16}(-\d{3,})?)-\w{8}\.(json|safetensors|mid)")
#: The locks: of the whole, and of each part that is made.
_LOCKS = re.compile(r"\.lock|\.part-\d+-of-\d+\.lock")


class Settings(BaseModel):
    """The settings that a dataset was made with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample_rate: int
    hop_length: int
    tracker: str
    store: Store = "float32"


class _Marker(BaseModel):
    """The file that says whose a dataset's folder is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str
    source: str
    settings: Settings | None = None
    parts: bool = False
    """Whether parts were made, maybe on several machines: other settings would make all of them anew."""


@contextmanager
def workplace(folder: Path, source: str, settings: Settings, part: str | None = None) -> Iterator[None]:
    """Make the folder a dataset's, or continue in it, and keep every other writer out meanwhile.

    Parts may be made in it at the same time, each once; whoever makes the whole is alone.

    Args:
        folder: New, empty, or an earlier dataset of the same source.
        source: Name of the folder that is being prepared.
        settings: The settings of the dataset; a finished one is not made anew with others.
        part: The name of the part that is made; None: the whole.

    Raises:
        InputError: When it holds anything else, a finished dataset or parts with other settings, or another
            process is writing to it.
        OSError: When the disk refuses.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the dataset.")
    marker = folder / _MARKER
    if not marker.exists():
        held = [path.name for path in folder.iterdir()] if folder.exists() else []
        foreign = sorted(name for name in held if not (_LOCKS.fullmatch(name) or _TEMPORARY.fullmatch(name)))
        if foreign and not marker.exists():  # another part has begun meanwhile
            raise InputError(
                f"{folder} already holds something else ({foreign[0]}); name a new or empty folder."
            )
        folder.mkdir(parents=True, exist_ok=True)
    sentence = f"Another oscine prepare is writing to {folder}; wait for it."
    with ExitStack() as locks:
        locks.enter_context(locked(folder / _LOCK, sentence, shared=part is not None))
        if part is not None:
            locks.enter_context(locked(folder / f".part-{part}.lock", sentence))
        has_parts = part is not None
        if marker.exists():
            has_parts |= _checked_marker(marker, folder, source, settings).parts
        own = _Marker(format=FORMAT, source=source, settings=settings, parts=has_parts)
        write_atomically(marker, own.model_dump_json())
        if part is None:
            _remove_leftovers(folder)
        yield
        if part is None and has_parts:  # they are merged now, and the dataset is as if it was made at once
            write_atomically(marker, own.model_copy(update={"parts": False}).model_dump_json())


def _remove_leftovers(folder: Path) -> None:
    """Delete what interrupted writes and finished parts left."""
    for place in (folder, folder / SHARDS, folder / RECORDS):
        for path in place.glob(".*"):
            if _TEMPORARY.fullmatch(path.name) or (_LOCKS.fullmatch(path.name) and path.name != _LOCK):
                path.unlink()


def _checked_marker(marker: Path, folder: Path, source: str, settings: Settings) -> _Marker:
    try:
        owner = _Marker.model_validate(read_json(marker, remedy=f"Delete {folder} and prepare again."))
    except ValidationError:
        owner = None
    if owner is None or owner.format != FORMAT:
        raise InputError(f"{marker} is damaged; delete {folder} and prepare again.")
    if owner.source != source:
        raise InputError(
            f"{folder} holds the dataset of another folder ({owner.source}); name a new folder or delete it."
        )
    if (folder / MANIFEST).exists():
        _check_settings(folder, "a finished dataset", owner.settings, settings)
    elif owner.parts:
        _check_settings(folder, "parts", owner.settings, settings)
    return owner


def _check_settings(folder: Path, held: str, made_with: Settings | None, settings: Settings) -> None:
    if made_with is None:  # by an earlier version, which noted less
        finished = read_manifest(folder)
        made_with = settings.model_copy(
            update={
                "sample_rate": finished.sample_rate,
                "hop_length": finished.hop_length,
                "store": finished.store,
            }
        )
    for what, unit, option in (
        ("sample_rate", " Hz", "--sample-rate"),
        ("hop_length", "", ""),
        ("tracker", "", "--tracker"),
        ("store", "", "--store"),
    ):
        before, now = getattr(made_with, what), getattr(settings, what)
        if before != now:
            raise InputError(
                f"{folder} holds {held} with the {what.replace('_', ' ')} {before}{unit}, and "
                f"{now}{unit} is asked for; ask for {before}{unit}{option and f' ({option} {before})'} to go "
                "on with it, name another folder, or delete this one."
            )


def remove_unused(folder: Path, keys: set[str]) -> None:
    """Delete the shards and records of files that are no longer in the dataset."""
    for place in (folder / SHARDS, folder / RECORDS):
        for path in place.glob("*"):
            if re.match(r"[0-9a-f]{16}", path.name) and path.name[:16] not in keys:
                path.unlink()
