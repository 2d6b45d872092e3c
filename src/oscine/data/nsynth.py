"""NSynth, and sets in its format: single notes of many instruments, instruments held out."""

import hashlib
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from oscine.analysis import TRACKERS
from oscine.cluster import Cluster
from oscine.data.plan import Progress
from oscine.data.prepare import PrepareReport, prepare
from oscine.data.shard import Store
from oscine.errors import InputError
from oscine.explain import explain
from oscine.files import read_json
from oscine.plural import counted

_EXAMPLES, _AUDIO = "examples.json", "audio"
_TRAIN, _HELD_OUT = "nsynth-train", ("nsynth-test", "nsynth-valid")
#: The selection of the paper.
_SOURCES, _PITCH = ("acoustic",), (24, 84)
_HELD_OUT_SHARE, _VALIDATION_SHARE = 0.2, 0.1
#: Of the whole of NSynth it has 213 MB.
_MOST_EXAMPLES_BYTES = 1 << 30
#: The name of a file in `audio`, which is the only folder that is looked into.
_NOTE_NAME = re.compile(r"[^/\\\0]{1,200}")


class _Example(BaseModel):
    """The used fields of an entry of ``examples.json``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    instrument_str: str
    instrument_family_str: str
    instrument_source_str: str
    pitch: int


class _Examples(RootModel[dict[str, _Example]]):
    """The used part of ``examples.json``."""


class _Note(NamedTuple):
    """One note: the path of its file relative to the set's folder, its part's name, its entry."""

    path: str
    part: str
    example: _Example


def is_nsynth(folder: str | Path) -> bool:
    """Return whether a folder holds NSynth, a part of it, or a set in its format."""
    return bool(_parts(Path(folder)))


def prepare_nsynth(
    folder: str | Path,
    dataset_folder: str | Path,
    *,
    sources: Collection[str] = _SOURCES,
    pitch: tuple[int, int] = _PITCH,
    limit: int | None = None,
    sample_rate: int = 16_000,
    hop_length: int | None = None,
    tracker: str = TRACKERS[0],
    store: Store = "float32",
    strict: bool = False,
    n_workers: int | None = None,
    cluster: Cluster | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> PrepareReport:
    """Make a dataset of the notes of NSynth, or of a set in its format, with whole instruments held out.

    The held-out part is ``nsynth-test``, or ``nsynth-valid`` where there is no test part; both are apart from
    the training part in their instruments but not from each other, so ``nsynth-valid`` is left out beside a
    test part. With ``nsynth-train`` missing or alone, a fifth of the instruments there are is held out,
    spread over the families, always the same ones. A tenth of the other instruments is for validation, chosen
    in the same way. Everything else is as in ``prepare``: parallel, resumable, every note accounted for.

    Args:
        folder: Where the parts are, ``nsynth-train`` and so on, each with ``examples.json`` and ``audio``; or
            one part.
        dataset_folder: Where the dataset goes: a new or empty folder, or an earlier dataset.
        sources: Which notes are taken, of ``acoustic``, ``electronic``, ``synthetic``.
        pitch: Lowest and highest MIDI pitch that is taken.
        limit: At most so many notes, a fair sample of all; a smaller one is part of every larger one.
        sample_rate: Of the dataset, in Hz, 8000 … 192000.
        hop_length: Samples per frame; None: ``round(sample_rate / 250)``.
        tracker: The pitch tracker, one of ``analysis.TRACKERS``.
        store: How the audio is stored.
        strict: Stop at the first note that has to be rejected.
        n_workers: Processes; None: one for each core. 1 works in this process.
        cluster: Where the work is done, in place of processes here.
        on_progress: Called in this process at the start, and for every note when its verdict is known.

    Returns:
        The report of ``prepare``.

    Raises:
        InputError: When there is no ``examples.json`` or it cannot be used, notes that are in it have no
            file, nothing is left to train on or to hold out, or ``prepare`` refuses.
        OSError: When the disk refuses.

    Reference:
        Engel et al., "Neural Audio Synthesis of Musical Notes with WaveNet Autoencoders", 2017, the set;
        Engel et al., "DDSP: Differentiable Digital Signal Processing", 2020, the acoustic notes from 24 to
        84, of which that paper holds out a fifth.
    """
    folder = Path(folder)
    if limit is not None and limit < 2:
        raise InputError(f"{limit} notes cannot be split; take two at least, to train on and to hold out.")
    parts, notes = _notes(folder, sources, pitch)
    held_out = _held_out(notes, parts)
    # Of four instruments or fewer none can be spared; then notes are for validation.
    validation = _spread([note for note in notes if note.path not in held_out], _VALIDATION_SHARE)
    if limit is not None:
        notes = sorted(notes, key=lambda note: _shuffled(note.path))[:limit]
        held_out &= {note.path for note in notes}
        validation &= {note.path for note in notes}
    if not 0 < len(held_out) < len(notes):
        raise InputError(
            f"{folder} has {counted(len(notes) - len(held_out), 'note')} to train on and {len(held_out)} to "
            f"hold out that are {' or '.join(sources)} and from {pitch[0]} to {pitch[1]} in pitch; ask for "
            "more of them."
        )
    _check_files(folder, notes)
    n_rest = len(notes) - len(held_out)
    return prepare(
        folder,
        dataset_folder,
        sample_rate=sample_rate,
        hop_length=hop_length,
        held_out_names=held_out.__contains__,
        validation_names=validation.__contains__ if 0 < len(validation) < n_rest else None,
        accept={note.path for note in notes}.__contains__,
        tracker=tracker,
        store=store,
        strict=strict,
        n_workers=n_workers,
        cluster=cluster,
        on_progress=on_progress,
    )


def nsynth_notes(folder: str | Path) -> set[str]:
    """Return which files ``prepare_nsynth`` takes, by their path relative to the folder.

    Raises:
        InputError: When there is no ``examples.json`` or it cannot be used, or notes that are in it have no
            file.
        OSError: When it can't be read.
    """
    folder = Path(folder)
    _, notes = _notes(folder, _SOURCES, _PITCH)
    _check_files(folder, notes)
    return {note.path for note in notes}


def _notes(
    folder: Path, sources: Collection[str], pitch: tuple[int, int]
) -> tuple[dict[str, Path], list[_Note]]:
    """Return the parts of the set, and its notes of some sources and pitches."""
    parts = _parts(folder)
    if not parts:
        raise InputError(
            f"{folder} holds no NSynth ({_TRAIN}/{_EXAMPLES} is missing); give the folder with the parts."
        )
    lowest, highest = pitch
    return parts, [
        note
        for part, place in parts.items()
        for note in _read_part(folder, part, place)
        if note.example.instrument_source_str in sources and lowest <= note.example.pitch <= highest
    ]


def _parts(folder: Path) -> dict[str, Path]:
    """Return the folders of the parts that are used, by name."""
    if (folder / _EXAMPLES).is_file() and (folder / _AUDIO).is_dir():
        return {folder.resolve().name: folder}
    there = {name: folder / name for name in (_TRAIN, *_HELD_OUT) if (folder / name / _EXAMPLES).is_file()}
    if _TRAIN in there and len(there) > 2:
        del there[_HELD_OUT[1]]
    return there


def _read_part(folder: Path, part: str, place: Path) -> list[_Note]:
    path = place / _EXAMPLES
    try:
        examples = _Examples.model_validate(read_json(path, _MOST_EXAMPLES_BYTES)).root
    except ValidationError as error:
        raise InputError(f"{path} is not NSynth's: {explain(error, _Examples)}. Get it again.") from None
    wrong = next((name for name in examples if not _NOTE_NAME.fullmatch(name)), None)
    if wrong is not None:
        raise InputError(f"{path} is not NSynth's: {wrong[:80]!r} is not the name of a note. Get it again.")
    audio = (place / _AUDIO).relative_to(folder)
    return [_Note((audio / f"{name}.wav").as_posix(), part, example) for name, example in examples.items()]


def _held_out(notes: list[_Note], parts: dict[str, Path]) -> set[str]:
    """Return the paths of the notes to hold out."""
    if _TRAIN in parts and len(parts) > 1:
        return {note.path for note in notes if note.part != _TRAIN}
    n_instruments = len({note.example.instrument_str for note in notes})
    return _spread(notes, max(_HELD_OUT_SHARE, 1 / n_instruments)) if n_instruments > 1 else set()


def _spread(notes: list[_Note], share: float) -> set[str]:
    """Return the paths of the notes of a share of the instruments, spread over the families."""
    families = {note.example.instrument_str: note.example.instrument_family_str for note in notes}
    order = sorted(families, key=lambda name: (families[name], _shuffled(name)))
    count = round(share * len(order))
    chosen = {order[int((step + 0.5) * len(order) / count)] for step in range(count)}
    return {note.path for note in notes if note.example.instrument_str in chosen}


def _shuffled(name: str) -> bytes:
    """Return a key that sorts names in a random order, the same one everywhere."""
    return hashlib.sha256(name.encode()).digest()


def _check_files(folder: Path, notes: list[_Note]) -> None:
    missing = sorted(note.path for note in notes if not (folder / note.path).is_file())
    if missing:
        raise InputError(
            f"Files of notes are missing in {folder}: {len(missing)} of {len(notes)}, the first is "
            f"{missing[0]}; "
            "unpack the set again."
        )
