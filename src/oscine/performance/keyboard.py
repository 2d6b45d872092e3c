"""`Keyboard`: MIDI events in, what every voice plays out, frame by frame."""

from dataclasses import dataclass, field

from oscine.models.dynamics import Dynamics
from oscine.performance.expression import Expression
from oscine.performance.midi_file import Event
from oscine.performance.voice import Channel, Frame, Voice

_BEND_RANGE, _MPE_ZONE, _NO_PARAMETER = 0, 6, 127 * 128 + 127
_MPE_BEND_SEMITONES = 48.0
_PEDAL_DOWN = 64
_ALL_OFF = (120, 123, 124, 125, 126, 127)


@dataclass
class _Key:
    channel: int
    number: int
    velocity: int


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
        dynamics: What the instrument can be asked for.
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
    _down: list[_Key] = field(default_factory=list)
    _on_pedal: list[_Key] = field(default_factory=list)
    _pressures: dict[tuple[int, int], float] = field(default_factory=dict)
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
                self._press(_Key(event.channel, event.number, event.value))
            case "note_off":
                self._lift(event.channel, event.number)
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
                if not channel.pedal:
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
                self._lift_pedal(number)
            case _ if control in _ALL_OFF:
                channel.pedal = False
                self._lift_pedal(number)
                # All are up before the first one ends: none of them goes on in its place.
                lifted = [key for key in self._down if key.channel == number]
                self._down = [key for key in self._down if key.channel != number]
                for key in lifted:
                    self._release(number, key.number)

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
            self._masters = {one: master for one, master in self._masters.items() if master != number}
            for member in members:
                self._masters[member] = number
                self._channel(member).bend_semitones = _MPE_BEND_SEMITONES

    # ---- keys

    def _press(self, key: _Key) -> None:
        self._forget(self._down, key.channel, key.number)
        self._forget(self._on_pedal, key.channel, key.number)
        self._n_begun += 1
        self._pressures.pop((key.channel, key.number), None)
        legato = self.n_voices == 1 and bool(self._down) and self.voices[0].is_held
        self._down.append(key)
        which = self._free_voice(key)
        self._of_voice[which], self._begun[which] = key.channel, self._n_begun
        if legato:
            self.voices[which].move(key.number, key.velocity)
        else:
            self.voices[which].start(key.number, key.velocity)

    def _free_voice(self, key: _Key) -> int:
        for i, voice in enumerate(self.voices):
            if voice.key == key.number and self._of_voice[i] == key.channel and not voice.is_silent:
                return i
        return min(
            range(self.n_voices),
            key=lambda i: (
                not self.voices[i].is_silent,
                self.voices[i].is_held,
                self._begun[i] if self.voices[i].is_held else self.voices[i].level_db,
            ),
        )

    def _lift(self, channel: int, number: int) -> None:
        keys = self._forget(self._down, channel, number)
        if keys and self._channel(channel).pedal:
            self._on_pedal += keys
        elif keys:
            self._release(channel, number)

    def _lift_pedal(self, channel: int) -> None:
        for key in [key for key in self._on_pedal if key.channel == channel]:
            self._forget(self._on_pedal, channel, key.number)
            self._release(channel, key.number)

    def _release(self, channel: int, number: int) -> None:
        for i, voice in enumerate(self.voices):
            if voice.key == number and self._of_voice[i] == channel and voice.is_held:
                if self.n_voices == 1 and self._down:
                    earlier = self._down[-1]
                    self._of_voice[i] = earlier.channel
                    voice.move(earlier.number)
                else:
                    voice.release()

    @staticmethod
    def _forget(keys: list[_Key], channel: int, number: int) -> list[_Key]:
        """Take a key out of a list, and return it."""
        found = [key for key in keys if key.channel == channel and key.number == number]
        keys[:] = [key for key in keys if key not in found]
        return found
