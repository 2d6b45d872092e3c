"""A folder of recordings to a dataset: parallel, resumable, every file accounted for."""

import hashlib
import math
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

import oscine
from oscine.analysis import TRACKERS, VOICED, f0_file_beside
from oscine.analysis.advice import LEAST_VOICED_S
from oscine.analysis.pitch.trackers import tracker_named
from oscine.analysis.quality import Quality, merge
from oscine.audio.file import AUDIO_SUFFIXES, FileReport
from oscine.data.curves import common_curves, curves_file_beside
from oscine.data.manifest import FORMAT, MANIFEST, FileRecord, Manifest, Recording, Span, identity_of
from oscine.data.parts import n_frames_of, parts_of
from oscine.data.recording import Job, finished_record
from oscine.data.score import score_file_beside
from oscine.data.segment import ShardPart
from oscine.data.statistics import Statistics, measure_statistics
from oscine.data.workers import run_jobs
from oscine.data.workplace import Settings, remove_unused, workplace
from oscine.errors import InputError
from oscine.files import printable, sha256, write_atomically
from oscine.plural import counted

#: Statistics are of every frame up to this many; longer sets are sampled evenly.
_STATISTICS_FRAMES = 4_000_000
#: Less sound than this cannot be learned where no pitch is asked for.
_LEAST_SOUNDING_S = 5.0
#: What they are of, beside the dataset's own curves.
_MEASURED = ("f0_hz", "confidence", "loudness_db")
#: The code that decides what a shard and its record contain.
_CONTENT_CODE = (
    *("audio/*.py", "analysis/**/*.py", "data/curves.py", "data/recording.py", "data/score.py"),
    *("functional/framing.py", "functional/loudness.py", "functional/runs.py", "functional/units.py"),
    "weights/*.safetensors",
)


class PrepareReport(BaseModel):
    """What ``prepare`` did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field(description="the folder")
    sample_rate: int
    hop_length: int
    files: list[FileReport] = Field(description="every audio file that was found, in sorted order")
    other_files: int = Field(description="files beside them that are no audio by their name")
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


class Progress(NamedTuple):
    """How far ``prepare`` is; sizes are those of the source files in bytes."""

    report: FileReport | None
    done_files: int
    n_files: int
    done_bytes: int
    n_bytes: int


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
    unpitched: bool = False,
    strict: bool = False,
    n_workers: int | None = None,
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
        tracker: What finds the pitch, one of ``analysis.TRACKERS``.
        unpitched: The recordings are textures or hits: 5 s of sound are enough, with a pitch or without.
        strict: Stop at the first file that has to be rejected.
        n_workers: Processes; None: one for each core. 1 works in this process.
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
    if held_out_s is not None and not 0 < held_out_s < math.inf:
        raise InputError(f"{held_out_s:g} s cannot be held out; give a positive number of seconds.")
    if held_out_s is not None and held_out_names is not None:
        raise InputError("What is held out is given by its seconds or by its names; give one of the two.")
    tracker_named(tracker)  # or it would be missed only after all files were read
    if dataset_folder.resolve() == folder.resolve():
        raise InputError(f"{folder} holds the recordings themselves; name another folder for the dataset.")
    sources, other_files = find_recordings(folder, dataset_folder)
    if not sources:
        raise InputError(f"{folder} holds no audio file (wav, flac, ogg, mp3, aiff); check the path.")
    if accept is not None:
        sources = [source for source in sources if accept(source.relative_to(folder).as_posix())]
        if not sources:
            raise InputError(f"No audio file in {folder} is one of those asked for; ask for others.")
    source_name = printable(folder.resolve().name)
    with workplace(
        dataset_folder, source_name, Settings(sample_rate=sample_rate, hop_length=hop_length, tracker=tracker)
    ):
        plan = _Plan(folder, sources, dataset_folder, sample_rate, hop_length, tracker)
        plan.run(n_workers or os.cpu_count() or 1, strict, on_progress)
        recordings = [record.recording for record in plan.finished() if record.recording]
        curves = common_curves({recording.name: recording.curves for recording in recordings})
        frame_rate = sample_rate / hop_length
        has_notes = bool(recordings) and all(one.score for one in recordings)
        _require_enough(recordings, folder, unpitched or has_notes)
        train, validation, held_out = parts_of(
            recordings, frame_rate, held_out_s, held_out_names, validation_names
        )
        manifest = Manifest(
            source=source_name,
            sample_rate=sample_rate,
            hop_length=hop_length,
            files=[record.report for record in plan.finished()],
            other_files=other_files,
            recordings=recordings,
            train=train,
            held_out=held_out,
            validation=validation,
            statistics=_statistics(dataset_folder, train, frame_rate, curves),
            quality=merge([recording.quality for recording in recordings]),
            curves=curves,
        )
        write_atomically(dataset_folder / MANIFEST, manifest.model_dump_json(indent=1))
        remove_unused(dataset_folder, plan.keys)
    frame_s = hop_length / sample_rate
    return PrepareReport(
        dataset=str(dataset_folder),
        sample_rate=sample_rate,
        hop_length=hop_length,
        files=manifest.files,
        other_files=other_files,
        reused=plan.n_reused,
        train_s=n_frames_of(train) * frame_s,
        validation_s=n_frames_of(validation) * frame_s,
        held_out_s=n_frames_of(held_out) * frame_s,
        statistics=manifest.statistics,
        quality=manifest.quality,
        quality_by_file={recording.name: recording.quality for recording in manifest.recordings},
    )


def find_recordings(folder: Path, dataset_folder: Path) -> tuple[list[Path], int]:
    """Return the audio files below a folder, sorted by their path, and the number of other files.

    Links are followed, once each; hidden files and folders and the dataset itself are left out, and what
    is taken with a recording beside it, its pitch or its curves, is none of the others.

    Raises:
        InputError: When there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the folder that holds the recordings.")
    found: list[Path] = []
    n_other = 0
    seen = {dataset_folder.resolve()}
    for place, folders, files in os.walk(folder, followlinks=True):
        resolved = Path(place).resolve()
        if resolved in seen:
            folders.clear()
            continue
        seen.add(resolved)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if name.startswith("."):
                continue
            if Path(name).suffix.lower() in AUDIO_SUFFIXES:
                found.append(Path(place) / name)
            else:
                n_other += 1
    n_other -= len({file for path in found for file in _files_beside(path) if file})
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix()), n_other


def _files_beside(source: Path) -> tuple[Path | None, Path | None, Path | None]:
    """Return the files of a recording's pitch, of its further curves and of its notes."""
    return f0_file_beside(source), curves_file_beside(source), score_file_beside(source)


def _code_fingerprint() -> str:
    """Return a hash of all that decides the content of a shard: a changed analysis does its work again."""
    digest = hashlib.sha256(FORMAT.encode())
    for package in ("swift-f0", "soxr", "soundfile"):
        digest.update(f"{package} {version(package)}".encode())
    package = Path(oscine.__file__).parent
    for pattern in _CONTENT_CODE:
        for path in sorted(package.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


class _Plan:
    """The files of a folder: which are done, which are to do, which repeat another."""

    def __init__(
        self,
        folder: Path,
        sources: list[Path],
        dataset_folder: Path,
        sample_rate: int,
        hop_length: int,
        tracker: str,
    ) -> None:
        settings = f"{_code_fingerprint()} {sample_rate} {hop_length} {tracker}"
        self._names = [printable(source.relative_to(folder).as_posix()) for source in sources]
        self._sizes: dict[str, int] = {}
        self._records: dict[str, FileRecord] = {}
        self._jobs: list[Job] = []
        self._twins: dict[str, str] = {}
        self.keys: set[str] = set()
        first_with: dict[str, str] = {}
        for source, name in zip(sources, self._names, strict=True):
            beside, known = _files_beside(source), ""
            try:
                # Reading a pipe or a device would never end.
                content = sha256(source) if source.is_file() else None
                known = "".join(f" {printable(file.name)} {sha256(file)}" for file in beside if file)
                self._sizes[name] = source.stat().st_size if source.is_file() else 0
            except OSError as error:
                content, self._sizes[name] = None, 0
                self._records[name] = _rejected(name, f"it cannot be read ({error.strerror})")
            if content is None:
                self._records.setdefault(name, _rejected(name, "it is not a regular file"))
                continue
            if content in first_with:
                self._twins[name] = first_with[content]
                continue
            first_with[content] = name
            key = hashlib.sha256(f"{content} {settings}{known}".encode()).hexdigest()[:16]
            self.keys.add(key)
            job = Job(source, name, content, key, dataset_folder, sample_rate, hop_length, tracker, *beside)
            record = finished_record(job)
            if record is None:
                self._jobs.append(job)
            else:
                self._records[name] = record
        self.n_reused = len(first_with) - len(self._jobs)

    def run(self, n_workers: int, strict: bool, on_progress: Callable[[Progress], None] | None) -> None:
        """Do what is to do; see ``prepare`` for the arguments and what is raised."""
        n_bytes = sum(self._sizes.values())
        done_bytes = sum(self._sizes[name] for name in self._records)

        def tell(report: FileReport | None, n_new_bytes: int = 0) -> None:
            nonlocal done_bytes
            done_bytes += n_new_bytes
            if on_progress:
                on_progress(Progress(report, len(self._records), len(self._names), done_bytes, n_bytes))

        tell(None)
        for name in self._names:
            if name in self._records:
                tell(self._records[name].report)
                _refuse_if(strict, self._records[name].report)
        running = run_jobs(self._jobs, n_workers)
        for job, record in running:
            self._records[job.name] = record
            tell(record.report, self._sizes[job.name])
            if strict and record.report.verdict == "rejected":
                running.close()
            _refuse_if(strict, record.report)
        for name, original in self._twins.items():
            same = self._records[original].report
            reasons = (
                same.reasons
                if same.verdict == "rejected"
                else [f"it is the same as {original}, which is used"]
            )
            report = same.model_copy(update={"path": name, "verdict": "rejected", "reasons": reasons})
            self._records[name] = FileRecord(report=report, recording=None)
            tell(report, self._sizes[name])
            _refuse_if(strict, report)

    def finished(self) -> list[FileRecord]:
        """Return the records of all files in sorted order."""
        return [self._records[name] for name in self._names]


def _rejected(name: str, reason: str) -> FileRecord:
    return FileRecord(report=FileReport(path=name, verdict="rejected", reasons=[reason]), recording=None)


def _refuse_if(strict: bool, report: FileReport) -> None:
    if strict and report.verdict == "rejected":
        raise InputError(
            f"{report.path} was rejected ({'; '.join(report.reasons)}); "
            "remove or repair it, or do not be strict."
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
    n_frames = n_frames_of(train)
    stride = -(-n_frames // _STATISTICS_FRAMES)
    columns: dict[str, list[np.ndarray]] = {name: [] for name in (*_MEASURED, *curves)}
    for span in train:
        shard = ShardPart(folder, span, hop_length=1)  # no sound is read of it
        for name, parts in columns.items():
            parts.append(shard.read(name, 0, shard.n_frames)[::stride].copy())
    values = {name: np.concatenate(parts) for name, parts in columns.items()}
    f0_hz, confidence, loudness_db = (values.pop(name) for name in _MEASURED)
    minutes = n_frames / frame_rate / 60
    whole = measure_statistics(f0_hz, confidence, loudness_db, frame_rate, VOICED, minutes, curves=values)
    by_identity: dict[str, list[Span]] = {}
    for span in train:
        by_identity.setdefault(identity_of(span.name), []).append(span)
    if len(by_identity) == 1:
        return whole
    identities = {name: _statistics(folder, part, frame_rate, curves) for name, part in by_identity.items()}
    return whole.model_copy(update={"identities": identities})
