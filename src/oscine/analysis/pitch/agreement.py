"""How far trackers agree, with each other and with a corrected curve, and where somebody should look."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from jaxtyping import Bool, Float

from oscine.analysis.features import VOICED, Features
from oscine.analysis.pitch.f0_file import F0Curve
from oscine.functional.runs import runs

NEAR_CENTS = 50.0
"""Up to here two pitches are the same note."""

_SHORTEST_S = 0.05
_MERGE_S = 0.1
_OCTAVE_CENTS = 1200.0


@dataclass(frozen=True)
class Agreement:
    """The agreement of two trackers.

    Attributes:
        trackers: Their names.
        both_voiced_s: Seconds in which both have a pitch; the next three are about these.
        same_pitch: Share within 50 cents; None where both never have a pitch.
        octave_errors: Share that is an octave or more apart, each within 50 cents; None as above.
        median_cents: Median of the distance in cents; None as above.
        same_voicing: Share of all frames in which both, or neither, have a pitch.
    """

    trackers: tuple[str, str]
    both_voiced_s: float
    same_pitch: float | None
    octave_errors: float | None
    median_cents: float | None
    same_voicing: float


@dataclass(frozen=True)
class Accuracy:
    """The accuracy of a tracker against a corrected curve, by the definitions of ``mir_eval.melody``.

    Attributes:
        tracker: Its name.
        raw_pitch_accuracy: Share of the curve's voiced frames in which the tracker is within 50 cents.
        raw_chroma_accuracy: The same, octaves aside.
        median_cents: Median of the distance in cents, where both have a pitch; None where they never have.
        voicing_recall: Share of the curve's voiced frames in which the tracker has a pitch.
        voicing_false_alarm: Share of the curve's unvoiced frames in which it has one.
    """

    tracker: str
    raw_pitch_accuracy: float
    raw_chroma_accuracy: float
    median_cents: float | None
    voicing_recall: float
    voicing_false_alarm: float


@dataclass(frozen=True)
class Passage:
    """A passage in which trackers disagree.

    Attributes:
        start_s: Where it begins, in seconds.
        end_s: Where it ends.
        on: ``pitch`` if, somewhere in it, two pitches are more than half a semitone apart for 50 ms, else
            ``voicing``.
        f0_hz: The median pitch of each tracker in Hz; None where it has none in most of the passage.
    """

    start_s: float
    end_s: float
    on: str
    f0_hz: dict[str, float | None]


def agreements(tracked: Mapping[str, Features]) -> list[Agreement]:
    """Return the agreement of each pair of trackers.

    Args:
        tracked: The features of one sound on one grid, by the tracker's name.
    """
    return [_agreement(one, other, tracked[one], tracked[other]) for one, other in combinations(tracked, 2)]


def _agreement(one: str, other: str, first: Features, second: Features) -> Agreement:
    voiced = _voiced(first), _voiced(second)
    both = voiced[0] & voiced[1]
    cents = np.abs(_cents(first.f0_hz.numpy()[both], second.f0_hz.numpy()[both]))
    octaves = np.rint(cents / _OCTAVE_CENTS)
    is_octave = (octaves > 0) & (np.abs(cents - _OCTAVE_CENTS * octaves) <= NEAR_CENTS)
    return Agreement(
        trackers=(one, other),
        both_voiced_s=float(both.sum() / first.frame_rate),
        same_pitch=_share(cents <= NEAR_CENTS),
        octave_errors=_share(is_octave),
        median_cents=float(np.median(cents)) if len(cents) else None,
        same_voicing=_share(voiced[0] == voiced[1]) or 0.0,
    )


def accuracy(tracker: str, features: Features, curve: F0Curve) -> Accuracy:
    """Return the accuracy of a tracker against a corrected curve, at the instants of the features' frames.

    Where the tracker finds no pitch it makes no guess either, so such a frame is missed.

    Args:
        tracker: Its name.
        features: Its features.
        curve: The right pitch.

    Reference:
        Salamon, Gómez, Ellis, Richard: Melody extraction from polyphonic music signals, 2014. ``mir_eval``
        puts the estimate on the reference's grid; here the reference comes to the estimate's.
    """
    true_hz, _ = curve.at(features.time_s.numpy())
    is_note, voiced = true_hz > 0, _voiced(features)
    both = is_note & voiced
    cents = np.abs(_cents(features.f0_hz.numpy()[both], true_hz[both]))
    # In mir_eval a share of nothing is 0.
    n_notes, n_pauses = max(1, int(is_note.sum())), max(1, int((~is_note).sum()))
    folded = np.abs(cents - _OCTAVE_CENTS * np.rint(cents / _OCTAVE_CENTS))
    return Accuracy(
        tracker=tracker,
        raw_pitch_accuracy=float((cents < NEAR_CENTS).sum() / n_notes),
        raw_chroma_accuracy=float((folded < NEAR_CENTS).sum() / n_notes),
        median_cents=float(np.median(cents)) if len(cents) else None,
        voicing_recall=float(both.sum() / n_notes),
        voicing_false_alarm=float((voiced & ~is_note).sum() / n_pauses),
    )


def passages(tracked: Mapping[str, Features]) -> list[Passage]:
    """Return, in order of time, the stretches in which trackers disagree for at least 50 ms.

    They disagree where the highest and the lowest of the pitches are more than half a semitone apart, or
    where some have a pitch and others have none. What lies less than 100 ms apart is one passage.

    Args:
        tracked: The features of one sound on one grid, by the tracker's name.
    """
    parts = list(tracked.values())
    voiced = np.stack([_voiced(part) for part in parts])
    octave = np.log2(np.stack([part.f0_hz.numpy().astype(np.float64) for part in parts]))
    highest = np.where(voiced, octave, -np.inf).max(0)
    lowest = np.where(voiced, octave, np.inf).min(0)
    apart = highest - lowest > NEAR_CENTS / _OCTAVE_CENTS  # −inf where none has a pitch
    frame_rate = parts[0].frame_rate
    least = int(np.ceil(_SHORTEST_S * frame_rate))
    on_pitch = runs(torch.from_numpy(apart), least).tolist()
    either = runs(torch.from_numpy(apart | (voiced.any(0) & ~voiced.all(0))), least).tolist()
    found: list[Passage] = []
    for start, stop in _merged(either, _MERGE_S * frame_rate):
        is_pitch = any(start <= begin < stop for begin, _ in on_pitch)
        values = {}
        for row, name in enumerate(tracked):
            heard = voiced[row, start:stop]
            median = float(2.0 ** np.median(octave[row, start:stop][heard])) if heard.any() else None
            values[name] = median if heard.mean() >= 0.5 else None
        # Frame t describes the instant t + 1, and stands for half a frame on both sides of it.
        times = (start + 0.5) / frame_rate, (stop + 0.5) / frame_rate
        found.append(Passage(*times, "pitch" if is_pitch else "voicing", values))
    return found


def _voiced(features: Features) -> Bool[np.ndarray, " frame"]:
    return features.confidence.numpy() >= VOICED


def _cents(f0_hz: np.ndarray, other_hz: np.ndarray) -> Float[np.ndarray, " frame"]:
    return _OCTAVE_CENTS * np.log2(f0_hz.astype(np.float64) / other_hz.astype(np.float64))


def _share(true: Bool[np.ndarray, " frame"]) -> float | None:
    return float(true.mean()) if len(true) else None


def _merged(stretches: Iterable[Sequence[int]], gap: float) -> list[tuple[int, int]]:
    """Return the stretches, with those that lie nearer than a gap as one."""
    merged: list[tuple[int, int]] = []
    for start, stop in stretches:
        if merged and start - merged[-1][1] < gap:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    return merged
