"""How well the trackers find the pitch of sounds that the live one never learned from, in pitch.md."""

import time
import unittest.mock
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import oscine
from benchmarks.live_pitch.gather import parts
from benchmarks.live_pitch.sounds import HOP, RATE, read
from benchmarks.measure import table
from oscine.analysis import TRACKERS, VOICED
from oscine.analysis.pitch.f0_file import read_f0
from oscine.analysis.pitch.live import network_from
from oscine.functional import loudness_db
from oscine.functional.framing import frame_centers

_QUIET_DB = 20.0
_AROUND = 10  # frames: a note is held where its pitch is steady for 40 ms on both sides


class Labels(NamedTuple):
    """A sound at 16 kHz and what is right in each frame; f0 is 0 where there is no pitch."""

    audio: np.ndarray
    f0_hz: np.ndarray

    def is_quiet(self) -> np.ndarray:
        """Return the frames without a pitch that are 20 dB softer than half of those with one."""
        n = len(self.f0_hz)
        centers = frame_centers(n, HOP, RATE, RATE)
        level_db = loudness_db(torch.from_numpy(self.audio), centers).numpy()
        return (self.f0_hz == 0) & (level_db < np.median(level_db[self.f0_hz > 0]) - _QUIET_DB)


class Score(NamedTuple):
    """How well a tracker finds the labels; shares are of the frames that have a pitch."""

    near: float
    """Within 50 cents; a frame without a pitch is missed."""
    near_where_both: float
    """The same, of the frames in which the tracker has a pitch as well."""
    octave_errors: float
    """An octave or more off, to 50 cents."""
    leaps: float
    """Leaps of more than six semitones between frames of one pitch, per second."""
    leaps_in_notes: float
    """Those of them that are 40 ms or more from where the pitch of the labels changes, begins and ends."""
    voiced: float
    """The tracker has a pitch."""
    false_alarms: float
    """The tracker has a pitch, of the frames that have none; NaN where these are less than half a second."""
    in_quiet: float
    """The same, of the quiet ones of them."""
    cents: float
    """Median distance where both have a pitch."""


def score(f0_hz: np.ndarray, voiced: np.ndarray, right_hz: np.ndarray, is_quiet: np.ndarray) -> Score:
    """Return how well a tracker's frames agree with the labels.

    Args:
        f0_hz: The tracker's.
        voiced: Where the tracker has a pitch.
        right_hz: That of the labels, 0 where there is no pitch.
        is_quiet: The frames without a pitch in which nothing rings on.
    """
    is_note = right_hz > 0
    both = is_note & voiced
    cents = np.full(len(f0_hz), np.inf)
    cents[both] = 1200.0 * np.log2(f0_hz[both] / right_hz[both])
    octaves = np.round(np.abs(cents[both]) / 1200.0)
    is_octave = (octaves > 0) & (np.abs(np.abs(cents[both]) - 1200.0 * octaves) < 50.0)
    step = np.abs(np.diff(np.log2(np.maximum(right_hz, 1.0))))
    is_same = is_note[1:] & is_note[:-1] & (step < 1 / 24)
    is_held = np.convolve(~is_same, np.ones(2 * _AROUND + 1), "same") == 0
    leap = is_same & voiced[1:] & voiced[:-1] & (np.abs(np.diff(np.log2(f0_hz))) > 0.5)
    n_notes = is_note.sum()

    def alarms(pauses: np.ndarray) -> float:
        return float(voiced[pauses].mean()) if pauses.sum() * HOP >= RATE // 2 else float("nan")

    return Score(
        float((np.abs(cents) < 50.0).sum() / n_notes),
        float((np.abs(cents[both]) < 50.0).mean()),
        float(is_octave.sum() / n_notes),
        float(leap.sum() / (n_notes * HOP / RATE)),
        float((leap & is_held).sum() / (n_notes * HOP / RATE)),
        float(both.sum() / n_notes),
        alarms(~is_note),
        alarms(is_quiet),
        float(np.median(np.abs(cents[both]))),
    )


def by_default_tracker(audio: np.ndarray) -> Labels:
    """Return a sound with the labels of the offline tracker."""
    features = oscine.analyze(audio, RATE, HOP)
    return Labels(audio, np.where(features.confidence.numpy() >= VOICED, features.f0_hz.numpy(), 0.0))


def test_sounds(shared: Path) -> dict[str, list[Labels]]:
    """Return the sounds of the table, by what it calls them."""
    song = read(shared / "demo" / "singing_vocadito_1.flac")
    curve = read_f0(shared / "demo" / "singing_vocadito_1_f0.csv")
    right_hz, _ = curve.at(np.arange(1, -(-len(song) // HOP) + 1) * (HOP / RATE))
    violin = read(shared / "train" / "violin_johngarner" / "john-garner_bwv1002_mov6.flac")
    trumpet = read(shared / "demo" / "trumpet_sorohan.flac")
    saxophone = parts(shared / "train" / "sax_alto_weresax", ())["test"]
    speech = parts(shared / "speech" / "librispeech", ())["test"]
    return {
        "singing, human labels": [Labels(song, right_hz)],
        "trumpet": [by_default_tracker(trumpet)],
        "saxophone": [by_default_tracker(one.audio) for one in saxophone],
        "violin, in a church": [by_default_tracker(violin)],
        "speech": [by_default_tracker(one.audio) for one in speech],
    }


def lines(name: str, sounds: Sequence[Labels], trackers: Sequence[str] = TRACKERS) -> list[list[str]]:
    """Return the lines of the table for some sounds, one for each tracker."""
    found = []
    right_hz = np.concatenate([one.f0_hz for one in sounds])
    is_quiet = np.concatenate([one.is_quiet() for one in sounds])
    for tracker in trackers:
        began = time.process_time()
        tracked = [oscine.analyze(one.audio, RATE, HOP, tracker) for one in sounds]
        load = (time.process_time() - began) / (sum(len(one.audio) for one in sounds) / RATE)
        f0_hz = np.concatenate([one.f0_hz.numpy() for one in tracked])
        voiced = np.concatenate([one.confidence.numpy() >= VOICED for one in tracked])
        one = score(f0_hz, voiced, right_hz, is_quiet)
        shares = [f"{100 * share:.1f} %" for share in (one.near, one.near_where_both, one.octave_errors)]
        leaps = [f"{one.leaps:.2f}", f"{one.leaps_in_notes:.2f}"]
        alarms = [
            "–" if np.isnan(share) else f"{100 * share:.1f} %" for share in (one.false_alarms, one.in_quiet)
        ]
        rest = [*leaps, f"{100 * one.voiced:.1f} %", *alarms, f"{one.cents:.1f}", f"{load:.3f}"]
        found.append([name, f"`{tracker}`", *shares, *rest])
    return found


HEADINGS = (
    *("sound", "tracker", "within 50 cents", "where both have a pitch", "octave errors", "leaps per s"),
    *("in held notes", "voicing found", "false alarms", "where quiet", "median cents", "× real time"),
)


def whole_table(shared: Path, others: Sequence[Path] = ()) -> str:
    """Return the table; the labels are the default tracker's where nothing else is said.

    Args:
        shared: The folder of shared recordings.
        others: More weights for the live tracker; a line for each sound has the lowest and highest figures.
    """
    sounds = test_sounds(shared)
    rows = {name: lines(name, ones) for name, ones in sounds.items()}
    of_others: dict[str, list[list[str]]] = {name: [] for name in sounds}
    for path in others:
        with live_weights(path):
            for name, ones in sounds.items():
                of_others[name] += lines(name, ones, ("live",))
    for name, some in of_others.items():
        if some:
            rows[name].append([name, f"`live`, {len(others)} seeds", *spread([line[2:] for line in some])])
    return table(list(HEADINGS), [line for some in rows.values() for line in some])


def spread(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lowest and the highest figure of each column, as in "1.0 to 2.0 %"."""
    found = []
    for cells in zip(*rows, strict=True):
        ordered = sorted(cells, key=lambda cell: float(cell.split()[0].replace("–", "nan")))
        low, high = ordered[0], ordered[-1]
        found.append(low if low == high else f"{low.split()[0]} to {high}")
    return found


@contextmanager
def live_weights(path: Path) -> Iterator[None]:
    """Let the live tracker compute with other weights."""
    network = network_from(path)
    with unittest.mock.patch("oscine.analysis.pitch.live.load_network", return_value=network):
        yield
