"""The pitch trackers, behind one interface.

A tracker is a function from audio at 16 kHz and instants in samples to the pitch in Hz and the confidence at
those instants. From ``VOICED`` on a confidence means that there is a pitch; below, the pitch is a guess. What
it is beyond that is each tracker's own:

| name | confidence | pitch |
|---|---|---|
| ``swift-f0`` | the network's | every 16 ms, refined on the signal at each instant |
| ``crepe`` | the network's, of the size ``tiny`` | every 8 ms, decoded over a stretch, interpolated |
| ``yin`` | 1 − d', the part of the power that repeats itself | at each instant, of the instant alone |
| ``pyin`` | the mean of voiced probability and verdict | every 4 ms, decoded over a stretch, interpolated |
| ``live`` | a filter's of the network's, over the past | at each instant; 16 ms ahead of it are known |

None of them sees further than a stretch of 4 s and its 256 ms of context on both sides, which is what
``analyze`` gives it at once; so a path is decoded over that and no more. ``live`` looks back only: in every
stretch it begins anew, 256 ms before the first instant.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from oscine.analysis.pitch.pyin import HOP as PYIN_HOP
from oscine.analysis.pitch.pyin import pyin_pitch
from oscine.analysis.pitch.swift_f0 import between, track_pitch
from oscine.analysis.pitch.yin import yin_pitch
from oscine.errors import InputError

if TYPE_CHECKING:
    from oscine.analysis.pitch.crepe import Crepe

Tracker = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Mono float32 at 16 kHz, not empty, and int64 instants in samples → ``f0_hz`` and ``confidence``."""

TRACKERS = ("swift-f0", "crepe", "yin", "pyin", "live")
"""Their names; the first is the default."""

_CREPE_HOP = 128  # its window is eight times as long


def tracker_named(name: str) -> Tracker:
    """Return a tracker by its name, one of ``TRACKERS``.

    Raises:
        InputError: When there is none of this name.

    Examples:
        >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)
        >>> f0_hz, confidence = tracker_named("pyin")(tone, np.array([4000, 8000]))
        >>> [round(float(one), 1) for one in f0_hz]
        [440.0, 440.0]
    """
    found = {"swift-f0": track_pitch, "crepe": _crepe, "yin": yin_pitch, "pyin": _pyin, "live": _live}.get(
        name
    )
    if found is None:
        raise InputError(f"There is no pitch tracker {name!r}; choose one of {', '.join(TRACKERS)}.")
    return found


def _pyin(audio: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    f0_hz, confidence = pyin_pitch(audio)
    return between(centers / PYIN_HOP, np.log2(f0_hz), confidence)


def _live(audio: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from oscine.analysis.pitch.live import live_pitch

    return live_pitch(audio, centers)


@cache
def _load_crepe() -> "Crepe":
    from oscine.analysis.pitch.crepe import load_crepe

    return load_crepe()


def _crepe(audio: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from oscine.analysis.pitch.crepe import crepe_pitch

    grid = torch.arange(0, len(audio) + _CREPE_HOP, _CREPE_HOP)
    f0_hz, confidence = crepe_pitch(torch.from_numpy(np.ascontiguousarray(audio)), grid, _load_crepe())
    return between(centers / _CREPE_HOP, np.log2(f0_hz.double().numpy()), confidence.double().numpy())
