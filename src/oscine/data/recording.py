"""One source file to shards: judged, resampled, analysed and written, in bounded memory."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from safetensors.torch import save_file

from oscine.analysis import TRACKERS, VOICED, F0Curve, Features
from oscine.analysis.features import FEATURES
from oscine.analysis.pitch.known import with_known_pitch
from oscine.analysis.quality import assess, merge
from oscine.analysis.stretches import stretches
from oscine.audio import FileReport, probe, read_blocks
from oscine.data.curves import Curves, with_curves
from oscine.data.manifest import RECORDS, SHARDS, FileRecord, Recording, ScoreFile, Shard
from oscine.data.score import with_score
from oscine.data.shard import Store, stored_audio
from oscine.files import sha256, write_atomically


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
        tracker: The pitch tracker.
        store: How the audio is stored.
        f0_file: Where the pitch stands instead, if it does.
        curves_file: Where the recording's further curves stand, if it has any.
        score_file: The MIDI file with its notes, if there is one.
    """

    source: Path
    name: str
    source_sha256: str
    key: str
    folder: Path
    sample_rate: int
    hop_length: int
    tracker: str = TRACKERS[0]
    store: Store = "float32"
    f0_file: Path | None = None
    curves_file: Path | None = None
    score_file: Path | None = None


def record_path(folder: Path, key: str) -> Path:
    """Return where a finished file's record lies."""
    return folder / RECORDS / f"{key}.json"


def finished_record(job: Job) -> FileRecord | None:
    """Return the record that an earlier run left for a job, if all its shards are as they were written.

    It has the name under which the file was then.
    """
    path = record_path(job.folder, job.key)
    if not path.is_file():
        return None
    try:
        record = FileRecord.model_validate_json(path.read_bytes())
    except ValueError:  # written by another version
        return None
    shards = record.recording.shards if record.recording else []
    for shard in shards:
        if not _is_as_written(job.folder / shard.file, shard.sha256):
            return None
    score = record.recording.score if record.recording else None
    if score is not None and not _is_as_written(job.folder / score.file, score.sha256):
        return None
    return record


def _is_as_written(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def record_file(job: Job) -> FileRecord:
    """Judge a file and, unless it is rejected, write its shards, then its record; return the record.

    Memory: one shard (24 MB at most), a copy of it while it is written, and what the analysis holds.

    Raises:
        OSError: When the disk refuses.
    """
    report = probe(job.source).model_copy(update={"path": job.name})
    report, pitch = with_known_pitch(report, job.f0_file)
    report, curves = with_curves(report, job.curves_file)
    report = with_score(report, job.score_file)
    recording = None
    if report.verdict != "rejected":
        recording = _take_in(job, report, pitch or job.tracker, curves)
    record = FileRecord(report=report, recording=recording)
    write_record(job, record)
    return record


def write_record(job: Job, record: FileRecord) -> None:
    """Write the record of a finished file.

    Raises:
        OSError: When the disk refuses.
    """
    write_atomically(record_path(job.folder, job.key), record.model_dump_json(indent=1))


def _take_in(job: Job, report: FileReport, tracker: str | F0Curve, curves: Curves | None) -> Recording:
    """Write a readable file's shards."""
    blocks = read_blocks(job.source, job.sample_rate, offset=report.offset)
    shards, qualities, pitches, n_frames = [], [], [], 0
    pieces = stretches(blocks, job.sample_rate, job.hop_length, tracker)
    for number, (audio, features) in enumerate(pieces):
        start, n_frames = n_frames, n_frames + features.n_frames
        own = curves.frames(start, n_frames, job.sample_rate, job.hop_length) if curves else {}
        shards.append(_write_shard(job, number, audio, features, own))
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
        curves=sorted(curves.values) if curves else [],
        score=_copy_score(job),
    )


def _copy_score(job: Job) -> ScoreFile | None:
    if job.score_file is None:
        return None
    file = f"{SHARDS}/{job.key}.mid"
    write_atomically(job.folder / file, job.score_file.read_bytes())
    return ScoreFile(file=file, sha256=sha256(job.folder / file))


def _write_shard(
    job: Job,
    number: int,
    audio: Float32[np.ndarray, " time"],
    features: Features,
    curves: dict[str, Float32[np.ndarray, " frame"]],
) -> Shard:
    file = f"{SHARDS}/{job.key}-{number:03d}.safetensors"
    path = job.folder / file
    stored, metadata = stored_audio(audio, job.store, job.sample_rate)
    tensors = {"audio": stored}
    tensors |= {name: getattr(features, name) for name in FEATURES}
    tensors |= {name: torch.from_numpy(values) for name, values in curves.items()}
    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata))
    return Shard(file=file, n_frames=features.n_frames, n_bytes=path.stat().st_size, sha256=sha256(path))
