"""Many files in, as many out: which are read, and where each result goes."""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from oscine.audio.file import AUDIO_SUFFIXES
from oscine.audio.output import AUDIO_OUTPUTS
from oscine.errors import InputError
from oscine.files import is_folder, resolved


class Job(NamedTuple):
    """One file to read, and where its result goes."""

    source: Path
    output: Path


class Batch(NamedTuple):
    """What is to be done."""

    jobs: list[Job]
    into_folder: bool
    """Whether the output is a folder; else there is one job, and its output is the file that was named."""
    empty: list[Path]
    """The folders among the inputs that hold nothing to read."""


def plan_batch(
    inputs: Sequence[Path],
    output: Path,
    *,
    kinds: Collection[str] = AUDIO_SUFFIXES,
    endings: Sequence[str] = AUDIO_OUTPUTS,
    ending: str = ".wav",
    several: bool = False,
) -> Batch:
    """Return what is read, and where each result goes.

    The result of ``take.mp3`` goes to ``take.wav`` in the output folder; what lies in subfolders of an input
    folder goes to subfolders of the same names. Where two would have the same name, the second is called
    ``take-2.wav``. A file that is given twice is read once; hidden files in folders, and the output folder
    itself where it lies in an input folder, are left out.

    Args:
        inputs: Files, and folders that are searched for files.
        output: A file for one input, or a folder: one that exists, or a name without an ending.
        kinds: Endings of the files that are read in folders.
        endings: Endings of the files that can be written.
        ending: Of the files in an output folder.
        several: There are several, even if this is the only one.

    Raises:
        InputError: When several inputs have one file as output, or an output would replace an input.

    Examples:
        >>> plan_batch([Path("a.mp3"), Path("b/a.wav")], Path("out")).jobs[1].output.name
        'a-2.wav'
    """
    if not _is_folder(inputs, output, endings, several=several):
        return Batch([Job(inputs[0], output)], into_folder=False, empty=[])
    found: dict[Path, tuple[Path, Path]] = {}
    empty = []
    for path in inputs:
        inside = list(_inside(path, output, kinds)) if is_folder(path) else [(path, Path(path.name))]
        empty += [] if inside else [path]
        for source, name in inside:
            found.setdefault(resolved(source), (source, name))
    outputs = _distinct([name.with_suffix("") for _, name in found.values()], ending)
    jobs = [Job(source, output / name) for (source, _), name in zip(found.values(), outputs, strict=True)]
    for job in jobs:
        if resolved(job.output) in found:
            raise InputError(
                f"{job.output} is an input, and the output of {job.source} would replace it; give another "
                "folder."
            )
    return Batch(jobs, into_folder=True, empty=empty)


def _is_folder(inputs: Sequence[Path], output: Path, endings: Sequence[str], *, several: bool) -> bool:
    """Return whether an output is a folder.

    Raises:
        InputError: When it has to be one, and is not.
    """
    if output.is_dir():
        return True
    if len(inputs) == 1 and not is_folder(inputs[0]) and not several:
        is_a_name = bool(output.name) and not output.name.startswith((".", "-"))
        return is_a_name and not output.suffix and not output.exists()
    what = f"there are {len(inputs)} inputs" if len(inputs) > 1 else "the input is a folder"
    if output.exists() or output.suffix.lower() in {*endings, *AUDIO_SUFFIXES}:
        raise InputError(f"{output} is one file, and {what}; give a folder, such as {output.stem}.")
    return True


def _inside(folder: Path, output: Path, kinds: Collection[str]) -> Iterator[tuple[Path, Path]]:
    """Yield the files in a folder that can be read, and their names in it."""
    left_out = resolved(output)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in name.parts)
        if is_hidden or path.suffix.lower() not in kinds or path.is_dir():
            continue
        if left_out != resolved(folder) and resolved(path).is_relative_to(left_out):
            continue
        yield path, name


def _distinct(names: Sequence[Path], ending: str) -> list[Path]:
    """Return names with an ending, of which no two are alike on any system: the second one gets a number."""
    wanted = {_folded(name) for name in names}
    taken: set[str] = set()
    found = []
    for name in names:
        own, number = name, 2
        while _folded(own) in taken or (own != name and _folded(own) in wanted):
            own, number = name.with_name(f"{name.name}-{number}"), number + 1
        taken.add(_folded(own))
        found.append(own.with_name(f"{own.name}{ending}"))
    return found


def _folded(name: Path) -> str:
    """Return a name as a disk that does not tell capitals, or forms of a letter, apart knows it."""
    return unicodedata.normalize("NFC", name.as_posix()).casefold()
