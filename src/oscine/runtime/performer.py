"""`Performer`: an instrument as a host has it, with notes or a sound in, sound out, and knobs."""

import ctypes
import weakref
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from oscine.runtime.library import facts, library_and_engine, require_ok, require_samples


class Setting(NamedTuple):
    """A setting of a performer."""

    unit: str
    """Empty where it has none."""
    default: float
    minimum: float
    """Smaller values are clamped to it."""
    maximum: float
    """Larger values are clamped to it."""


class Meters(NamedTuple):
    """Values for a display."""

    heard_f0_hz: float
    """0 where the input has no pitch."""
    heard_loudness_db: float
    f0_hz: float
    """Of the last voice that began; 0 in silence."""
    loudness_db: float
    peak: float
    """Of the output since the last call."""
    n_voices: int
    """How many sound."""


class Performer:
    """An instrument for a host: MIDI or a sound comes in, sound goes out.

    A note waits for the next frame. How the samples are cut into blocks makes no difference. Settings are how
    notes are played (`oscine.performance.Expression`), the instrument's own inputs, and these:

    - ``source``: 0 plays notes, 1 follows the input sound
    - ``octave``, ``tune_cents``: added to the pitch
    - ``level_db``: of the output
    - ``mix``: 0 is the input sound, 1 the instrument; both are equally late
    - ``loudness_db``: added to the loudness of the input
    - ``match``: 1 maps the loudness of the input to the instrument's
    - ``autotune``: 0 … 1, how far the pitch of the input is moved to the nearest note

    Args:
        program: A program file.
        sample_rate: Of the host, 4000 … 768000 Hz.
        n_voices: How many notes can sound together, 1 … 16.
        name: Of an engine; the fastest if left out.

    Raises:
        TooLarge: When the program or the ratio of the rates asks for too much.
        ValueError: When there is no such engine here, the bytes are not a valid program, or a number is out
            of its range.
    """

    def __init__(self, program: bytes, sample_rate: int, n_voices: int = 1, name: str | None = None) -> None:
        self._library, self.name = library_and_engine(name)
        for what, value in (("sample_rate", sample_rate), ("n_voices", n_voices)):
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
                raise ValueError(
                    f"{what} is {value!r}; give a whole number: 4000 to 768000 Hz, and 1 to 16 voices."
                )
        performer = ctypes.c_void_p()
        engine = self._library.oscine_find_engine(self.name.encode())
        given = program, len(program), sample_rate, n_voices
        require_ok(self._library, self._library.oscine_performer_new(engine, *given, ctypes.byref(performer)))
        self._performer = performer
        weakref.finalize(self, self._library.oscine_performer_free, performer)
        known = facts(self._library, ctypes.c_void_p(self._library.oscine_performer_player(performer)))
        self.sample_rate, self.n_voices = sample_rate, n_voices
        self.metadata = known.metadata
        self.frame_s = known.hop_length / known.sample_rate
        """Length of a frame, for which a note waits at most."""
        self.note_latency: int = self._library.oscine_performer_note_latency(performer)
        """Samples from the frame that a note begins with to where the sound has followed it."""
        self.voice_latency: int = self._library.oscine_performer_voice_latency(performer)
        """Samples from the input to the sound that follows it."""
        self._numbers = {
            self._library.oscine_performer_setting(performer, i).decode(): i
            for i in range(self._library.oscine_performer_n_settings(performer))
        }
        self.settings = {key: self._setting(i) for key, i in self._numbers.items()}

    def __reduce__(self) -> str:
        raise TypeError(
            "A performer holds memory of the compiled library and can't be copied; make another one."
        )

    def __repr__(self) -> str:
        return f"Performer({self.name}, {self.sample_rate} Hz, {self.n_voices} voices)"

    def _setting(self, number: int) -> Setting:
        library = self._library
        return Setting(
            library.oscine_performer_unit(self._performer, number).decode(),
            library.oscine_performer_default(self._performer, number),
            library.oscine_performer_minimum(self._performer, number),
            library.oscine_performer_maximum(self._performer, number),
        )

    def reset(self, seed: int = 0) -> None:
        """Go back to before the first sample; the settings stay.

        Raises:
            ValueError: When the seed has more than 64 bits.
        """
        if not -(1 << 63) <= seed < 1 << 63:
            raise ValueError(f"seed is {seed}; give a whole number of 64 bits.")
        require_ok(self._library, self._library.oscine_performer_reset(self._performer, seed))

    def set(self, **settings: float | int) -> None:
        """Set knobs by name; a value out of its range is clamped.

        Raises:
            ValueError: When a name is unknown, or a value is not finite.
        """
        for name, value in settings.items():
            if name not in self._numbers:
                raise ValueError(f"{name} was given; the settings are {', '.join(self._numbers)}.")
            if not np.isfinite(value):
                raise ValueError(f"{name} is {value}; give a finite number.")
        for name, value in settings.items():
            code = self._library.oscine_performer_set(self._performer, self._numbers[name], value)
            require_ok(self._library, code)

    def value(self, name: str) -> float:
        """Return what a knob stands at.

        Raises:
            KeyError: When there is no setting of this name.
        """
        return self._library.oscine_performer_value(self._performer, self._numbers[name])

    def take(self, message: bytes) -> None:
        """Take a MIDI message, for the next sample; whatever is none of a channel is ignored."""
        require_ok(self._library, self._library.oscine_performer_midi(self._performer, message, len(message)))

    def play(
        self, n_samples: int, heard: Float32[np.ndarray, " time"] | None = None
    ) -> Float32[np.ndarray, " time"]:
        """Return the next samples, any number.

        Args:
            n_samples: How many.
            heard: The sound that comes in, as many samples; silence if left out.

        Raises:
            ValueError: When the number is not whole or negative, or ``heard`` has another length or channels.
        """
        require_samples(n_samples)
        given = None if heard is None else np.ascontiguousarray(heard, np.float32)
        if given is not None and given.shape != (n_samples,):
            raise ValueError(
                f"n_samples is {n_samples}, and heard is {given.shape}; give as many samples, mono."
            )
        audio = np.empty(n_samples, np.float32)
        at = None if given is None else given.ctypes.data
        played = self._library.oscine_performer_play(self._performer, at, n_samples, audio.ctypes.data)
        require_ok(self._library, played)
        return audio

    def meters(self) -> Meters:
        """Return what happens now."""
        values = (ctypes.c_float * len(Meters._fields))()
        require_ok(self._library, self._library.oscine_performer_meters(self._performer, values))
        heard_f0_hz, heard_loudness_db, f0_hz, loudness_db, peak, n_voices = values
        return Meters(heard_f0_hz, heard_loudness_db, f0_hz, loudness_db, peak, int(n_voices))
