"""MIDI files: read as events in seconds, written from notes."""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from oscine.errors import InputError
from oscine.files import printable, read_bytes, write_atomically

Kind = Literal["note_on", "note_off", "bend", "pressure", "note_pressure", "control"]

_LARGEST_BYTES = 1_000_000
_LONGEST_S = 3600.0
_MOST_TRACKS = 1024
_HEADER = struct.Struct(">4sIHHH")
_TEMPO = 500_000  # microseconds a beat, until a song sets it
_TICKS = 480
#: A number of this many bytes is none, and mido would read it in quadratic time. Texts can be long.
_ENDLESS = re.compile(rb"[\x80-\xff]{1024}")


@dataclass(frozen=True)
class Event:
    """A message to a channel at an instant.

    Attributes:
        time_s: Seconds from the start.
        channel: 1 … 16.
        kind: The kind of the message.
        number: The key of a note or of its pressure, or the number of a controller; else 0.
        value: 0 … 127; of a bend −8192 … 8191.
    """

    time_s: float
    channel: int
    kind: Kind
    number: int
    value: int


class Note(NamedTuple):
    """A note of a melody."""

    start_s: float
    stop_s: float
    key: int
    """0 … 127; A4 is 69."""
    velocity: int
    """1 … 127."""


def message_of(event: Event) -> bytes:
    """Return an event as a MIDI message."""
    channel = event.channel - 1
    match event.kind:
        case "note_on":
            return bytes([0x90 | channel, event.number, event.value])
        case "note_off":
            return bytes([0x80 | channel, event.number, 64])
        case "note_pressure":
            return bytes([0xA0 | channel, event.number, event.value])
        case "control":
            return bytes([0xB0 | channel, event.number, event.value])
        case "pressure":
            return bytes([0xD0 | channel, event.value])
        case "bend":
            bend = event.value + 8192
            return bytes([0xE0 | channel, bend & 127, bend >> 7])


@dataclass(frozen=True)
class Score:
    """The events of a MIDI file, in the order of time, and its length."""

    events: list[Event]
    seconds: float

    @property
    def channels(self) -> list[int]:
        """The channels that have notes."""
        return sorted({event.channel for event in self.events if event.kind == "note_on"})


def read_midi(path: str | Path) -> Score:
    """Return the events of a standard MIDI file; its map of tempos is followed.

    Where one key goes up and is pressed again at the same instant, it goes up first, whatever the tracks.

    Args:
        path: A ``.mid`` file of format 0 or 1, with ticks by the beat or by SMPTE, of 1 MB at most.

    Raises:
        InputError: When it is not a MIDI file, is damaged, has no note, or lasts more than an hour.
    """
    import mido

    name = printable(path)
    content, division = _chunks(read_bytes(path, _LARGEST_BYTES), name)
    try:
        track = mido.merge_tracks(mido.MidiFile(file=BytesIO(content), clip=True).tracks)
        events, time_s, tempo = [], 0.0, _TEMPO
        for message in track:
            time_s += message.time * _seconds_per_tick(division, tempo)
            if time_s > _LONGEST_S:
                raise InputError(f"{name} lasts more than an hour; split it.")
            if message.type == "set_tempo":
                tempo = message.tempo
            elif (event := _event(time_s, message)) is not None:
                events.append(event)
    except InputError:
        raise
    except (EOFError, OSError, ValueError, LookupError, TypeError, mido.KeySignatureError) as error:
        why = "it is cut off" if isinstance(error, EOFError) else "it is damaged"
        raise InputError(f"{name} can't be read as MIDI: {why}; write it again.") from error
    if not any(event.kind == "note_on" for event in events):
        raise InputError(f"{name} has no note; give a MIDI file with notes.")
    return Score(_ends_first(events), time_s)


def _chunks(content: bytes, name: str) -> tuple[bytes, int]:
    """Return a file of the same tracks without anything else, and its division of time.

    Raises:
        InputError: When there is no header or no track, the format is none of 0 and 1, or a number has no
            end.
    """
    if not content.startswith(b"MThd") or len(content) < _HEADER.size:
        raise InputError(f"{name} is not a MIDI file; give a .mid file.")
    _, n_header, kind, _, division = _HEADER.unpack_from(content)
    if kind > 1:
        raise InputError(f"{name} has format {kind}, and 0 and 1 are read; save it as format 1.")
    if not division & 0x7FFF or (division & 0x8000 and not division & 0xFF):
        raise InputError(f"{name} can't be read as MIDI: it has no ticks; write it again.")
    if _ENDLESS.search(content):
        raise InputError(f"{name} can't be read as MIDI: a number in it has no end; write it again.")
    at, tracks = 8 + n_header, []
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "big")
        if content[at : at + 4] == b"MTrk":
            tracks.append(content[at : at + 8 + size])
        at += 8 + size
    if not tracks:
        raise InputError(f"{name} has no track; write it again.")
    if len(tracks) > _MOST_TRACKS:
        raise InputError(f"{name} has {len(tracks)} tracks; {_MOST_TRACKS} can be read.")
    return _HEADER.pack(b"MThd", 6, 1, len(tracks), 480) + b"".join(tracks), division


def _seconds_per_tick(division: int, tempo: int) -> float:
    """Return the length of a tick: a part of a beat, or by SMPTE of a frame, whatever the tempo."""
    if not division & 0x8000:
        return tempo / 1e6 / division
    frames_per_s = 256 - (division >> 8)
    return 1 / ((30 / 1.001 if frames_per_s == 29 else frames_per_s) * (division & 0xFF))


def _ends_first(events: list[Event]) -> list[Event]:
    """Return the events; at each instant, keys that are down go up before any is pressed again."""
    ordered: list[Event] = []
    down: set[tuple[int, int]] = set()
    for _, group in groupby(events, key=lambda event: event.time_s):
        together = list(group)
        ends = [event for event in together if event.kind == "note_off"]
        first = {id(event) for event in ends if (event.channel, event.number) in down}
        ordered += [event for event in together if id(event) in first]
        ordered += [event for event in together if id(event) not in first]
        for event in ordered[-len(together) :]:
            key = event.channel, event.number
            if event.kind == "note_on":
                down.add(key)
            elif event.kind == "note_off":
                down.discard(key)
    return ordered


def _event(time_s: float, message: object) -> Event | None:
    kind = getattr(message, "type", "")
    channel = getattr(message, "channel", -1) + 1
    read: dict[str, tuple[Kind, str, str]] = {
        "note_on": ("note_on", "note", "velocity"),
        "note_off": ("note_off", "note", "velocity"),
        "control_change": ("control", "control", "value"),
        "pitchwheel": ("bend", "", "pitch"),
        "aftertouch": ("pressure", "", "value"),
        "polytouch": ("note_pressure", "note", "value"),
    }
    if kind not in read:
        return None
    name, number, value = read[kind]
    event = Event(time_s, channel, name, getattr(message, number) if number else 0, getattr(message, value))
    if event.kind == "note_on" and event.value == 0:
        return Event(time_s, channel, "note_off", event.number, 0)
    return event


def write_midi(path: str | Path, notes: Sequence[Note]) -> None:
    """Write notes as a standard MIDI file of one track, at 120 beats a minute and 480 ticks a beat.

    Args:
        path: Where to; what is there is replaced, whole or not at all.
        notes: In the order of time.
    """
    import mido

    per_s = _TICKS * 2
    changes = sorted(
        change
        for note in notes
        for change in (
            (round(note.start_s * per_s), 1, note.key, note.velocity),
            # An end comes before a beginning at the same instant.
            (max(round(note.stop_s * per_s), round(note.start_s * per_s) + 1), 0, note.key, 0),
        )
    )
    track, at = mido.MidiTrack(), 0
    track.append(mido.MetaMessage("set_tempo", tempo=500_000, time=0))
    for tick, begins, key, velocity in changes:
        kind = "note_on" if begins else "note_off"
        track.append(mido.Message(kind, note=key, velocity=velocity, time=tick - at))
        at = tick
    file = mido.MidiFile(type=0, ticks_per_beat=_TICKS)
    file.tracks.append(track)
    content = BytesIO()
    file.save(file=content)
    write_atomically(path, content.getvalue())
