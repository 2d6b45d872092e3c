"""How well the trackers find the pitch of sounds that the live one never learned from, in docs/pitch.md."""

import time
import unittest.mock
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

import oscine
from benchmarks.live_pitch.gather import parts
from benchmarks.live_pitch.sounds import HOP, RATE, read
from benchmarks.measure import table
from oscine.analysis import TRACKERS, VOICED
from oscine.analysis.pitch.f0_file import read_f0
from oscine.analysis.pitch.live import network_from


class Labels(NamedTuple):
    """A sound at 16 kHz and what is right in each frame; f0 is 0 where there is no pitch."""

    audio: np.ndarray
    f0_hz: np.ndarray


class Score(NamedTuple):
    """How well a tracker finds the labels; shares are of the frames that have a pitch."""

    near: float
    """Within 50 cents; a frame without a pitch is missed."""
    near_where_both: float
    """The same, of the frames in which the tracker has a pitch as well."""
    octave_errors: float
    """An octave or more off, to 50 cents."""
    leaps: float
    """Leaps of more than six semitones inside a held note, per second."""
    voiced: float
    """The tracker has a pitch."""
    false_alarms: float
    """The tracker has a pitch, of the frames that have none; NaN where these are less than half a second."""
    cents: float
    """Median distance where both have a pitch."""


def score(f0_hz: np.ndarray, voiced: np.ndarray, right_hz: np.ndarray) -> Score:
    """Return how well a tracker's frames agree with the labels."""
    is_note = right_hz > 0
    both = is_note & voiced
    cents = np.full(len(f0_hz), np.inf)
    cents[both] = 1200.0 * np.log2(f0_hz[both] / right_hz[both])
    octaves = np.round(np.abs(cents[both]) / 1200.0)
    is_octave = (octaves > 0) & (np.abs(np.abs(cents[both]) - 1200.0 * octaves) < 50.0)
    step = np.abs(np.diff(np.log2(np.maximum(right_hz, 1.0))))
    is_held = is_note[1:] & is_note[:-1] & (step < 1 / 24) & voiced[1:] & voiced[:-1]
    leap = is_held & (np.abs(np.diff(np.log2(f0_hz))) > 0.5)
    n_notes, n_pauses = is_note.sum(), (~is_note).sum()
    return Score(
        float((np.abs(cents) < 50.0).sum() / n_notes),
        float((np.abs(cents[both]) < 50.0).mean()),
        float(is_octave.sum() / n_notes),
        float(leap.sum() / (n_notes * HOP / RATE)),
        float(both.sum() / n_notes),
        float((voiced & ~is_note).sum() / n_pauses) if n_pauses * HOP >= RATE // 2 else float("nan"),
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
        "saxophone": [by_default_tracker(one) for one in saxophone],
        "violin, in a church": [by_default_tracker(violin)],
        "speech": [by_default_tracker(one) for one in speech],
    }


def lines(name: str, sounds: Sequence[Labels], trackers: Sequence[str] = TRACKERS) -> list[list[str]]:
    """Return the lines of the table for some sounds, one for each tracker."""
    found = []
    right_hz = np.concatenate([one.f0_hz for one in sounds])
    for tracker in trackers:
        began = time.process_time()
        tracked = [oscine.analyze(one.audio, RATE, HOP, tracker) for one in sounds]
        load = (time.process_time() - began) / (sum(len(one.audio) for one in sounds) / RATE)
        f0_hz = np.concatenate([one.f0_hz.numpy() for one in tracked])
        voiced = np.concatenate([one.confidence.numpy() >= VOICED for one in tracked])
        one = score(f0_hz, voiced, right_hz)
        shares = [f"{100 * share:.1f} %" for share in (one.near, one.near_where_both, one.octave_errors)]
        alarms = "–" if np.isnan(one.false_alarms) else f"{100 * one.false_alarms:.1f} %"
        rest = [f"{one.leaps:.2f}", f"{100 * one.voiced:.1f} %", alarms, f"{one.cents:.1f}", f"{load:.3f}"]
        found.append([name, f"`{tracker}`", *shares, *rest])
    return found


HEADINGS = (
    *("sound", "tracker", "within 50 cents", "where both have a pitch", "octave errors", "leaps per s"),
    *("voicing found", "false alarms", "median cents", "× real time"),
)


def whole_table(shared: Path, others: Sequence[Path] = ()) -> str:
    """Return the table; the labels are the default tracker's where nothing else is said.

    Args:
        shared: The folder of shared recordings.
        others: More weights for the live tracker, each with a line of its own.
    """
    sounds = test_sounds(shared)
    rows = {name: lines(name, ones) for name, ones in sounds.items()}
    for path in others:
        with live_weights(path):
            for name, ones in sounds.items():
                (line,) = lines(name, ones, ("live",))
                rows[name].append([name, f"`live`, {path.stem}", *line[2:]])
    return table(list(HEADINGS), [line for some in rows.values() for line in some])


@contextmanager
def live_weights(path: Path) -> Iterator[None]:
    """Let the live tracker compute with other weights."""
    network = network_from(path)
    with unittest.mock.patch("oscine.analysis.pitch.live.load_network", return_value=network):
        yield
