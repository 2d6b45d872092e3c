"""Reading MIDI files: times by the map of tempos, and files that others damaged."""

import random
from pathlib import Path

import mido
import pytest
from tests.performance.scores import note, write_midi

from oscine.errors import InputError
from oscine.performance import Event, read_midi


def test_times_follow_the_map_of_tempos(tmp_path: Path) -> None:
    tempos = [
        mido.MetaMessage("set_tempo", tempo=500_000, time=0),  # 0.5 s a beat
        mido.MetaMessage("set_tempo", tempo=250_000, time=960),
    ]
    notes = [*note(60, 480), *note(62, 480, before=480)]
    score = read_midi(write_midi(tmp_path / "a.mid", tempos, notes))
    found = [(event.kind, event.number, event.time_s) for event in score.events]
    assert found == [
        ("note_on", 60, 0.0),
        ("note_off", 60, 0.5),
        ("note_on", 62, 1.0),
        ("note_off", 62, pytest.approx(1.25)),
    ]
    assert score.seconds == pytest.approx(1.25)
    assert score.channels == [1]


def test_every_kind_of_event_is_read(tmp_path: Path) -> None:
    messages = [
        mido.Message("note_on", note=60, velocity=100, channel=2),
        mido.Message("pitchwheel", pitch=-8192, channel=2),
        mido.Message("aftertouch", value=7, channel=2),
        mido.Message("polytouch", note=60, value=8, channel=2),
        mido.Message("control_change", control=74, value=9, channel=2),
        mido.Message("program_change", program=3, channel=2),
        mido.Message("note_on", note=60, velocity=0, channel=2, time=10),  # a note's end, as many write it
    ]
    score = read_midi(write_midi(tmp_path / "a.mid", messages, kind=0))
    end_s = score.events[-1].time_s
    assert score.events == [
        Event(0.0, 3, "note_on", 60, 100),
        Event(0.0, 3, "bend", 0, -8192),
        Event(0.0, 3, "pressure", 0, 7),
        Event(0.0, 3, "note_pressure", 60, 8),
        Event(0.0, 3, "control", 74, 9),
        Event(end_s, 3, "note_off", 60, 0),
    ]


def test_what_is_no_song_is_said(tmp_path: Path) -> None:
    empty = write_midi(tmp_path / "empty.mid", [])
    songs = write_midi(tmp_path / "songs.mid", note(60, 480), note(62, 480), kind=2)
    long = write_midi(tmp_path / "long.mid", note(60, 1 << 27), ticks=1)
    text = tmp_path / "text.mid"
    text.write_text("a song")
    for path, sentence in (
        (empty, "has no note"),
        (songs, "has format 2"),
        (long, "lasts more than six hours"),
        (text, "is no MIDI file"),
        (tmp_path, "is a folder|is no file|not a"),
    ):
        with pytest.raises((InputError, OSError), match=sentence):
            read_midi(path)


def test_a_damaged_file_is_a_sentence_or_a_score(tmp_path: Path) -> None:
    tempos = [mido.MetaMessage("set_tempo", tempo=500_000), mido.MetaMessage("key_signature", key="C")]
    good = write_midi(tmp_path / "good.mid", tempos, [*note(60, 480), *note(62, 480)]).read_bytes()
    path, random_ = tmp_path / "bad.mid", random.Random(0)
    refused = 0
    for i in range(600):
        content = bytearray(good)
        if i < len(good):
            content = content[:i]
        else:
            for _ in range(random_.randint(1, 4)):
                content[random_.randrange(len(content))] = random_.choice(
                    [0, 1, 127, 128, 255, random_.randrange(256)]
                )
        path.write_bytes(content)
        try:
            score = read_midi(path)
        except InputError:
            refused += 1
        else:
            assert all(0 <= event.number <= 127 and 1 <= event.channel <= 16 for event in score.events)
            assert all(abs(event.value) <= 8192 for event in score.events)
    assert refused > 100
