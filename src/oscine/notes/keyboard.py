"""`Keyboard`: MIDI events in, what every voice plays out, frame by frame."""

from dataclasses import dataclass, field

from oscine.notes.dynamics import Dynamics
from oscine.notes.expression import Expression
from oscine.notes.midi_file import Event
from oscine.notes.voice import Channel, Frame, Voice

_BEND_RANGE, _MPE_ZONE, _NO_PARAMETER = 0, 6, 127 * 128 + 127
_MPE_BEND_SEMITONES = 48.0
_PEDAL_DOWN = 64
_ALL_SOUND_OFF, _ALL_KEYS_UP = 120, (123, 124, 125, 126, 127)

_Key = tuple[int, int]
"""Channel and number."""


@dataclass
class Keyboard:
    """Plays notes on voices.

    With one voice a note that begins while another is held follows it without an attack (legato), and when it
    ends the earlier one goes on. With more, each note has a voice of its own; when all are taken, the
    released note that is softest gives way, or else the oldest.

    Controllers of a channel: 1 vibrato, 7 volume, 11 expression, 64 pedal, 74 brightness, pitch bend and its
    range, pressure of the channel and of a key. MPE is understood: in its zone each note has a channel of its
    own.

    Args:
        expression: How notes are played.
        dynamics: The range of loudness of the instrument.
        frame_rate: Frames per second.
        n_voices: How many notes can sound together.
    """

    expression: Expression
    dynamics: Dynamics
    frame_rate: float
    n_voices: int = 1
    voices: list[Voice] = field(default_factory=list)
    _channels: dict[int, Channel] = field(default_factory=dict)
    _of_voice: list[int] = field(default_factory=list)  # the channel of each voice's note
    _begun: list[int] = field(default_factory=list)  # the number of each voice's note
    _down: dict[_Key, None] = field(default_factory=dict)  # in the order in which they were pressed
    _on_pedal: dict[_Key, None] = field(default_factory=dict)
    _pressures: dict[_Key, float] = field(default_factory=dict)
    _parameter: dict[int, int] = field(default_factory=dict)
    _masters: dict[int, int] = field(default_factory=dict)  # the master of each member of an MPE zone
    _n_begun: int = 0

    def __post_init__(self) -> None:
        self.voices = [Voice(self.expression, self.dynamics, self.frame_rate) for _ in range(self.n_voices)]
        self._of_voice = [1] * self.n_voices
        self._begun = [0] * self.n_voices

    def frame(self) -> list[Frame]:
        """Return the next frame of every voice."""
        return [
            voice.frame(
                self._channel(channel),
                self._channel(self._masters[channel]) if channel in self._masters else None,
                self._pressures.get((channel, voice.key), 0.0),
            )
            for voice, channel in zip(self.voices, self._of_voice, strict=True)
        ]

    def take(self, event: Event) -> None:
        """Take an event, before the frame in which it lies."""
        channel = self._channel(event.channel)
        match event.kind:
            case "note_on":
                self._press((event.channel, event.number), event.value)
            case "note_off":
                self._lift([(event.channel, event.number)])
            case "bend":
                channel.bend = event.value / 8192
            case "pressure":
                channel.pressure = event.value / 127
            case "note_pressure":
                self._pressures[event.channel, event.number] = event.value / 127
            case "control":
                self._control(event.channel, channel, event.number, event.value)

    def _channel(self, number: int) -> Channel:
        if number not in self._channels:
            self._channels[number] = Channel(bend_semitones=self.expression.bend_semitones)
        return self._channels[number]

    # ---- controllers

    def _control(self, number: int, channel: Channel, control: int, value: int) -> None:
        match control:
            case 1:
                channel.modulation = value / 127
            case 7:
                channel.volume = value / 127
            case 11:
                channel.expression = value / 127
            case 64:
                channel.pedal = value >= _PEDAL_DOWN
                self._lift_pedal(number)
            case 74:
                channel.brightness = max((value - 64) / 63, -1.0)
            case 98 | 99:
                self._parameter[number] = _NO_PARAMETER
            case 100:
                self._parameter[number] = self._parameter.get(number, _NO_PARAMETER) // 128 * 128 + value
            case 101:
                self._parameter[number] = self._parameter.get(number, _NO_PARAMETER) % 128 + 128 * value
            case 6:
                self._set_parameter(number, channel, value)
            case 121:
                self._channels[number] = Channel(bend_semitones=channel.bend_semitones, volume=channel.volume)
                self._parameter[number] = _NO_PARAMETER
                for key in [key for key in self._pressures if key[0] == number]:
                    del self._pressures[key]
                self._lift_pedal(number)
            case _ if control == _ALL_SOUND_OFF:
                keys = self._of_zone(number, self._on_pedal)
                for key in keys:
                    del self._on_pedal[key]
                self._lift(self._of_zone(number, self._down), with_pedal=False)
                for key in keys:
                    self._release(key)
            case _ if control in _ALL_KEYS_UP:
                self._lift(self._of_zone(number, self._down))

    def _set_parameter(self, number: int, channel: Channel, value: int) -> None:
        which = self._parameter.get(number, _NO_PARAMETER)
        if which == _BEND_RANGE:
            # Of a member of a zone, the range holds for all its members.
            master = self._masters.get(number)
            for other in (
                [number] if master is None else [one for one in self._masters if self._masters[one] == master]
            ):
                self._channel(other).bend_semitones = float(min(value, 96))
        elif which == _MPE_ZONE and number in (1, 16):
            members = range(2, min(value, 15) + 2) if number == 1 else range(16 - min(value, 15), 16)
            for former in [one for one, master in self._masters.items() if master == number]:
                del self._masters[former]
                self._channel(former).bend_semitones = self.expression.bend_semitones
            for member in members:
                self._masters[member] = number
                self._channel(member).bend_semitones = _MPE_BEND_SEMITONES

    # ---- keys

    def _press(self, key: _Key, velocity: int) -> None:
        self._down.pop(key, None)
        self._on_pedal.pop(key, None)
        self._pressures.pop(key, None)
        self._n_begun += 1
        legato = self.n_voices == 1 and bool(self._down) and self.voices[0].is_held
        self._down[key] = None
        which = self._free_voice(key)
        self._of_voice[which], self._begun[which] = key[0], self._n_begun
        if legato:
            self.voices[which].move(key[1], velocity)
        else:
            self.voices[which].start(key[1], velocity)

    def _free_voice(self, key: _Key) -> int:
        for i, voice in enumerate(self.voices):
            if (self._of_voice[i], voice.key) == key and not voice.is_silent:
                return i
        return min(
            range(self.n_voices),
            key=lambda i: (
                not self.voices[i].is_silent,
                self.voices[i].is_held,
                self._begun[i] if self.voices[i].is_held else self.voices[i].level_db,
            ),
        )

    def _lift(self, keys: list[_Key], *, with_pedal: bool = True) -> None:
        """Let keys go up together: none of them goes on in another one's place."""
        lifted = [key for key in keys if key in self._down]
        for key in lifted:
            del self._down[key]
        for key in lifted:
            if with_pedal and self._has_pedal(key[0]):
                self._on_pedal[key] = None
            else:
                self._release(key)

    def _has_pedal(self, channel: int) -> bool:
        master = self._masters.get(channel, channel)
        return self._channel(channel).pedal or self._channel(master).pedal

    def _lift_pedal(self, channel: int) -> None:
        for key in self._of_zone(channel, self._on_pedal):
            if not self._has_pedal(key[0]):
                del self._on_pedal[key]
                self._release(key)

    def _of_zone(self, channel: int, keys: dict[_Key, None]) -> list[_Key]:
        """Return the keys of a channel, and of the MPE zone whose master it is."""
        return [key for key in keys if channel in (key[0], self._masters.get(key[0]))]

    def _release(self, key: _Key) -> None:
        for i, voice in enumerate(self.voices):
            if (self._of_voice[i], voice.key) == key and voice.is_held:
                earlier = next(reversed(self._down), None) if self.n_voices == 1 else None
                if earlier is None:
                    voice.release()
                else:
                    self._of_voice[i] = earlier[0]
                    voice.move(earlier[1])
