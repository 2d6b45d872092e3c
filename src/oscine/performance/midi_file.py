"""MIDI files: read as events in seconds, written from notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from oscine.errors import InputError
from oscine.files import printable, read_bytes, write_atomically
from oscine.performance.transcription import Note

Kind = Literal["note_on", "note_off", "bend", "pressure", "note_pressure", "control"]

_LARGEST_BYTES = 4 << 20
_LONGEST_S = 6 * 3600.0
_TICKS = 480


@dataclass(frozen=True)
class Event:
    """What a channel is told at an instant.

    Attributes:
        time_s: Seconds from the start.
        channel: 1 … 16.
        kind: What it is.
        number: The key of a note or of its pressure, or the number of a controller; else 0.
        value: 0 … 127; of a bend −8192 … 8191.
    """

    time_s: float
    channel: int
    kind: Kind
    number: int
    value: int


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

    Args:
        path: A ``.mid`` file of format 0 or 1.

    Raises:
        InputError: When it is no MIDI file, is damaged, has no note, or lasts more than six hours.
    """
    import mido

    name = printable(path)
    content = read_bytes(path, _LARGEST_BYTES)
    if not content.startswith(b"MThd"):
        raise InputError(f"{name} is no MIDI file; give a .mid file.")
    try:
        file = mido.MidiFile(file=BytesIO(content), clip=True)
        if file.type == 2:
            raise InputError(
                f"{name} has format 2, whose tracks are songs of their own; save each as a file of format 1."
            )
        events, time_s = [], 0.0
        for message in file:
            time_s += message.time
            if time_s > _LONGEST_S:
                raise InputError(f"{name} lasts more than six hours; split it.")
            if (event := _event(time_s, message)) is not None:
                events.append(event)
    except (
        EOFError,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
        mido.KeySignatureError,
    ) as error:
        raise InputError(f"{name} is damaged: {error or type(error).__name__}; write it again.") from error
    if not any(event.kind == "note_on" for event in events):
        raise InputError(f"{name} has no note; give a MIDI file with notes.")
    return Score(events, time_s)


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
