"""Crops at other pitches than they were recorded at, by resampling: formants and speed move along."""

import math
from collections.abc import Mapping

import numpy as np
import soxr
import torch
from jaxtyping import Float32

from oscine.data.statistics import LOUDNESS_FLOOR_DB
from oscine.functional.framing import frame_centers
from oscine.functional.loudness import loudness_db

_MEASURED_EVERY, _HALF_WINDOW_S = 8, 0.016
#: Slope of the A-weighting around 100 Hz; a larger change is that of an attack between two frames.
_MOST_DB_PER_OCTAVE = 12.0


def source_frames(n_frames: int, ratio: float) -> int:
    """Return how many frames become ``n_frames`` when they are transposed."""
    return max(1, round(n_frames * ratio))


def transposed(
    crop: Mapping[str, Float32[np.ndarray, " _"]],
    n_frames: int,
    ratio: float,
    sample_rate: int,
    hop_length: int,
) -> dict[str, Float32[np.ndarray, " _"]]:
    """Return a crop that is played ``ratio`` times as fast, with the features of what then sounds.

    Args:
        crop: ``audio``, ``f0_hz``, ``confidence``, ``loudness_db`` and any curves, of `source_frames` frames.
        n_frames: Of the result.
        ratio: Of the pitches, the new one over the old one.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """
    n_samples = n_frames * hop_length
    audio = soxr.resample(crop["audio"], sample_rate * ratio, sample_rate)[:n_samples].astype(np.float32)
    audio = np.pad(audio, (0, n_samples - len(audio)))
    # Frame t describes the end of its hop, at this place among the old frames.
    place = np.arange(1, n_frames + 1) * ratio - 1
    curves = {
        name: np.interp(place, np.arange(len(values)), values).astype(np.float32)
        for name, values in crop.items()
        if name != "audio"
    }
    curves["f0_hz"] = curves["f0_hz"] * np.float32(ratio)
    # The A-weighting of the new pitch changes the loudness, slowly: it is measured at some frames, at which
    # the whole window is inside the crop.
    n_window = math.ceil(_HALF_WINDOW_S * sample_rate / hop_length)
    some = np.arange(n_window, n_frames - n_window, _MEASURED_EVERY)
    if len(some):
        centers = frame_centers(n_frames, hop_length, sample_rate, sample_rate)[torch.from_numpy(some)]
        measured = loudness_db(torch.from_numpy(audio), centers, sample_rate, floor_db=LOUDNESS_FLOOR_DB)
        most_db = _MOST_DB_PER_OCTAVE * abs(math.log2(ratio))
        changes = np.clip(measured.numpy() - curves["loudness_db"][some], -most_db, most_db)
        changed = curves["loudness_db"] + np.interp(np.arange(n_frames), some, changes)
        curves["loudness_db"] = np.maximum(changed, LOUDNESS_FLOOR_DB).astype(np.float32)
    return {"audio": audio, **curves}
