"""Crops that are transposed: they sound at the new pitch, and their features are those of the new sound."""

import numpy as np
import pytest
import torch

from oscine.analysis import analyze
from oscine.data import Dataset
from oscine.data.transposition import source_frames, transposed


@pytest.fixture(scope="module")
def glide() -> Dataset:
    """Return 20 s of a gliding and swelling tone of four harmonics."""
    time_s = torch.arange(20 * 16_000, dtype=torch.float64) / 16_000
    f0_hz = 300 * 2 ** (0.5 * torch.sin(0.7 * time_s))
    turns = torch.cumsum(f0_hz, 0) / 16_000
    tone = sum(torch.sin(2 * torch.pi * k * turns) / k for k in range(1, 5))
    assert isinstance(tone, torch.Tensor)
    sound = 0.1 * (1 + 0.5 * torch.sin(2.1 * time_s)) * tone
    return Dataset.from_arrays(sound.float(), 16_000, held_out_s=2.0)


@pytest.mark.parametrize("semitones", [-3.0, 0.7, 2.0])
def test_the_features_are_those_of_what_then_sounds(glide: Dataset, semitones: float) -> None:
    ratio, n_frames = 2 ** (semitones / 12), 500
    segment = glide.train.segments[0]
    n_source = source_frames(n_frames, ratio)
    names = ("f0_hz", "confidence", "loudness_db")
    crop = {name: segment.slice(name, 100, 100 + n_source) for name in names}
    crop["audio"] = segment.slice("audio", 100, 100 + n_source)
    made = transposed(crop, n_frames, ratio, 16_000, glide.hop_length)
    assert {len(made[name]) for name in names} == {n_frames}
    found = analyze(torch.from_numpy(made["audio"]), 16_000, glide.hop_length)
    inside = slice(20, -20)
    cents = 1200 * np.log2(found.f0_hz.numpy()[inside] / made["f0_hz"][inside])
    assert np.median(np.abs(cents)) < 3
    assert np.abs(found.loudness_db.numpy() - made["loudness_db"])[inside].max() < 0.1
    assert np.abs(np.diff(made["loudness_db"])).max() < 0.5
    middle = 250
    before = crop["f0_hz"][round((middle + 1) * ratio) - 1]
    assert made["f0_hz"][middle] == pytest.approx(ratio * before, rel=2e-3)


def test_a_batch_is_a_function_of_seed_and_step_and_its_crops_are_in_the_range(glide: Dataset) -> None:
    first, again = (glide.train.batch(1, 2, 16, 100, 30, semitones=12.0) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first[:4], again[:4], strict=True))
    assert first.audio.shape == (16, 130 * glide.hop_length)
    spread = glide.train.batch(1, 2, 16, 100, 30).f0_hz
    assert float(spread.max()) < 430 < float(first.f0_hz.max()) < 860
    assert float(spread.min()) > 210 > float(first.f0_hz.min()) > 105
