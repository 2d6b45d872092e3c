"""`Voice`: one note after the other, as pitch, loudness and gain of every frame."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from oscine.notes.dynamics import Dynamics
from oscine.notes.expression import Expression

_ATTACK_FROM_DB = -30.0
_RETAKEN_DB = -12.0  # where the attack of a note begins that follows a sounding one, at most
_SHORTEST_S = 0.03  # a note that is lifted earlier is played for as long
_SILENT_DB = -60.0
_SMOOTH_S = 0.01  # of controllers that act on loudness, whose steps would be audible
_SOFTEST_CONTROLLER = 1e-3
A4_HZ, A4_MIDI = 440.0, 69


@dataclass
class Channel:
    """The present values of a channel's controllers."""

    bend: float = 0.0
    """−1 … 1."""
    bend_semitones: float = 2.0
    pressure: float = 0.0
    modulation: float = 0.0
    expression: float = 1.0
    volume: float = 100 / 127
    brightness: float = 0.0
    """−1 … 1."""
    pedal: bool = False


class Frame(NamedTuple):
    """The inputs of an instrument in a frame, and the gain of its sound."""

    f0_hz: float
    loudness_db: float
    """For the network, inside what it learned."""
    gain: float
    """On its sound."""
    since_onset_s: float
    brightness: float


SILENCE = Frame(A4_HZ, -80.0, 0.0, 0.0, 0.0)


@dataclass
class Voice:
    """A voice that plays a note at a time, frame by frame.

    Args:
        expression: How notes are played.
        dynamics: The range of loudness of the instrument.
        frame_rate: Frames per second.

    Attributes:
        key: The note that it plays or lets ring, 0 … 127; −1 before the first.
        is_held: The key is down, or the pedal holds it.
    """

    expression: Expression
    dynamics: Dynamics
    frame_rate: float
    key: int = -1
    is_held: bool = False
    _level_db: float = 0.0
    _envelope_db: float = _SILENT_DB
    _is_rising: bool = False
    _pitch: float = 0.0
    _from_pitch: float = 0.0
    _glide_s: float = 0.0
    _since_s: float = math.inf
    _in_glide_s: float = 0.0
    _offset_db: float = 0.0
    _is_new: bool = field(default=False)

    @property
    def is_silent(self) -> bool:
        """Nothing sounds."""
        return not self.is_held and self._envelope_db <= _SILENT_DB

    @property
    def level_db(self) -> float:
        """How loud it is now."""
        return self._level_db + self._envelope_db

    def start(self, key: int, velocity: int) -> None:
        """Begin a note."""
        self.key, self.is_held = key, True
        self._level_db = self.dynamics.curve_db[velocity]
        self._envelope_db = min(max(_ATTACK_FROM_DB, self._envelope_db), _RETAKEN_DB)
        self._is_rising = self._is_new = True
        self._pitch = self._from_pitch = key + self.expression.scoop_cents / 100
        self._glide_s = self.expression.scoop_s if self.expression.scoop_cents else 0.0
        self._since_s = self._in_glide_s = 0.0

    def move(self, key: int, velocity: int | None = None) -> None:
        """Glide to another note without an attack; its level is that of before if no velocity is given."""
        self._from_pitch = self._pitch
        self.key, self.is_held = key, True
        if velocity is not None:
            self._level_db = self.dynamics.curve_db[velocity]
        self._glide_s, self._in_glide_s = self.expression.glide_s, 0.0

    def release(self) -> None:
        """Let the note end."""
        self.is_held = False

    def frame(self, channel: Channel, master: Channel | None = None, pressure: float = 0.0) -> Frame:
        """Return the next frame.

        Args:
            channel: The controllers of the note's channel.
            master: Those of the zone that the channel belongs to, under MPE.
            pressure: On this key alone, 0 … 1.
        """
        step_s = 1.0 / self.frame_rate
        self._advance_envelope(step_s)
        if self.is_silent:
            return SILENCE
        self._since_s += step_s
        self._in_glide_s += step_s
        pitch = self._next_pitch() + self._vibrato(channel, master)
        pitch += channel.bend * channel.bend_semitones
        if master is not None:
            pitch += master.bend * master.bend_semitones
        wanted_db = (
            self._level_db + self._envelope_db + self._smooth_offset(channel, master, pressure, step_s)
        )
        brightness = channel.brightness + (master.brightness if master else 0.0)
        asked_db = wanted_db + brightness * self.expression.brightness_db
        asked_db = min(max(asked_db, self.dynamics.least_db), self.dynamics.loudest_db)
        volume = (master or channel).volume / Channel.volume
        f0_hz = A4_HZ * 2.0 ** ((min(max(pitch, 0.0), 127.0) - A4_MIDI) / 12)
        gain = 10.0 ** ((wanted_db - asked_db) / 20) * volume * volume
        return Frame(f0_hz, asked_db, gain, self._since_s, brightness)

    def _advance_envelope(self, step_s: float) -> None:
        how = self.expression
        if not self.is_held and self._since_s >= _SHORTEST_S:
            self._envelope_db += _SILENT_DB * step_s / max(how.release_s, step_s)
        elif self._is_rising:
            self._envelope_db -= _ATTACK_FROM_DB * step_s / max(how.attack_s, step_s)
            self._is_rising = self._envelope_db < 0.0
            self._envelope_db = min(self._envelope_db, 0.0)
        elif self._envelope_db > how.sustain_db:
            fall_db = how.sustain_db * step_s / max(how.decay_s, step_s)
            self._envelope_db = max(self._envelope_db + fall_db, how.sustain_db)

    def _next_pitch(self) -> float:
        left = 1.0 - self._in_glide_s / self._glide_s if self._in_glide_s < self._glide_s else 0.0
        self._pitch = self.key + left * (self._from_pitch - self.key)
        return self._pitch

    def _vibrato(self, channel: Channel, master: Channel | None) -> float:
        how = self.expression
        inside_s = self._since_s - how.vibrato_delay_s
        full = (
            min(max(inside_s / how.vibrato_rise_s, 0.0), 1.0) if how.vibrato_rise_s else float(inside_s > 0)
        )
        modulation = max(channel.modulation, master.modulation if master else 0.0)
        cents = full * how.vibrato_cents + modulation * how.modulation_cents
        return cents / 100 * math.sin(2 * math.pi * how.vibrato_hz * self._since_s)

    def _smooth_offset(
        self, channel: Channel, master: Channel | None, pressure: float, step_s: float
    ) -> float:
        pressed = max(channel.pressure, pressure, master.pressure if master else 0.0)
        expression = channel.expression * (master.expression if master else 1.0)
        wanted_db = self.expression.pressure_db * pressed + 40 * math.log10(
            max(expression, _SOFTEST_CONTROLLER)
        )
        share = 1.0 if self._is_new else 1.0 - math.exp(-step_s / _SMOOTH_S)
        self._is_new = False
        self._offset_db += share * (wanted_db - self._offset_db)
        return self._offset_db
