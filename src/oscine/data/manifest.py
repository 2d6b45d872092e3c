"""The records of a dataset: what is in which shard, the held-out part, the verdict on every file."""

import re
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from oscine.analysis.advice import LEAST_RINGING, REVERB_S
from oscine.analysis.features import FEATURES
from oscine.analysis.quality import Quality
from oscine.audio import FileReport
from oscine.data.curves import check_names
from oscine.data.held_out import NOTE_AT_MOST_S, are_notes
from oscine.data.shard import Store, check_columns
from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.explain import explain
from oscine.files import read_json

MANIFEST = "manifest.json"
SHARDS = "shards"
RECORDS = "records"
FORMAT = "oscine-dataset-1"


LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
_SCORE = re.compile(rf"{SHARDS}/[0-9a-f]{{16}}\.mid")
_SHARD = re.compile(rf"{SHARDS}/[0-9a-f]{{16}}-[0-9]{{3,9}}\.safetensors")
_MOST_FRAMES = 1 << 40
_MOST_BYTES = 1 << 30
_MOST_MANIFEST_BYTES = 1 << 30


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def longest_hop(sample_rate: int) -> int:
    """Return the largest hop length of a dataset: 20 frames a second."""
    return sample_rate // 20


class Shard(_Record):
    """One safetensors file: audio and features of some minutes of one recording, whole frames."""

    file: str = Field(description="relative to the dataset's folder")
    n_frames: int = Field(ge=1, le=_MOST_FRAMES)
    n_bytes: int = Field(ge=1, le=_MOST_BYTES)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @field_validator("file")
    @classmethod
    def _file_is_a_shard_of_the_dataset(cls, file: str) -> str:
        if not _SHARD.fullmatch(file):
            raise ValueError("it is not the name of a shard of this dataset")
        return file


class ScoreFile(_Record):
    """A copy of the MIDI file beside a recording."""

    file: str = Field(description="relative to the dataset's folder")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @field_validator("file")
    @classmethod
    def _file_is_of_the_dataset(cls, file: str) -> str:
        if not _SCORE.fullmatch(file):
            raise ValueError("it is not the name of a MIDI file of this dataset")
        return file


class Recording(_Record):
    """One file that was taken in, with its shards in order of time."""

    name: str = Field(description="relative to the folder that was prepared")
    source_sha256: str
    shards: list[Shard]
    quality: Quality
    pitch_midi_median: float = Field(description="over voiced frames; 0 where there is none")
    curves: list[str] = Field(default=[], description="names of its further curves, sorted")
    score: ScoreFile | None = Field(default=None, description="its notes, where they are known")

    @property
    def n_frames(self) -> int:
        """Frames over all shards."""
        return sum(shard.n_frames for shard in self.shards)


class FileRecord(_Record):
    """The record of one source file: with it, the file need not be processed again."""

    report: FileReport
    recording: Recording | None


class Span(_Record):
    """Frames ``start`` … ``stop`` (exclusive) of one shard."""

    name: str = Field(description="of the recording")
    file: str = Field(description="the shard")
    start: int = Field(ge=0, le=_MOST_FRAMES)
    stop: int = Field(ge=1, le=_MOST_FRAMES)


class Manifest(_Record):
    """``manifest.json``: everything about a dataset but the samples."""

    format: Literal["oscine-dataset-1"] = FORMAT
    source: str = Field(description="name of the folder that was prepared")
    sample_rate: int = Field(ge=LOWEST_RATE, le=HIGHEST_RATE)
    hop_length: int = Field(ge=1, le=longest_hop(HIGHEST_RATE))
    files: list[FileReport] = Field(description="every audio file that was found, in sorted order")
    other_files: int = Field(ge=0, description="files beside them that are not audio by their name")
    recordings: list[Recording]
    train: list[Span]
    held_out: list[Span]
    validation: list[Span] = Field(default=[], description="empty in datasets of older versions")
    statistics: Statistics = Field(description="of the training part")
    quality: Quality = Field(description="of all recordings together")
    curves: list[str] = Field(default=[], description="names of the further curves in every shard")
    store: Store = Field(default="float32", description="how the audio of the shards is stored")

    @property
    def is_dry(self) -> bool:
        """Whether there is no reverberation: the measured decays are short, or single notes show none."""
        reverb_s, n_ringing = self.quality.reverb_s, sum(self.quality.evidence.ringing.values())
        if reverb_s is not None and n_ringing >= LEAST_RINGING:
            return reverb_s < REVERB_S
        n_frames = [recording.n_frames for recording in self.recordings]
        return are_notes(n_frames, NOTE_AT_MOST_S * self.sample_rate / self.hop_length)

    @field_validator("curves")
    @classmethod
    def _curves_have_names(cls, curves: list[str]) -> list[str]:
        return check_names(curves)

    @model_validator(mode="after")
    def _parts_are_of_the_shards(self) -> "Manifest":
        if self.hop_length > longest_hop(self.sample_rate):
            raise ValueError(f"the hop length {self.hop_length} is too long for {self.sample_rate} Hz")
        if not self.train:
            raise ValueError("it has nothing to train on")
        n_frames: dict[tuple[str, str], int] = {}
        for recording in self.recordings:
            if not _is_inside(recording.name):
                raise ValueError(f"the recording {recording.name[:80]!r} is not below its folder")
            for shard in recording.shards:
                n_frames[recording.name, shard.file] = shard.n_frames
        by_file: dict[str, list[Span]] = {}
        for span in (*self.train, *self.validation, *self.held_out):
            if not span.start < span.stop <= n_frames.get((span.name, span.file), 0):
                raise ValueError(
                    f"frames {span.start} to {span.stop} of {span.file[:80]} are in no shard of "
                    f"{span.name[:80]!r}"
                )
            by_file.setdefault(span.file, []).append(span)
        for spans in by_file.values():
            spans.sort(key=lambda span: span.start)
            if any(after.start < before.stop for before, after in pairwise(spans)):
                raise ValueError(f"frames of {spans[0].file} are used twice")
        return self


def _is_inside(name: str) -> bool:
    """Return whether a recording's name is a path below the folder that was prepared."""
    path = PurePosixPath(name)
    return bool(name) and "\0" not in name and not path.is_absolute() and ".." not in path.parts


def identity_of(recording: str) -> str:
    """Return the folder that a recording is in, of those directly below the prepared one; "" for none."""
    folder, slash, _ = recording.partition("/")
    return folder if slash else ""


def read_manifest(folder: Path) -> Manifest:
    """Return a dataset's manifest.

    Raises:
        InputError: When the folder holds no finished dataset, or one that contradicts itself or that this
            version can't read.
        OSError: When it can't be read.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise InputError(f"{folder} holds no finished dataset ({MANIFEST} is missing); run oscine prepare.")
    remedy = f"Delete {folder} and prepare the dataset again."
    content = read_json(path, _MOST_MANIFEST_BYTES, remedy)
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path} can't be used: {explain(error, Manifest)}. {remedy}") from None


def check_shard(path: Path, shard: Shard, manifest: Manifest) -> None:
    """Refuse a shard whose columns are not as long as the manifest says.

    Raises:
        InputError: When a column is missing, or its length or type differs.
    """
    lengths = {"audio": shard.n_frames * manifest.hop_length}
    lengths |= dict.fromkeys((*FEATURES, *manifest.curves), shard.n_frames)
    check_columns(path, lengths, f"delete {path.parents[1]} and prepare the dataset again.")
