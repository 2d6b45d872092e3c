"""A dataset: recordings with their features in three parts, from a folder or from arrays."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from oscine.analysis import VOICED, Features
from oscine.audio import Rate
from oscine.data.arrays import TakeArrays, dataset_rate, gather_takes
from oscine.data.held_out import FrameRange, Take, split_held_out, split_validation
from oscine.data.manifest import MANIFEST, Recording, Span, identity_of, read_manifest
from oscine.data.segment import ArrayPart, Segment, ShardPart
from oscine.data.split import Split
from oscine.data.statistics import MEASURED, Statistics, measure_statistics, with_identities
from oscine.data.verification import Verify, verify_shards
from oscine.files import printable, sha256


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


def _statistics(takes: list[TakeArrays], train: list[FrameRange], frame_rate: float) -> Statistics:
    def measure(parts: list[FrameRange]) -> Statistics:
        columns = [takes[part.take].columns(part.start, part.stop) for part in parts]
        names = (*MEASURED, *takes[0].curves)
        values = {name: np.concatenate([one[name] for one in columns]) for name in names}
        f0_hz, confidence, loudness_db = (values.pop(name) for name in MEASURED)
        return measure_statistics(f0_hz, confidence, loudness_db, frame_rate, VOICED, curves=values)

    return with_identities(train, lambda part: identity_of(takes[part.take].name), measure)
