"""One source file to shards: judged, resampled, analysed and written, in bounded memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from safetensors.torch import save_file

from oscine.analysis import VOICED, Features, analyze_blocks
from oscine.data.audio_file import FileReport, probe, read_blocks
from oscine.data.manifest import FEATURES, RECORDS, SHARDS, FileRecord, Recording, Shard
from oscine.data.quality import assess, merge
from oscine.files import sha256, write_atomically

_SHARD_S = 600.0
#: 24 MB of float32: the cap on a shard, more than two minutes at 44.1 kHz.
_SHARD_SAMPLES = 6_000_000
#: The analysis is behind the sound by less than this: a beginning without pitch is held back for a minute.
_LAG_S = 120.0


class Job(NamedTuple):
    """One file to be done.

    Attributes:
        source: The file.
        name: Its name in the dataset.
        source_sha256: Of its bytes.
        key: Names its shards and its record: a hash of content and settings.
        folder: The dataset.
        sample_rate: Hz of the dataset.
        hop_length: Samples per frame.
    """

    source: Path
    name: str
    source_sha256: str
    key: str
    folder: Path
    sample_rate: int
    hop_length: int


def record_path(folder: Path, key: str) -> Path:
    """Return where a finished file's record lies."""
    return folder / RECORDS / f"{key}.json"


def finished_record(job: Job) -> FileRecord | None:
    """Return the record that an earlier run left for a job, if all its shards are as they were written."""
    path = record_path(job.folder, job.key)
    if not path.is_file():
        return None
    try:
        record = FileRecord.model_validate_json(path.read_bytes())
    except ValueError:  # written by another version
        return None
    shards = record.recording.shards if record.recording else []
    for shard in shards:
        shard_path = job.folder / shard.file
        if not shard_path.is_file() or sha256(shard_path) != shard.sha256:
            return None
    report = record.report.model_copy(update={"path": job.name})
    recording = record.recording and record.recording.model_copy(update={"name": job.name})
    return FileRecord(report=report, recording=recording)


def record_file(job: Job) -> FileRecord:
    """Judge a file and, unless it is rejected, write its shards, then its record; return the record.

    Memory: one shard (24 MB at most), a copy of it while it is written, and what the analysis holds.

    Raises:
        OSError: When the disk refuses.
    """
    report = probe(job.source).model_copy(update={"path": job.name})
    recording = None
    if report.verdict != "rejected":
        recording = _take_in(job, report)
    record = FileRecord(report=report, recording=recording)
    write_atomically(record_path(job.folder, job.key), record.model_dump_json(indent=1))
    return record


def _take_in(job: Job, report: FileReport) -> Recording:
    """Write a readable file's shards."""
    blocks = read_blocks(job.source, job.sample_rate, offset=report.offset)
    shards, qualities, pitches = [], [], []
    for number, (audio, features) in enumerate(_stretches(blocks, job.sample_rate, job.hop_length)):
        shards.append(_write_shard(job, number, audio, features))
        qualities.append(assess(features, audio, job.sample_rate))
        pitches.append(features.midi[features.confidence >= VOICED].numpy())
        del audio, features  # or they would stay until the next shard's are there
    voiced_midi = np.concatenate(pitches)
    return Recording(
        name=job.name,
        source_sha256=job.source_sha256,
        shards=shards,
        quality=merge(qualities, report.clipped_s),
        pitch_midi_median=round(float(np.median(voiced_midi)), 3) if len(voiced_midi) else 0.0,
    )


def _stretches(
    blocks: Iterator[Float32[np.ndarray, " time"]], sample_rate: int, hop_length: int
) -> Iterator[tuple[Float32[np.ndarray, " time"], Features]]:
    """Yield what goes into each shard: whole frames of sound and the features of the same frames."""
    longest = max(1, min(round(_SHARD_S * sample_rate), _SHARD_SAMPLES) // hop_length)
    n_room = longest + round(_LAG_S * sample_rate / hop_length)
    sound = _Shelf(n_room * hop_length)
    columns = {name: _Shelf(n_room) for name in FEATURES}

    def taken(n_frames: int) -> tuple[np.ndarray, Features]:
        audio = sound.take(n_frames * hop_length)
        if len(audio) < n_frames * hop_length:  # the last frame of a file is filled up with silence
            audio = np.pad(audio, (0, n_frames * hop_length - len(audio)))
        values = {name: torch.from_numpy(column.take(n_frames)) for name, column in columns.items()}
        return audio, Features(**values, sample_rate=sample_rate, hop_length=hop_length)

    for features in analyze_blocks(sound.passing(blocks), sample_rate, hop_length):
        for name, column in columns.items():
            column.put(getattr(features, name).numpy())
        while columns["f0_hz"].n_values >= longest:
            yield taken(longest)
    if columns["f0_hz"].n_values:
        yield taken(columns["f0_hz"].n_values)


class _Shelf:
    """Values waiting for their shard, in memory that is set aside once.

    Kept as they come, thousands of pieces would lie between the large temporary arrays of the analysis and
    keep the freed ones from being used again: 970 MB instead of 560 for a shard of ten minutes.
    """

    def __init__(self, n_room: int) -> None:
        self._values = np.empty(n_room, np.float32)
        self.n_values = 0

    def put(self, values: Float32[np.ndarray, " value"]) -> None:
        """Add the newest values."""
        stop = self.n_values + len(values)
        if stop > len(self._values):
            self._values = np.concatenate([self._values, np.empty(stop, np.float32)])
        self._values[self.n_values : stop] = values
        self.n_values = stop

    def take(self, n_values: int) -> Float32[np.ndarray, " value"]:
        """Return and forget the oldest values, fewer when fewer are there."""
        values = self._values[: min(n_values, self.n_values)].copy()
        self.n_values -= len(values)
        self._values[: self.n_values] = self._values[len(values) : len(values) + self.n_values].copy()
        return values

    def passing(
        self, blocks: Iterator[Float32[np.ndarray, " time"]]
    ) -> Iterator[Float32[np.ndarray, " time"]]:
        """Put and yield each block."""
        for block in blocks:
            self.put(block)
            yield block


def _write_shard(job: Job, number: int, audio: Float32[np.ndarray, " time"], features: Features) -> Shard:
    file = f"{SHARDS}/{job.key}-{number:03d}.safetensors"
    path = job.folder / file
    tensors = {"audio": torch.from_numpy(audio)}
    tensors |= {name: getattr(features, name) for name in FEATURES}
    write_atomically(path, lambda temporary: save_file(tensors, temporary))
    return Shard(file=file, n_frames=features.n_frames, n_bytes=path.stat().st_size, sha256=sha256(path))
