"""The display of the terminal while an instrument is played, and its keys."""

import math
import time
from typing import TYPE_CHECKING

from oscine.cli.terminal import terminal

if TYPE_CHECKING:
    from rich.table import Table

    from oscine.realtime import FileDevice, Session, SoundCard
    from oscine.realtime.midi_input import MidiInput

_REFRESH_S = 0.08
_STEPS = 40
_NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_SHOWN = 9  # settings
_QUIETEST_DB = -60.0


def follow(
    session: "Session", device: "FileDevice | SoundCard", midi: "MidiInput | None", seconds: float | None
) -> None:
    """Show what is played until the device ends, the time is over, or q is pressed."""
    from rich.live import Live

    from oscine.realtime.keys import pressed_keys

    console = terminal(stderr=True)
    knobs = Knobs(session)
    until = math.inf if seconds is None else time.monotonic() + seconds
    with (
        pressed_keys() as keys,
        Live(console=console, auto_refresh=False, transient=True, screen=False) as shown,
    ):
        while device.is_running and time.monotonic() < until:
            if midi is not None:
                midi.poll()
            for key in keys():
                if key in ("q", "Q", "\x04"):
                    return
                knobs.press(key)
            if console.is_terminal:
                shown.update(_table(session, knobs, device, midi), refresh=True)
            time.sleep(_REFRESH_S)


class Knobs:
    """The settings as a list, one of which is chosen: up and down choose, left and right turn.

    Args:
        session: Whose settings.
    """

    def __init__(self, session: "Session") -> None:
        self.session = session
        # What plays was chosen when the device was opened.
        self.names = [name for name in session.performer.settings if name != "source"]
        self.chosen = 0

    def press(self, key: str) -> None:
        """Do what a key is for: arrows, 0 for the default, space for silence."""
        name = self.names[self.chosen]
        setting = self.session.performer.settings[name]
        value = self.session.values[name]
        match key:
            case "up":
                self.chosen = max(0, self.chosen - 1)
            case "down":
                self.chosen = min(len(self.names) - 1, self.chosen + 1)
            case "left" | "right":
                is_whole = name in ("octave", "match", "identity")
                step = 1.0 if is_whole else (setting.maximum - setting.minimum) / _STEPS
                self.session.change(name, value + (step if key == "right" else -step))
            case "0":
                self.session.change(name, setting.default)
            case " ":
                self.session.silence()


def _table(
    session: "Session", knobs: Knobs, device: "FileDevice | SoundCard", midi: "MidiInput | None"
) -> "Table":
    from rich.table import Table

    meters, report = session.meters, session.report()
    table = Table.grid(padding=(0, 2))
    hears = session.values["source"] >= 0.5
    heard = f"{note_name(meters.heard_f0_hz)}  {bar(meters.heard_loudness_db)}"
    if hears:
        table.add_row("hears", heard)
    table.add_row("plays", f"{note_name(meters.f0_hz)}  {bar(20 * math.log10(max(meters.peak, 1e-6)))}")
    latency_ms = report.voice_latency_ms if hears else report.note_latency_ms
    table.add_row("latency", f"{latency_ms:.1f} ms, and {1000 * device.latency_s:.1f} ms of the device")
    table.add_row("load", f"{session.load:5.1%} of a block; {report.overruns} overruns")
    if midi is not None:
        table.add_row("MIDI", midi.name or "no port yet; it is looked for every second")
    if device.remark:
        table.add_row("device", device.remark)
    first = max(0, min(knobs.chosen - _SHOWN // 2, len(knobs.names) - _SHOWN))
    for i, name in enumerate(knobs.names[first : first + _SHOWN], first):
        unit = session.performer.settings[name].unit
        marker = "→" if i == knobs.chosen else " "
        table.add_row(f"{marker} {name}", f"{session.values[name]:.4g} {unit}")
    table.add_row("keys", "arrows choose and turn, 0 default, space silence, q end")
    return table


def note_name(f0_hz: float) -> str:
    """Return a pitch as a note and cents, such as "A4 +3"; blank where there is none."""
    if f0_hz <= 0:
        return " " * 8
    midi = 69 + 12 * math.log2(f0_hz / 440)
    nearest = round(midi)
    cents = round(100 * (midi - nearest))
    return f"{_NOTES[nearest % 12]}{nearest // 12 - 1} {cents:+d}".ljust(8)


def bar(level_db: float, width: int = 24) -> str:
    """Return a level as a bar, −60 … 0 dB."""
    filled = round(width * min(max(1 - level_db / _QUIETEST_DB, 0), 1))
    return "█" * filled + "·" * (width - filled) + f" {level_db:5.1f} dB"
