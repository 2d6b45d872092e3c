"""Reading MIDI files: times by the map of tempos, and files that others damaged."""

import random
import struct
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
        (songs, "has format 2, and 0 and 1 are read"),
        (long, "lasts more than an hour"),
        (text, "is not a MIDI file"),
        (tmp_path, "is a folder|is not a file|not a"),
    ):
        with pytest.raises((InputError, OSError), match=sentence):
            read_midi(path)


def _file(*chunks: tuple[bytes, bytes], kind: int = 1, division: int = 480) -> bytes:
    """Return a file by hand."""
    header = struct.pack(">HHH", kind, len(chunks), division)
    whole = [(b"MThd", header), *chunks]
    return b"".join(name + struct.pack(">I", len(content)) + content for name, content in whole)


ONE = bytes([0, 0x90, 60, 90, 96, 0x80, 60, 0])
END = bytes([0, 0xFF, 0x2F, 0])


def test_time_by_smpte_other_chunks_and_many_kinds_of_damage(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(_file((b"MTrk", ONE + END), division=0xE728))  # 25 frames a second, 40 ticks a frame
    assert read_midi(path).events[-1].time_s == pytest.approx(96 / 1000)
    path.write_bytes(_file((b"MTrk", ONE + END), division=0xE350))  # 29.97, 80
    assert read_midi(path).events[-1].time_s == pytest.approx(96 / (30 / 1.001 * 80))
    path.write_bytes(_file((b"XFIH", b"abc"), (b"MTrk", ONE + END)))
    assert len(read_midi(path).events) == 2
    for content, sentence in (
        (_file((b"MTrk", ONE + END), division=0), "has no ticks"),
        (_file((b"MTrk", ONE + END), division=0xE700), "has no ticks"),
        (_file(), "has no track"),
        (_file((b"MTrk", b"\xff" * 500_000 + b"\x7f" + ONE)), "a number in it has no end"),
        (_file((b"MTrk", ONE[:-1])), "can't be read as MIDI: it is cut off"),
        (_file((b"MTrk", b"\0\x3c\x40" + END)), "can't be read as MIDI: it is damaged; write it again"),
        (_file((b"MTrk", b"\xff\xff\xff\x7f" + ONE[1:] + END)), r"^\S+ lasts more than an hour; split it\.$"),
        (_file((b"MTrk", ONE + END), kind=9), "has format 9"),
        (_file(*[(b"MTrk", END)] * 1025), "has 1025 tracks"),
        (bytes(1_000_001), "larger|more than|bytes"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=sentence):
            read_midi(path)


def test_a_key_that_is_struck_again_at_once_goes_up_first(tmp_path: Path) -> None:
    later, earlier = note(60, 480, before=480), note(60, 480)
    score = read_midi(write_midi(tmp_path / "song.mid", later, earlier))
    assert [event.kind for event in score.events] == ["note_on", "note_off", "note_on", "note_off"]
    nothing = read_midi(write_midi(tmp_path / "song.mid", note(60, 0)))
    assert [event.kind for event in nothing.events] == ["note_on", "note_off"]


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
