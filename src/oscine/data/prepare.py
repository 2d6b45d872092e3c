"""A folder of recordings to a dataset: parallel, resumable, every file accounted for."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from oscine.analysis import TRACKERS, VOICED
from oscine.analysis.advice import LEAST_VOICED_S
from oscine.analysis.pitch.trackers import tracker_named
from oscine.analysis.quality import Quality, merge
from oscine.arguments import checked
from oscine.audio.file import FileReport
from oscine.cluster import Cluster
from oscine.data.curves import common_curves
from oscine.data.manifest import MANIFEST, Manifest, Recording, Span, identity_of
from oscine.data.parts import n_frames_of, parts_of
from oscine.data.plan import Plan, Progress, find_recordings, is_in_part
from oscine.data.segment import ShardPart
from oscine.data.shard import Store, store_named
from oscine.data.statistics import MEASURED, Statistics, measure_statistics, with_identities
from oscine.data.workers import Workers
from oscine.data.workplace import Settings, remove_unused, workplace
from oscine.errors import InputError
from oscine.files import printable, resolved, write_atomically
from oscine.plural import counted

#: Statistics are of every frame up to this many; longer sets are sampled evenly.
_STATISTICS_FRAMES = 4_000_000
#: Less sound than this cannot be learned where no pitch is asked for.
_LEAST_SOUNDING_S = 5.0


class PrepareReport(BaseModel):
    """The report of ``prepare``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field(description="the folder")
    sample_rate: int
    hop_length: int
    files: list[FileReport] = Field(description="every audio file that was found, in sorted order")
    other_files: int = Field(description="files beside them that are not audio by their name")
    reused: int = Field(description="files that an earlier run had finished")
    train_s: float
    validation_s: float
    held_out_s: float
    statistics: Statistics
    quality: Quality
    quality_by_file: dict[str, Quality]

    def __str__(self) -> str:
        """Return a line in words."""
        verdicts = [report.verdict for report in self.files]
        told = ", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts))
        return (
            f"prepared {printable(self.dataset)}: {counted(len(verdicts), 'file')} ({told}), "
            f"{self.train_s / 60:.1f} minutes to train on, {self.validation_s:.1f} s to validate, "
            f"{self.held_out_s:.1f} s held out"
        )

    __repr__ = __str__


class PartReport(BaseModel):
    """The report of ``prepare_part``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field(description="the folder")
    part: int
    n_parts: int
    files: list[FileReport] = Field(description="every audio file of the part, in sorted order")
    n_files: int = Field(description="audio files of all parts together")
    reused: int = Field(description="files that an earlier run had finished")


@checked
def prepare(
    folder: str | Path,
    dataset_folder: str | Path,
    *,
    sample_rate: int = 44_100,
    hop_length: int | None = None,
    held_out_s: int | float | None = None,
    held_out_names: Callable[[str], bool] | None = None,
    validation_names: Callable[[str], bool] | None = None,
    accept: Callable[[str], bool] | None = None,
    tracker: str = TRACKERS[0],
    store: Store = "float32",
    unpitched: bool = False,
    strict: bool = False,
    n_workers: int | None = None,
    cluster: Cluster | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> PrepareReport:
    """Make a dataset of all recordings in a folder and the folders below it.

    Each file is judged (``probe``), brought to mono and the sample rate, analysed, and written as shards of
    at most ten minutes and 24 MB; no process needs more than about half a gigabyte, however long the files.
    A shard is named by a hash of its source's content and the settings, and is written once: interrupted at
    any moment and run again, ``prepare`` goes on where it was, does again only what changed, and ends with
    the same bytes as an unbroken run. The manifest is written last; until then an older dataset in the same
    folder stays valid.

    The held-out part is split off in time and shares no sound with the training part, as ``split_held_out``
    says: the last seconds of the last recording in sorted order, of each folder's where there are several,
    or, of many isolated notes, some whole ones spread over the folders and the pitches. Nothing is chosen by
    it: a validation part, half as long, is split off from the rest in the same way (``split_validation``),
    and training chooses its checkpoint by that. Two files of the same content are used once.

    Where a CSV file with the pitch lies beside a recording, ``NAME.f0.csv`` beside ``NAME.flac``, it takes
    the tracker's place (``analysis.read_f0``); a recording whose pitch file is broken, or covers another
    length by more than 0.1 s, is rejected. Further curves, of whatever was measured with the sound, stand in
    ``NAME.curves.csv`` (``data.read_curves``), for every recording the same ones. The notes of a recording,
    with several voices or with one, may stand in ``NAME.mid``; a recipe with ``notes`` learns from them.

    Args:
        folder: Where the recordings are, in wav, flac, ogg, mp3, aiff; sorted by path. Links are followed,
            hidden files are not taken.
        dataset_folder: Where the dataset goes: a new or empty folder, or an earlier dataset.
        sample_rate: Of the dataset, in Hz, 8000 … 192000.
        hop_length: Samples per frame; None: ``round(sample_rate / 250)``.
        held_out_s: Seconds to hold out; None: a tenth.
        held_out_names: Which recordings are held out instead, whole, by their path relative to the folder.
        validation_names: With these, which ones are for validation, whole; None: as above.
        accept: Which files to look at, by their path relative to the folder; the others might as well not be
            there. None: all.
        tracker: The pitch tracker, one of ``analysis.TRACKERS``.
        store: How the audio is stored: as ``float32``; in 16 bits, ``int16``, half as large; or as ``flac``,
            the same samples in about half of that, decoded when they are read.
        unpitched: The recordings are textures or hits: 5 s of sound are enough, with a pitch or without.
        strict: Stop at the first file that has to be rejected.
        n_workers: Processes; None: one for each core. 1 works in this process.
        cluster: Where the work is done (`oscine.cluster.connected`), in place of processes here; all its
            machines see both folders at the same paths.
        on_progress: Called in this process at the start, and for every file when its verdict is known.

    Returns:
        The report; the same figures are in ``manifest.json``.

    Raises:
        InputError: When there is no such folder, no usable file, too little sound, too much
            held out, nothing held out or all of it, a dataset folder that holds something else or that
            another run is writing to, a recording lacks a curve that another has, or, if ``strict``, a file
            has to be rejected.
        OSError: When the disk refuses.
    """
    _check_held_out(held_out_s, held_out_names)
    workers = Workers(n_workers, cluster)
    order = _order(folder, dataset_folder, sample_rate, hop_length, tracker, store, accept)
    dataset_folder, hop_length = order.dataset_folder, order.settings.hop_length
    with workplace(dataset_folder, order.source, order.settings):
        if cluster is not None:
            cluster.require_shared(dataset_folder, *order.sources[:1])
        plan = Plan(order.folder, order.sources, dataset_folder, order.settings, workers)
        plan.run(strict, on_progress)
        recordings = [record.recording for record in plan.finished() if record.recording]
        curves = common_curves({recording.name: recording.curves for recording in recordings})
        frame_rate = sample_rate / hop_length
        has_notes = bool(recordings) and all(one.score for one in recordings)
        _require_enough(recordings, order.folder, unpitched or has_notes)
        train, validation, held_out = parts_of(
            recordings, frame_rate, held_out_s, held_out_names, validation_names
        )
        manifest = Manifest(
            source=order.source,
            sample_rate=sample_rate,
            hop_length=hop_length,
            files=[record.report for record in plan.finished()],
            other_files=order.other_files,
            recordings=recordings,
            train=train,
            held_out=held_out,
            validation=validation,
            statistics=_statistics(dataset_folder, train, frame_rate, curves),
            quality=merge([recording.quality for recording in recordings]),
            curves=curves,
            store=store,
        )
        write_atomically(dataset_folder / MANIFEST, manifest.model_dump_json(indent=1))
        remove_unused(dataset_folder, plan.keys)
    frame_s = hop_length / sample_rate
    return PrepareReport(
        dataset=str(dataset_folder),
        sample_rate=sample_rate,
        hop_length=hop_length,
        files=manifest.files,
        other_files=order.other_files,
        reused=plan.n_reused,
        train_s=n_frames_of(train) * frame_s,
        validation_s=n_frames_of(validation) * frame_s,
        held_out_s=n_frames_of(held_out) * frame_s,
        statistics=manifest.statistics,
        quality=manifest.quality,
        quality_by_file={recording.name: recording.quality for recording in manifest.recordings},
    )


@checked
def prepare_part(
    folder: str | Path,
    dataset_folder: str | Path,
    part: int,
    n_parts: int,
    *,
    sample_rate: int = 44_100,
    hop_length: int | None = None,
    accept: Callable[[str], bool] | None = None,
    tracker: str = TRACKERS[0],
    store: Store = "float32",
    strict: bool = False,
    n_workers: int | None = None,
    cluster: Cluster | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> PartReport:
    """Prepare a share of the files; ``prepare`` then completes the dataset.

    Which files are in a part is decided by their names alone. Several machines may make their parts in one
    folder at the same time, where all see it; or each in a folder of its own, and these are copied into one
    another. When all parts are there, ``prepare`` with the same folders and settings writes the
    manifest; the dataset has the same bytes as one that was made at once.

    Args:
        folder: The recordings, as for ``prepare``.
        dataset_folder: Where the dataset goes.
        part: Which part, from 1.
        n_parts: Number of parts.
        sample_rate: See ``prepare``; so are the others.
        hop_length: Samples per frame.
        accept: Which files to look at.
        tracker: The pitch tracker.
        store: How the audio is stored.
        strict: Stop at the first file that has to be rejected.
        n_workers: Processes.
        cluster: Where the work is done.
        on_progress: Called for every file.

    Raises:
        InputError: When there is no such part or folder, no audio file, the dataset folder holds something
            else, somebody else makes this part or the whole, or, if ``strict``, a file has to be rejected.
        OSError: When the disk refuses.
    """
    if not 1 <= part <= n_parts:
        raise InputError(f"There is no part {part} of {n_parts}; give one from 1 to {max(1, n_parts)}.")
    workers = Workers(n_workers, cluster)
    order = _order(folder, dataset_folder, sample_rate, hop_length, tracker, store, accept)
    with workplace(order.dataset_folder, order.source, order.settings, f"{part}-of-{n_parts}"):
        sources = [
            source
            for source in order.sources
            if is_in_part(printable(source.relative_to(order.folder).as_posix()), part, n_parts)
        ]
        if cluster is not None:
            cluster.require_shared(order.dataset_folder, *sources[:1])
        plan = Plan(order.folder, sources, order.dataset_folder, order.settings, workers)
        plan.run(strict, on_progress)
    return PartReport(
        dataset=str(order.dataset_folder),
        part=part,
        n_parts=n_parts,
        files=[record.report for record in plan.finished()],
        n_files=len(order.sources),
        reused=plan.n_reused,
    )


class _Order(NamedTuple):
    """The checked files to prepare."""

    folder: Path
    dataset_folder: Path
    sources: list[Path]
    other_files: int
    source: str
    settings: Settings


def _order(
    folder: str | Path,
    dataset_folder: str | Path,
    sample_rate: int,
    hop_length: int | None,
    tracker: str,
    store: str,
    accept: Callable[[str], bool] | None,
) -> _Order:
    """Return what is asked for; see ``prepare`` for the arguments and what is raised."""
    folder, dataset_folder = Path(folder), Path(dataset_folder)
    if not 8_000 <= sample_rate <= 192_000:
        raise InputError(
            f"A sample rate of {sample_rate} Hz is not possible; choose one from 8000 to 192000."
        )
    hop_length = round(sample_rate / 250) if hop_length is None else hop_length
    if not 1 <= hop_length <= sample_rate // 20:
        raise InputError(
            f"A hop length of {hop_length} is not possible; choose one from 1 to {sample_rate // 20}."
        )
    tracker_named(tracker)  # or it would be missed only after all files were read
    if resolved(dataset_folder) == resolved(folder):
        raise InputError(f"{folder} holds the recordings themselves; name another folder for the dataset.")
    sources, other_files = find_recordings(folder, dataset_folder)
    if not sources:
        raise InputError(f"{folder} holds no audio file (wav, flac, ogg, mp3, aiff); check the path.")
    if accept is not None:
        sources = [source for source in sources if accept(source.relative_to(folder).as_posix())]
        if not sources:
            raise InputError(f"No audio file in {folder} is one of those asked for; ask for others.")
    settings = Settings(
        sample_rate=sample_rate, hop_length=hop_length, tracker=tracker, store=store_named(store)
    )
    return _Order(folder, dataset_folder, sources, other_files, printable(resolved(folder).name), settings)


def _check_held_out(held_out_s: int | float | None, held_out_names: Callable[[str], bool] | None) -> None:
    if held_out_s is not None and not 0 < held_out_s < math.inf:
        raise InputError(f"{held_out_s:g} s cannot be held out; give a positive number of seconds.")
    if held_out_s is not None and held_out_names is not None:
        raise InputError(
            "The held-out part is given both by its seconds and by its names; give one of the two."
        )


def _require_enough(recordings: list[Recording], folder: Path, unpitched: bool) -> None:
    if unpitched:
        sounding_s = sum(recording.quality.evidence.sounding_s for recording in recordings)
        if sounding_s < _LEAST_SOUNDING_S:
            raise InputError(
                f"{folder} holds {_below(sounding_s, _LEAST_SOUNDING_S)} s of sound, and less than "
                f"{_LEAST_SOUNDING_S:.0f} s cannot be learned; record more."
            )
        return
    voiced_s = sum(recording.quality.evidence.voiced_s for recording in recordings)
    if voiced_s < LEAST_VOICED_S:
        raise InputError(
            f"{folder} holds {_below(voiced_s, LEAST_VOICED_S)} s of sound with a pitch, and less than "
            f"{LEAST_VOICED_S:.0f} s cannot be learned; record more, and see oscine analyze, or give "
            "--unpitched for a texture."
        )


def _below(value: int | float, limit: int | float) -> str:
    """Return a value that is below a limit with as few decimals as show it, one at least."""
    return next(text for text in (f"{value:.{digits}f}" for digits in range(1, 20)) if float(text) < limit)


def _statistics(folder: Path, train: list[Span], frame_rate: float, curves: list[str]) -> Statistics:
    def measure(spans: list[Span]) -> Statistics:
        n_frames = n_frames_of(spans)
        stride = -(-n_frames // _STATISTICS_FRAMES)
        columns: dict[str, list[np.ndarray]] = {name: [] for name in (*MEASURED, *curves)}
        for span in spans:
            shard = ShardPart(folder, span, hop_length=1)  # no sound is read of it
            for name, parts in columns.items():
                parts.append(shard.read(name, 0, shard.n_frames)[::stride].copy())
        values = {name: np.concatenate(parts) for name, parts in columns.items()}
        f0_hz, confidence, loudness_db = (values.pop(name) for name in MEASURED)
        minutes = n_frames / frame_rate / 60
        return measure_statistics(f0_hz, confidence, loudness_db, frame_rate, VOICED, minutes, curves=values)

    return with_identities(train, lambda span: identity_of(span.name), measure)
