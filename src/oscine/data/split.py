"""One part of a dataset, which gives batches as a pure function of (seed, step)."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch

from oscine.analysis import VOICED
from oscine.data.batch import Batch
from oscine.data.segment import Segment
from oscine.data.statistics import LOUDNESS_FLOOR_DB
from oscine.data.transposition import source_frames, transposed
from oscine.errors import InputError
from oscine.plural import counted

#: A crop is drawn again when it has less sound than this share of its frames, but not for ever.
_LEAST_SOUND, _N_TRIES = 0.02, 8
#: Length, in crops, of the silence that is imagined before each segment. A crop whose middle is in it begins
#: with the segment: of notes of six crops' length, 31 % of the crops do.
_SILENT_CROPS = 2.0
#: From more frames than this, about a hundred hours, the loudest are estimated.
_MOST_MEASURED_FRAMES = 100_000_000
#: Voiced or not, what is within this of the loudest frames is sound.
_SOUND_RANGE_DB = 40.0


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
            **{name: stacked.pop(name) for name in ("audio", "f0_hz", "loudness_db", "confidence")},
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
