"""Melodies to notes: known ones, with vibrato, glides, ties and errors of a tracker."""

from pathlib import Path

import numpy as np
import pytest
import torch

from oscine.analysis import Features
from oscine.performance import Event, Note, Score, read_midi, render, transcribe, write_midi

from .scores import toy

RATE = 250


def _features(
    midi: np.ndarray, loudness_db: np.ndarray | float = -20.0, confidence: np.ndarray | float = 0.95
) -> Features:
    shape = np.ones(len(midi))
    curves = 440 * 2 ** ((midi - 69) / 12), confidence * shape, loudness_db * shape, -20 * shape
    f0_hz, voiced, loudness, power = (torch.from_numpy(one.astype(np.float32)) for one in curves)
    return Features(f0_hz, voiced, loudness, power, 16000, 64)


def _held(*notes: tuple[float, float]) -> np.ndarray:
    """Return pitches, each held for so many seconds."""
    return np.concatenate([np.full(round(seconds * RATE), midi) for midi, seconds in notes])


def test_tied_notes_are_parted_where_the_pitch_changes() -> None:
    notes = transcribe(_features(_held((60, 0.4), (62, 0.2), (64, 0.4))))
    assert [(one.key, one.start_s, one.stop_s) for one in notes] == [
        (60, 0.0, pytest.approx(0.4)),
        (62, pytest.approx(0.4), pytest.approx(0.6)),
        (64, pytest.approx(0.6), pytest.approx(1.0)),
    ]


def test_a_tuning_of_its_own_a_vibrato_and_jumps_do_not_part_a_note() -> None:
    time = np.arange(500) / RATE
    midi = 60.4 + 0.45 * np.sin(2 * np.pi * 5.5 * time)
    midi[200:206] += 12
    midi[300:304] -= 12
    (one,) = transcribe(_features(np.concatenate([midi, np.full(250, 60.4)])))
    assert one.key == 60


def test_a_key_that_is_struck_again_is_two_notes() -> None:
    loudness = np.concatenate(
        [np.full(100, -20.0), np.linspace(-20, -32, 10), np.linspace(-32, -20, 5), np.full(100, -20.0)]
    )
    first, second = transcribe(_features(np.full(215, 67.0), loudness))
    assert (first.key, second.key) == (67, 67)
    assert second.start_s == pytest.approx(110 / RATE, abs=0.008)
    tremolo = -20 + 3 * np.sin(np.arange(215) / 5)
    assert len(transcribe(_features(np.full(215, 67.0), tremolo))) == 1


def test_velocities_follow_the_loudness() -> None:
    levels = np.repeat([-40.0, -35.0, -30.0, -25.0, -20.0], 100)
    midi = np.repeat([60.0, 62.0, 64.0, 65.0, 67.0], 100)
    velocities = [one.velocity for one in transcribe(_features(midi, levels))]
    assert velocities == sorted(velocities)
    assert velocities[0] < 20
    assert velocities[-1] > 90


def test_silence_and_noise_have_no_note(tmp_path: Path) -> None:
    silent = _features(np.full(300, 60.0), -80.0, 0.0)
    assert transcribe(silent) == []
    assert transcribe(_features(np.full(0, 60.0))) == []
    write_midi(tmp_path / "none.mid", [])
    assert (tmp_path / "none.mid").read_bytes().startswith(b"MThd")


def test_notes_are_written_and_read_again(tmp_path: Path) -> None:
    notes = [
        Note(0.25, 0.75, 60, 90),
        Note(0.75, 0.7505, 62, 1),
        Note(1.0, 2.0, 60, 127),
        Note(2.0, 2.5, 60, 64),
    ]
    write_midi(tmp_path / "song.mid", notes)
    events = read_midi(tmp_path / "song.mid").events
    on = [event for event in events if event.kind == "note_on"]
    off = [event for event in events if event.kind == "note_off"]
    assert [(event.number, event.value) for event in on] == [(one.key, one.velocity) for one in notes]
    for event, one in zip(on, notes, strict=True):
        assert event.time_s == pytest.approx(one.start_s, abs=0.0006)
    assert [event.time_s for event in off] == pytest.approx([0.75, 0.751, 2.0, 2.5], abs=0.0006)


def test_what_is_rendered_is_transcribed() -> None:
    """The whole way: notes, sound, the tracker, notes."""
    from oscine.analysis import analyze

    random = np.random.default_rng(0)
    notes, at_s = [], 0.2
    for key in (62, 64, 66, 67, 69, 71, 73, 74, 74, 73, 66, 62):
        length_s = float(random.choice([0.25, 0.375, 0.5]))
        notes.append(Note(at_s, at_s + length_s, key, int(random.integers(60, 120))))
        at_s += length_s + 0.125
    events = [Event(one.start_s, 1, "note_on", one.key, one.velocity) for one in notes]
    events += [Event(one.stop_s, 1, "note_off", one.key, 0) for one in notes]
    score = Score(sorted(events, key=lambda event: event.time_s), at_s)
    found = transcribe(analyze(*render(score, toy())))
    assert [one.key for one in found] == [one.key for one in notes]
    for heard, one in zip(found, notes, strict=True):
        assert heard.start_s == pytest.approx(one.start_s, abs=0.02)
