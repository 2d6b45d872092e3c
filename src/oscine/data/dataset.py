"""A dataset for training: segments, and batches as a pure function of (seed, step)."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from oscine.analysis import VOICED, Features
from oscine.audio import Rate
from oscine.data.arrays import TakeArrays, dataset_rate, gather_takes
from oscine.data.held_out import FrameRange, Take, split_held_out, split_validation
from oscine.data.manifest import MANIFEST, Recording, Span, identity_of, read_manifest
from oscine.data.segment import ArrayPart, Segment, ShardPart
from oscine.data.statistics import LOUDNESS_FLOOR_DB, Statistics, measure_statistics
from oscine.data.transposition import source_frames, transposed
from oscine.data.verification import Verify, verify_shards
from oscine.errors import InputError
from oscine.files import printable, sha256
from oscine.plural import counted

#: A crop is drawn again when it has less sound than this share of its frames, but not for ever.
_LEAST_SOUND, _N_TRIES = 0.02, 8
#: Length, in crops, of the silence that is imagined before each segment. A crop whose middle is in it begins
#: with the segment: of notes of six crops' length, 31 % of the crops do.
_SILENT_CROPS = 2.0
#: What statistics are of, beside the dataset's own curves.
_MEASURED = ("f0_hz", "confidence", "loudness_db")
#: From more frames than this, about a hundred hours, the loudest are estimated.
_MOST_MEASURED_FRAMES = 100_000_000
#: Voiced or not, what is within this of the loudest frames is sound.
_SOUND_RANGE_DB = 40.0


class Batch(NamedTuple):
    """Crops of one length from several places, with their features; dB, Hz, 0 … 1."""

    audio: Float[Tensor, "batch time"]
    f0_hz: Float[Tensor, "batch frame"]
    loudness_db: Float[Tensor, "batch frame"]
    confidence: Float[Tensor, "batch frame"]
    curves: dict[str, Tensor]
    """The dataset's own curves by name, (batch, frame) each."""
    identity: Int[Tensor, " batch"]
    """Which of the dataset's identities each crop is from."""
    voices: Float[Tensor, "batch frame voice 4"] | None = None
    """What each voice plays, where the notes were played: `oscine.data.score.VOICE_CURVES`."""

    def map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """Return a batch of what the function makes of each tensor."""
        audio, f0_hz, loudness_db, confidence, curves, identity, voices = self
        mapped = {name: function(curve) for name, curve in curves.items()}
        return Batch(
            function(audio),
            function(f0_hz),
            function(loudness_db),
            function(confidence),
            mapped,
            function(identity),
            None if voices is None else function(voices),
        )


class Split:
    """One part of a dataset, the training part or the held-out part.

    Attributes:
        segments: The uncut stretches it is made of, in the order of the recordings.
        n_frames: Frames over all segments.
        hop_length: Samples per frame.
    """

    def __init__(self, segments: Sequence[Segment], hop_length: int) -> None:
        self.segments = list(segments)
        self.n_frames = sum(segment.n_frames for segment in self.segments)
        self.hop_length = hop_length

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum([segment.n_frames for segment in self.segments])

    @cached_property
    def _sounding_db(self) -> float:
        """Loudness from which a frame has sound, voiced or not."""
        # Every frame up to a million, evenly spaced ones of more, and of hundreds of hours evenly spaced
        # segments: not all of them have to be read.
        every = max(1, self.n_frames // _MOST_MEASURED_FRAMES)
        loudness = [segment.slice("loudness_db", 0, segment.n_frames) for segment in self.segments[::every]]
        n_frames = sum(len(values) for values in loudness)
        sample = np.concatenate([values[:: max(1, n_frames // 1_000_000)] for values in loudness])
        return max(float(np.quantile(sample, 0.99)) - _SOUND_RANGE_DB, LOUDNESS_FLOOR_DB)

    def _n_sounding(self, segment: Segment, start: int, stop: int) -> int:
        """Return how many frames of a segment from ``start`` to before ``stop`` have sound."""
        is_loud = segment.slice("loudness_db", start, stop) > self._sounding_db
        return int((is_loud | (segment.slice("confidence", start, stop) >= VOICED)).sum())

    def _draw(self, random: np.random.Generator, n_frames: int) -> tuple[int, int]:
        """Return a segment's number and a start frame in it."""
        number = start = 0
        # Silence before each segment, from which crops are moved in: those begin with the first note.
        n_silent = round(_SILENT_CROPS * n_frames)
        ends = self._ends + n_silent * np.arange(1, len(self.segments) + 1)
        for _ in range(_N_TRIES):
            # A uniform frame is the crop's middle, so each second of sound is as likely as any other. Where
            # the crop would stick out of the segment it is moved in: of isolated notes, whose attacks would
            # otherwise be in hardly any crop, many begin with the note.
            frame = int(random.integers(ends[-1]))
            number = int(np.searchsorted(ends, frame, side="right"))
            segment = self.segments[number]
            length = segment.n_frames
            middle = frame - (int(ends[number]) - length)
            start = max(0, min(middle - n_frames // 2, length - n_frames))
            stop = min(start + n_frames, length)
            if self._n_sounding(segment, start, stop) >= _LEAST_SOUND * n_frames:
                break
        return number, start

    def batch(
        self,
        seed: int,
        step: int,
        batch_size: int,
        n_frames: int,
        n_before: int = 0,
        *,
        semitones: float = 0.0,
        crops: tuple[int, int] | None = None,
    ) -> Batch:
        """Return the batch of one training step: a pure function of the arguments and the dataset.

        Every frame of the split, and of a silence of two crops' length before each segment, is the middle of
        a crop as often as any other; a crop that would stick out of its segment is moved in. A crop that is
        nearly all silence teaches nothing and is drawn again, at most seven times. Before a segment and
        behind one that is shorter than the crop there is silence: audio 0, loudness −80 dB, confidence 0,
        its first or last pitch and curves held.

        Args:
            seed: Of the training run, 0 or more.
            step: Number of the training step, 0 or more.
            batch_size: Crops in the batch.
            n_frames: Frames of each crop.
            n_before: Frames in front of them, of what sounded before.
            semitones: Largest transposition of a crop, up or down.
            crops: Read only the crops from the first to before the second of these; None: all.

        Returns:
            Crops of ``n_before + n_frames`` frames.

        Raises:
            InputError: When the split is empty or a size is not positive.
        """
        if not self.segments or batch_size < 1 or n_frames < 1:
            raise InputError(
                f"A batch of {batch_size} × {n_frames} frames cannot be drawn from "
                f"{counted(len(self.segments), 'segment')}; prepare more, or ask for at least one "
                "crop of one frame."
            )
        random = np.random.Generator(np.random.Philox(key=[seed, step]))
        first, last = crops or (0, batch_size)
        read, identities = [], []
        for place in range(batch_size):
            ratio = 2.0 ** (random.uniform(-semitones, semitones) / 12) if semitones else 1.0
            n_source = source_frames(n_frames, ratio)
            number, start = self._draw(random, n_source)
            if not first <= place < last:
                continue  # drawn all the same: the next crop follows on it
            segment = self.segments[number]
            n_all = n_before + n_frames
            n_source_before = source_frames(n_all, ratio) - n_source
            crop = self._crop(segment, start, n_source, n_source_before)
            if ratio != 1.0:
                crop = transposed(crop, n_all, ratio, segment.sample_rate, self.hop_length)
            read.append(crop)
            identities.append(segment.identity)
        stacked = {name: torch.from_numpy(np.stack([crop[name] for crop in read])) for name in read[0]}
        return Batch(
            **{name: stacked.pop(name) for name in ("audio", *_MEASURED)},
            voices=stacked.pop("voices", None),
            curves=stacked,
            identity=torch.tensor(identities),
        )

    def _crop(self, segment: Segment, start: int, n_frames: int, n_before: int) -> dict[str, np.ndarray]:
        """Return audio and curves of frames ``start − n_before`` … ``start + n_frames − 1`` of a segment."""
        hop_length, n_all = self.hop_length, n_before + n_frames
        first, stop = max(start - n_before, 0), min(start + n_frames, segment.n_frames)
        # Where in the crop the segment begins and ends.
        i, j = n_before + first - start, n_before + stop - start
        audio = np.zeros(n_all * hop_length, np.float32)
        audio[i * hop_length : j * hop_length] = segment.slice("audio", first, stop)
        crop = {"audio": audio}
        for name, silent in (("loudness_db", LOUDNESS_FLOOR_DB), ("confidence", 0.0)):
            crop[name] = np.full(n_all, silent, np.float32)
            crop[name][i:j] = segment.slice(name, first, stop)
        for name in ("f0_hz", *segment.curves):
            values = np.empty(n_all, np.float32)
            values[i:j] = segment.slice(name, first, stop)
            values[:i], values[j:] = values[i], values[j - 1]
            crop[name] = values
        if segment.voices is not None:
            voices = np.pad(segment.voices[first:stop], ((i, n_all - j), (0, 0), (0, 0)), mode="edge")
            voices[:i, :, 2] = voices[j:, :, 2] = 0.0
            crop["voices"] = voices
        return crop


class Dataset:
    """Recordings with their features, in three parts: a folder that ``prepare`` made, or arrays.

    Attributes:
        name: What it is called in messages: the folder, or "the arrays".
        folder: Where it is; None for arrays.
        sample_rate: Hz.
        hop_length: Samples per frame.
        curves: Names of its own curves.
        identities: The folders of the recordings, sorted; one empty name where there are none.
        statistics: Pitch and loudness of the training part.
        fingerprint: Sha256 of all that it holds; a run is resumed with the same dataset only.
        train: The training part.
        validation: The part by which training chooses a checkpoint; the held-out part where a dataset has
            none of its own.
        held_out: The part that training never sees, to measure on.
        is_held_out_unseen: Whether the held-out part chooses no checkpoint: there is a validation part.
        is_dry: Whether the recordings have no reverberation; False of arrays, where it is unknown.
    """

    def __init__(
        self,
        *,
        name: str,
        sample_rate: int,
        hop_length: int,
        train: Sequence[Segment],
        held_out: Sequence[Segment],
        validation: Sequence[Segment] = (),
        statistics: Statistics,
        fingerprint: str,
        identities: Sequence[str] = ("",),
        curves: Sequence[str] = (),
        folder: Path | None = None,
        is_dry: bool = False,
    ) -> None:
        self.name = name
        self.folder = folder
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.curves = tuple(curves)
        self.identities = tuple(identities)
        self.statistics = statistics
        self.fingerprint = fingerprint
        self.is_dry = is_dry
        self.train = Split(train, hop_length)
        self.held_out = Split(held_out, hop_length)
        self.is_held_out_unseen = bool(validation)
        self.validation = Split(validation, hop_length) if validation else self.held_out

    def __repr__(self) -> str:
        """Return a line in words."""
        rate = self.sample_rate / self.hop_length
        minutes = (part.n_frames / rate / 60 for part in (self.train, self.validation, self.held_out))
        own = f", curves {', '.join(self.curves)}" if self.curves else ""
        who = f", {len(self.identities)} identities" if len(self.identities) > 1 else ""
        return (
            "{}: {:.1f} minutes to train on, {:.1f} to validate, {:.1f} held out".format(
                printable(self.name), *minutes
            )
            + f", {self.sample_rate / 1000:g} kHz, {self.statistics.range_words}{who}{own}"
        )

    @classmethod
    def open(cls, folder: str | Path, verify: Verify | bool | None = None) -> "Dataset":
        """Open a prepared dataset.

        Args:
            folder: What ``prepare`` wrote.
            verify: How the shards are compared with the manifest: ``"none"``, ``"sizes"``, or ``"all"``, each
                byte (True and False mean ``"all"`` and ``"sizes"``). None: ``"all"`` up to 4 GB, ``"sizes"``
                beyond.

        Raises:
            InputError: When there is no finished dataset, its manifest contradicts itself or the shards, a
                shard is missing, or a byte of one has changed.
            OSError: When a file can't be read.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        if isinstance(verify, bool):
            verify = "all" if verify else "sizes"
        verify_shards(folder, manifest, verify)
        rate, hop_length, curves = manifest.sample_rate, manifest.hop_length, manifest.curves
        identities = sorted({identity_of(recording.name) for recording in manifest.recordings})

        known = {recording.name: recording for recording in manifest.recordings}

        def segments(spans: list[Span]) -> list[Segment]:
            # The spans of one recording in one part follow each other without a cut.
            pieces = [list(group) for _, group in groupby(spans, key=lambda span: span.name)]
            return [
                Segment(
                    group[0].name,
                    [ShardPart(folder, span, hop_length) for span in group],
                    rate,
                    hop_length,
                    identities.index(identity_of(group[0].name)),
                    curves,
                    **_place(folder, known[group[0].name], group[0]),
                )
                for group in pieces
            ]

        return cls(
            name=str(folder),
            folder=folder,
            sample_rate=rate,
            hop_length=hop_length,
            train=segments(manifest.train),
            held_out=segments(manifest.held_out),
            validation=segments(manifest.validation),
            statistics=manifest.statistics,
            fingerprint=sha256(folder / MANIFEST),
            identities=identities,
            curves=curves,
            is_dry=manifest.is_dry,
        )

    @classmethod
    def from_arrays(
        cls,
        audio: Tensor | np.ndarray | Sequence[Tensor] | Sequence[np.ndarray],
        sample_rate: Rate,
        *,
        hop_length: int | None = None,
        features: Features | Sequence[Features] | None = None,
        curves: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        names: Sequence[str] | None = None,
        held_out_s: int | float | None = None,
    ) -> "Dataset":
        """Return a dataset of arrays, in memory.

        Args:
            audio: One recording, ``(time,)`` or ``(channel, time)``, floats in −1 … 1, or a list of them.
            sample_rate: In Hz, 8000 … 192000.
            hop_length: Samples per frame; the features', or ``round(sample_rate / 250)``.
            features: Of each recording, as `analyze` returns them; measured if left out.
            curves: Further curves of each recording by name, one value a frame.
            names: Of the recordings, distinct; ``flute/a`` is of the instrument ``flute``.
            held_out_s: Seconds to hold out, as `prepare` does; a tenth if left out. Half as much is kept for
                validation.

        Raises:
            InputError: When there is no sound, a value is not finite, lengths or rates do not fit, or too
                little is there to hold something out.

        Examples:
            >>> import torch
            >>> from oscine.data import Dataset
            >>> tone = 0.3 * torch.sin(440 * 2 * torch.pi * torch.arange(80_000) / 16_000)
            >>> dataset = Dataset.from_arrays(tone, 16_000, held_out_s=1.0)
            >>> dataset.train.batch(seed=0, step=0, batch_size=4, n_frames=250).audio.shape
            torch.Size([4, 16000])
        """
        sample_rate = dataset_rate(sample_rate)
        takes = gather_takes(audio, sample_rate, hop_length, features, curves, names)
        hop_length, own = takes[0].hop_length, takes[0].curves
        identities = sorted({identity_of(take.name) for take in takes})
        lengths = [Take(take.n_frames, take.pitch_midi, identity_of(take.name)) for take in takes]
        rest, held_out = split_held_out(lengths, sample_rate / hop_length, held_out_s)
        train, validation = split_validation(lengths, rest, held_out, sample_rate / hop_length)

        def segment(part: FrameRange) -> Segment:
            take = takes[part.take]
            columns = ArrayPart(take.columns(part.start, part.stop), part.stop - part.start)
            identity = identities.index(identity_of(take.name))
            return Segment(take.name, [columns], sample_rate, hop_length, identity, own)

        digest = hashlib.sha256(f"{sample_rate} {hop_length} {held_out_s} validation".encode())
        for take in takes:
            for content in take.content():
                digest.update(content)
        return cls(
            name="the arrays",
            sample_rate=sample_rate,
            hop_length=hop_length,
            train=[segment(part) for part in train],
            held_out=[segment(part) for part in held_out],
            validation=[segment(part) for part in validation],
            statistics=_statistics(takes, train, sample_rate / hop_length),
            fingerprint=digest.hexdigest(),
            identities=identities,
            curves=own,
        )


def _place(folder: Path, recording: Recording, span: Span) -> dict[str, Any]:
    """Return where in its recording a span begins, and the notes of that."""
    before = takewhile(lambda shard: shard.file != span.file, recording.shards)
    return {
        "score": None if recording.score is None else folder / recording.score.file,
        "first_frame": sum(shard.n_frames for shard in before) + span.start,
        "n_frames_of_recording": recording.n_frames,
    }


def _statistics(takes: list[TakeArrays], parts: list[FrameRange], frame_rate: float) -> Statistics:
    columns = [takes[part.take].columns(part.start, part.stop) for part in parts]
    f0_hz, confidence, loudness_db = (np.concatenate([one[name] for one in columns]) for name in _MEASURED)
    own = {name: np.concatenate([one[name] for one in columns]) for name in takes[0].curves}
    whole = measure_statistics(f0_hz, confidence, loudness_db, frame_rate, VOICED, curves=own)
    by_identity: dict[str, list[FrameRange]] = {}
    for part in parts:
        by_identity.setdefault(identity_of(takes[part.take].name), []).append(part)
    if len(by_identity) == 1:
        return whole
    return whole.model_copy(
        update={
            "identities": {
                identity: _statistics(takes, own, frame_rate) for identity, own in by_identity.items()
            }
        }
    )
