"""`CompiledKeyboard`: MIDI in, what every voice plays out, by the runtime."""

import ctypes
import math
import weakref
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32

from oscine.runtime.library import library_and_engine, require_ok

_VALUES = 5


class CompiledKeyboard:
    """The compiled form of `oscine.performance.Keyboard`, as a plug-in or a page uses it.

    Args:
        frame_rate: Frames per second.
        n_voices: How many notes can sound together, 1 … 64.
        curve_db: Loudness of each velocity, 0 … 127.
        least_db: The least loudness that the network is asked for.
        settings: How notes are played, by the names of `oscine.performance.Expression`.

    Raises:
        ValueError: When there is no runtime here, a setting is unknown, or a number is out of its range.
    """

    def __init__(
        self,
        frame_rate: float,
        n_voices: int,
        curve_db: Sequence[float],
        least_db: float,
        settings: Mapping[str, float] | None = None,
    ) -> None:
        self._library, _ = library_and_engine(None)
        self.n_voices = n_voices
        if not isinstance(n_voices, int) or isinstance(n_voices, bool):
            raise ValueError(f"n_voices is {n_voices!r}; give a whole number, 1 to 64.")
        if len(curve_db) != 128:
            raise ValueError(f"curve_db has {len(curve_db)} values; give 128.")
        if not all(map(math.isfinite, (*curve_db, least_db))):
            raise ValueError("curve_db or least_db is not finite; give levels in dB.")
        keyboard = ctypes.c_void_p()
        curve = (ctypes.c_float * 128)(*curve_db)
        made = self._library.oscine_keyboard_new(
            frame_rate, n_voices, curve, least_db, ctypes.byref(keyboard)
        )
        require_ok(self._library, made)
        self._keyboard = keyboard
        weakref.finalize(self, self._library.oscine_keyboard_free, keyboard)
        for name, value in (settings or {}).items():
            require_ok(self._library, self._library.oscine_keyboard_set(keyboard, name.encode(), value))

    def __reduce__(self) -> str:
        raise TypeError("A keyboard holds memory of the compiled library and can't be copied; make another.")

    def reset(self) -> None:
        """Go back to silence, with all controllers as at the start; the settings stay."""
        require_ok(self._library, self._library.oscine_keyboard_reset(self._keyboard))

    def take(self, message: bytes) -> None:
        """Take a MIDI message, before the frame in which it is to be heard.

        Args:
            message: All its bytes, such as ``bytes([0x90, 60, 100])``; whatever is none of a channel is
                ignored.
        """
        require_ok(self._library, self._library.oscine_keyboard_midi(self._keyboard, message, len(message)))

    def frame(self) -> Float32[np.ndarray, "voice 5"]:
        """Return the next frame of every voice: f0 (Hz), loudness (dB), gain, onset (s), brightness."""
        frames = np.empty((self.n_voices, _VALUES), np.float32)
        require_ok(self._library, self._library.oscine_keyboard_frame(self._keyboard, frames.ctypes.data))
        return frames
