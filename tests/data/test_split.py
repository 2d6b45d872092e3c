"""Batches are a pure function of seed and step, hold what is on disk, and never a held-out sample."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from oscine.analysis.features import FEATURES
from oscine.data import Dataset, Segment, Split
from oscine.data.manifest import Span
from oscine.data.segment import ShardPart
from oscine.data.statistics import LOUDNESS_FLOOR_DB
from oscine.errors import InputError

_any_fixture = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _find(split: Split, f0_hz: torch.Tensor, audio: torch.Tensor) -> list[tuple[str, int]]:
    """Return every place of the split in which this very crop is."""
    places = []
    for segment in split.segments:
        features, sound = segment.features(), segment.audio()
        windows = sound.unfold(0, len(audio), segment.hop_length)
        for start in torch.nonzero((windows == audio).all(1)).flatten().tolist():
            if torch.equal(features.f0_hz[start : start + len(f0_hz)], f0_hz):
                places.append((segment.name, start))
    return places


@_any_fixture
@given(
    seed=st.integers(0, 2**63 - 1),
    step=st.integers(0, 2**40),
    batch_size=st.integers(1, 4),
    n_frames=st.integers(1, 500),
)
def test_a_batch_is_a_pure_function_with_the_shapes_asked_for(
    dataset: Dataset, prepared: Path, seed: int, step: int, batch_size: int, n_frames: int
) -> None:
    batch = dataset.train.batch(seed, step, batch_size, n_frames)
    dataset.train.batch(seed + 1, step, 1, 7)  # no state is left between calls
    again = Dataset.open(prepared, verify=False).train.batch(seed, step, batch_size, n_frames)
    for one, other in zip((*batch[:4], batch.identity), (*again[:4], again.identity), strict=True):
        assert torch.equal(one, other)
    assert batch.audio.shape == (batch_size, n_frames * 64)
    assert batch.f0_hz.shape == batch.loudness_db.shape == batch.confidence.shape == (batch_size, n_frames)
    assert batch.audio.abs().max() <= 1
    assert batch.f0_hz.min() > 0
    assert batch.loudness_db.min() >= LOUDNESS_FLOOR_DB


@settings(_any_fixture, max_examples=8)
@given(step=st.integers(0, 10**9))
def test_a_crop_is_on_disk_in_its_own_part_and_not_in_the_other(dataset: Dataset, step: int) -> None:
    for part, other in ((dataset.train, dataset.held_out), (dataset.held_out, dataset.train)):
        batch = part.batch(3, step, 1, 125)
        assert _find(part, batch.f0_hz[0], batch.audio[0])
        assert not _find(other, batch.f0_hz[0], batch.audio[0])


def test_other_seeds_and_steps_give_other_crops(dataset: Dataset) -> None:
    crops = {
        dataset.train.batch(seed, step, 1, 10).audio.numpy().tobytes() for seed in (1, 2) for step in (3, 4)
    }
    assert len(crops) == 4


def test_every_second_of_sound_is_as_likely(dataset: Dataset) -> None:
    names = [segment.name for segment in dataset.train.segments]
    lengths = np.array([segment.n_frames for segment in dataset.train.segments])
    first = dataset.train.segments[0].audio().unfold(0, 640, 64)
    rows = torch.cat([dataset.train.batch(0, step, 20, 10).audio for step in range(20)])
    share = np.mean([bool((first == row).all(1).any()) for row in rows])
    assert names == ["a.wav", "b.flac"]
    # Binomial: 400 draws have a standard deviation of 2.3 %.
    assert share == pytest.approx(lengths[0] / lengths.sum(), abs=0.1)


def test_a_crop_longer_than_its_segment_ends_in_silence(dataset: Dataset) -> None:
    n_there = dataset.held_out.n_frames
    batch = dataset.held_out.batch(0, 0, 2, n_there + 100)
    assert torch.equal(batch.audio[0, : n_there * 64], dataset.held_out.segments[0].audio())
    assert batch.audio[:, n_there * 64 :].abs().max() == 0
    assert torch.all(batch.loudness_db[:, n_there:] == LOUDNESS_FLOOR_DB)
    assert torch.all(batch.confidence[:, n_there:] == 0)
    assert torch.all(batch.f0_hz[:, n_there:] == batch.f0_hz[:, n_there - 1 : n_there])


def test_what_sounded_before_a_crop_stands_before_it(dataset: Dataset) -> None:
    """And before the segment's first frame there is silence, with its first pitch."""
    split, at_start = dataset.held_out, 0
    sound, pitch = split.segments[0].audio(), split.segments[0].features().f0_hz
    for step in range(30):
        crop = split.batch(0, step, 1, 300)
        longer = split.batch(0, step, 1, 300, 100)
        assert longer.f0_hz.shape == (1, 400)
        assert torch.equal(longer.audio[:, 100 * 64 :], crop.audio)
        assert torch.equal(longer.f0_hz[:, 100:], crop.f0_hz)
        (start,) = [place for _, place in _find(split, crop.f0_hz[0], crop.audio[0])]
        n_silent = max(0, 100 - start)
        assert not longer.audio[:, : n_silent * 64].any()
        assert torch.all(longer.loudness_db[:, :n_silent] == LOUDNESS_FLOOR_DB)
        assert torch.all(longer.confidence[:, :n_silent] == 0)
        assert torch.all(longer.f0_hz[:, :n_silent] == pitch[0])
        assert torch.equal(
            longer.audio[0, n_silent * 64 : 100 * 64], sound[max(0, start - 100) * 64 : start * 64]
        )
        at_start += start == 0
    assert at_start > 0


def test_notes_are_heard_from_their_attack(tmp_path: Path) -> None:
    """Of notes shorter than the crop all is compared, whatever is played before; of longer ones all parts."""
    audio = np.arange(1, 81, dtype=np.float32)
    columns = {"audio": audio, **dict.fromkeys(FEATURES, np.ones(80, np.float32))}
    save_file(columns, tmp_path / "note")
    span = Span(name="note", file="note", start=0, stop=80)
    split = Split([Segment("note", [ShardPart(tmp_path, span, 1)], 16_000, 1)], 1)
    short = split.batch(0, 0, 4, 100, 50).audio
    assert torch.all(short[:, 50:130] == torch.from_numpy(audio))
    seen = split.batch(0, 0, 400, 40, 20).audio[:, 20:]
    count = torch.bincount(seen.flatten().int(), minlength=81)[1:]
    # Five crops of eight begin with a note of two crops' length; one of eight has its end.
    assert count[0] == pytest.approx(0.625 * 400, rel=0.1)
    assert count[-1] == pytest.approx(0.125 * 400, rel=0.3)
    assert count.max() == pytest.approx(0.875 * 400, rel=0.1)


def test_silence_is_rarely_drawn(dataset: Dataset) -> None:
    """One note of sixteen is a rest: crops of 0.1 s fall into it, but not if another try helps."""
    rows = torch.cat([dataset.train.batch(1, step, 10, 25).audio for step in range(60)])
    assert (rows.abs().amax(1) < 1e-4).float().mean() < 0.005
    rest = np.mean(
        [
            float(segment.audio().unfold(0, 1600, 64).abs().amax(1).lt(1e-4).float().mean())
            for segment in dataset.train.segments
        ]
    )
    assert rest > 0.02  # of all crops


def test_a_split_travels_to_another_process(dataset: Dataset) -> None:
    batch = dataset.train.batch(5, 6, 2, 20)
    copy = pickle.loads(pickle.dumps(dataset.train)).batch(5, 6, 2, 20)
    assert torch.equal(copy.audio, batch.audio)


@pytest.mark.parametrize(("batch_size", "n_frames"), [(0, 10), (1, 0)])
def test_an_empty_batch_is_refused(dataset: Dataset, batch_size: int, n_frames: int) -> None:
    with pytest.raises(InputError, match="cannot be drawn"):
        dataset.train.batch(0, 0, batch_size, n_frames)
