"""The records of a dataset: what is in which shard, which part is held out, what became of every file."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oscine.analysis.quality import Quality
from oscine.audio import FileReport
from oscine.data.statistics import Statistics
from oscine.errors import InputError

MANIFEST = "manifest.json"
SHARDS = "shards"
RECORDS = "records"
FORMAT = "oscine-dataset-1"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shard(_Record):
    """One safetensors file: audio and features of some minutes of one recording, whole frames."""

    file: str = Field(description="relative to the dataset's folder")
    n_frames: int = Field(ge=1)
    n_bytes: int = Field(ge=1)
    sha256: str


class Recording(_Record):
    """One file that was taken in, with its shards in order of time."""

    name: str = Field(description="relative to the folder that was prepared")
    source_sha256: str
    shards: list[Shard]
    quality: Quality
    pitch_midi_median: float = Field(description="over voiced frames; 0 where there is none")
    curves: list[str] = Field(default=[], description="names of its further curves, sorted")

    @property
    def n_frames(self) -> int:
        """Frames over all shards."""
        return sum(shard.n_frames for shard in self.shards)


class FileRecord(_Record):
    """What one worker leaves for one source file: enough to never do it again."""

    report: FileReport
    recording: Recording | None


class Span(_Record):
    """Frames ``start`` … ``stop`` (exclusive) of one shard."""

    name: str = Field(description="of the recording")
    file: str = Field(description="the shard")
    start: int = Field(ge=0)
    stop: int = Field(ge=1)


class Manifest(_Record):
    """``manifest.json``: everything about a dataset but the samples."""

    format: Literal["oscine-dataset-1"] = FORMAT
    source: str = Field(description="name of the folder that was prepared")
    sample_rate: int = Field(ge=1)
    hop_length: int = Field(ge=1)
    files: list[FileReport] = Field(description="every audio file that was found, in sorted order")
    other_files: int = Field(ge=0, description="files beside them that are no audio by their name")
    recordings: list[Recording]
    train: list[Span]
    held_out: list[Span]
    statistics: Statistics = Field(description="of the training part")
    quality: Quality = Field(description="of all recordings together")
    curves: list[str] = Field(default=[], description="names of the further curves in every shard")


def voice_of(recording: str) -> str:
    """Return the folder that a recording is in, of those directly below the prepared one; "" for none."""
    folder, slash, _ = recording.partition("/")
    return folder if slash else ""


def read_manifest(folder: Path) -> Manifest:
    """Return a dataset's manifest.

    Raises:
        InputError: When the folder holds no finished dataset, or one that this version cannot read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{folder} holds no finished dataset ({MANIFEST} is missing); run oscine prepare.")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{path} cannot be used ({place}: {first['msg']}); prepare the dataset again."
        ) from None
