"""MIDI from a keyboard: a port that is looked for again when it was unplugged."""

import time
from collections.abc import Callable
from typing import Any

from oscine.errors import InputError
from oscine.realtime.sound_card import MISSING

_LOOK_S = 1.0


def midi_library() -> Any:
    """Return `rtmidi`.

    Raises:
        InputError: When it is not installed.
    """
    try:
        import rtmidi
    except ImportError:
        raise InputError(MISSING) from None
    return rtmidi


def port_names() -> list[str]:
    """Return the names of the MIDI ports."""
    library = midi_library()
    try:
        opened = library.MidiIn()
    except library.SystemError:
        return []  # this machine has no MIDI at all
    names = opened.get_ports()
    opened.delete()
    return list(names)


class MidiInput:
    """A port whose messages go to a session.

    Args:
        wanted: Part of the port's name; "" for the first keyboard there is.
        post: Takes each message, in the library's thread.
        on_lost: Is called when the port is gone: its notes would never end.
    """

    def __init__(self, wanted: str, post: Callable[[bytes], None], on_lost: Callable[[], None]) -> None:
        self._library = midi_library()
        self._wanted, self._post, self._on_lost = wanted, post, on_lost
        self._opened: Any = None
        self._look_at = 0.0
        self.name = ""
        """Of the port; "" where there is none."""
        self.poll()

    def poll(self) -> None:
        """Look, once a second, whether the port is there, and open it when it comes."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_S
        names = port_names()
        if self.name in names:
            return
        if self.name:
            self._on_lost()
        self.close()
        number = next((i for i, one in enumerate(names) if self._is_wanted(one)), None)
        if number is None:
            return
        opened = self._library.MidiIn()
        try:
            # Clock and active sensing mean nothing here; neither does SysEx.
            opened.ignore_types(sysex=True, timing=True, active_sense=True)
            opened.set_callback(lambda event, _: self._post(bytes(event[0])))
            opened.open_port(number)
        except (self._library.SystemError, self._library.InvalidPortError, self._library.InvalidUseError):
            # Another program has it, or it went away; it is tried again in a second.
            opened.delete()
            return
        self._opened, self.name = opened, names[number]

    def _is_wanted(self, name: str) -> bool:
        """A port of this machine's own (ALSA's "Midi Through") is not a keyboard."""
        if not self._wanted:
            return not name.lower().startswith("midi through")
        return self._wanted.lower() in name.lower()

    def close(self) -> None:
        """Close the port."""
        opened, self._opened, self.name = self._opened, None, ""
        if opened is not None:
            opened.close_port()
            opened.delete()
