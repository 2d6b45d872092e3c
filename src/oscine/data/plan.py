"""The recordings of a folder: which are finished, which are to do, which repeat another."""

import hashlib
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import oscine
from oscine.analysis import f0_file_beside
from oscine.audio.file import AUDIO_SUFFIXES, FileReport
from oscine.data.curves import curves_file_beside
from oscine.data.manifest import FORMAT, FileRecord
from oscine.data.recording import Job, finished_record, write_record
from oscine.data.score import score_file_beside
from oscine.data.workers import Workers
from oscine.data.workplace import Settings
from oscine.errors import InputError
from oscine.files import printable, resolved, sha256

#: The code that decides what a shard and its record contain.
_CONTENT_CODE = (
    *("audio/*.py", "analysis/**/*.py", "data/curves.py", "data/recording.py", "data/score.py"),
    *("data/shard.py", "functional/framing.py", "functional/loudness.py", "functional/runs.py"),
    *("functional/units.py", "weights/*.safetensors"),
)


class Progress(NamedTuple):
    """The progress of ``prepare``; sizes are those of the source files in bytes."""

    report: FileReport | None
    done_files: int
    n_files: int
    done_bytes: int
    n_bytes: int


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
    seen = {resolved(dataset_folder)}
    for place, folders, files in os.walk(folder, followlinks=True):
        real = resolved(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
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


def is_in_part(name: str, part: int, n_parts: int) -> bool:
    """Return whether a recording belongs to part ``part`` of ``n_parts``, 1 being the first.

    Its name alone decides, so a recording that is added later moves no other one to another part.
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % n_parts == part - 1


def code_fingerprint() -> str:
    """Return a hash of all that decides the content of a shard: a changed analysis does its work again."""
    digest = hashlib.sha256(FORMAT.encode())
    for package in ("swift-f0", "soxr", "soundfile"):
        digest.update(f"{package} {version(package)}".encode())
    package = Path(oscine.__file__).parent
    for pattern in _CONTENT_CODE:
        for path in sorted(package.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _files_beside(source: Path) -> tuple[Path | None, Path | None, Path | None]:
    """Return the files of a recording's pitch, of its further curves and of its notes."""
    return f0_file_beside(source), curves_file_beside(source), score_file_beside(source)


class Source(NamedTuple):
    """A file that is to be looked at."""

    path: Path
    name: str
    folder: Path
    settings: Settings
    code: str


class Found(NamedTuple):
    """The result of a look at a file: its job, and the record if nothing is left to do."""

    n_bytes: int
    job: Job | None
    record: FileRecord | None


def look_at(source: Source) -> Found:
    """Return what a file is: its content is hashed, and the shards that an earlier run made of it."""
    path, beside = source.path, _files_beside(source.path)
    try:
        if not path.is_file():  # reading a pipe or a device would never end
            return Found(0, None, _rejected(source.name, "it is not a regular file"))
        content, n_bytes = sha256(path), path.stat().st_size
        known = "".join(f" {printable(file.name)} {sha256(file)}" for file in beside if file)
    except OSError as error:
        return Found(0, None, _rejected(source.name, f"it cannot be read ({error.strerror})"))
    made_with = " ".join(str(value) for value in source.settings.model_dump().values())
    key = hashlib.sha256(f"{content} {source.code} {made_with}{known}".encode()).hexdigest()[:16]
    chosen = source.settings
    job = Job(
        path,
        source.name,
        content,
        key,
        source.folder,
        chosen.sample_rate,
        chosen.hop_length,
        chosen.tracker,
        chosen.store,
        *beside,
    )
    return Found(n_bytes, job, finished_record(job))


class Plan:
    """The files of a folder: which are done, which are to do, which repeat another.

    Args:
        folder: The recordings'.
        sources: Which files, in sorted order.
        dataset_folder: Where shards and records go.
        settings: Their settings.
        workers: Who does it.

    Attributes:
        keys: The names of shards and records of this plan.
        n_reused: Files that an earlier run had finished.
    """

    def __init__(
        self, folder: Path, sources: list[Path], dataset_folder: Path, settings: Settings, workers: Workers
    ) -> None:
        self._workers = workers
        self._names = [printable(source.relative_to(folder).as_posix()) for source in sources]
        code = code_fingerprint()
        # Absolute, because another machine has another working folder.
        looks = [
            Source(path.absolute(), name, dataset_folder.absolute(), settings, code)
            for path, name in zip(sources, self._names, strict=True)
        ]
        found = dict(zip(self._names, workers.map(look_at, looks), strict=True))
        self._sizes = {name: found[name].n_bytes for name in self._names}
        self._records: dict[str, FileRecord] = {}
        self._jobs: list[Job] = []
        self._twins: dict[str, str] = {}
        self.keys: set[str] = set()
        first_with: dict[str, str] = {}
        for name in self._names:
            _, job, record = found[name]
            if job is not None and job.source_sha256 in first_with:
                self._twins[name] = first_with[job.source_sha256]
                continue
            if job is not None:
                first_with[job.source_sha256] = name
                self.keys.add(job.key)
            if record is not None:
                self._records[name] = record if job is None else _under_its_name(job, record)
            elif job is not None:
                self._jobs.append(job)
        self.n_reused = len(first_with) - len(self._jobs)

    def run(self, strict: bool, on_progress: Callable[[Progress], None] | None) -> None:
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
        running = self._workers.run(self._jobs)
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


def _under_its_name(job: Job, record: FileRecord) -> FileRecord:
    """Return a record under the name of a job; what another part made of a twin has the twin's."""
    if record.report.path == job.name:
        return record
    recording = record.recording and record.recording.model_copy(update={"name": job.name})
    record = FileRecord(report=record.report.model_copy(update={"path": job.name}), recording=recording)
    write_record(job, record)
    return record


def _rejected(name: str, reason: str) -> FileRecord:
    return FileRecord(report=FileReport(path=name, verdict="rejected", reasons=[reason]), recording=None)


def _refuse_if(strict: bool, report: FileReport) -> None:
    if strict and report.verdict == "rejected":
        raise InputError(
            f"{report.path} was rejected ({'; '.join(report.reasons)}); "
            "remove or repair it, or do not be strict."
        )
