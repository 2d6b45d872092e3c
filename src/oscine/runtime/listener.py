"""`Listener`: audio at a host's rate in, pitch and loudness out, frame by frame, by the runtime."""

import ctypes
import weakref
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from oscine.runtime.library import library_and_engine, require_ok


class Heard(NamedTuple):
    """Pitch and loudness for a frame of an instrument."""

    f0_hz: float
    """In Hz; where there is no pitch, that of the last frame that had one, or 440."""
    confidence: float
    """0 … 1; from 0.5 on there is a pitch."""
    loudness_db: float
    """By the definition of `oscine.functional.loudness_db`."""
    voiced_s: float
    """Seconds since the onset of the voiced segment; 0 outside."""


class Listener:
    """Live pitch and loudness: the pitch tracker ``live`` and the loudness of ``analyze``, as audio arrives.

    One thread uses it at a time. How the samples are cut into blocks makes no difference.

    Args:
        host_rate: The rate of the audio, 4000 … 768000 Hz.
        instrument_rate: The sample rate of the instrument that follows, in the same range.
        hop_length: The instrument's samples per frame.

    Attributes:
        latency: The host's samples from an instant of the sound to when the frame that describes it is there.

    Raises:
        ValueError: When there is no runtime here, or a number is out of its range.
    """

    def __init__(self, host_rate: int, instrument_rate: int, hop_length: int) -> None:
        self._library, _ = library_and_engine(None)
        given = host_rate, instrument_rate, hop_length
        if not all(isinstance(one, int) and 0 < one < 1 << 32 for one in given):
            raise ValueError(f"The rates and the hop are {given}; give whole numbers above 0.")
        listener = ctypes.c_void_p()
        require_ok(self._library, self._library.oscine_listener_new(*given, ctypes.byref(listener)))
        self._listener = listener
        weakref.finalize(self, self._library.oscine_listener_free, listener)
        self.latency: int = self._library.oscine_listener_latency(listener)

    def __reduce__(self) -> str:
        raise TypeError("A listener holds memory of the compiled library and can't be copied; make another.")

    def reset(self) -> None:
        """Go back to before the first sample."""
        require_ok(self._library, self._library.oscine_listener_reset(self._listener))

    def push(self, audio: Float32[np.ndarray, " time"]) -> None:
        """Analyse the next samples, any number; those that are not finite count as 0.

        Raises:
            ValueError: When they are not along one axis.
        """
        whole = np.ascontiguousarray(audio, dtype=np.float32)
        if whole.ndim != 1:
            raise ValueError(f"The audio is {whole.shape}; give mono samples, (time,).")
        require_ok(
            self._library, self._library.oscine_listener_push(self._listener, whole.ctypes.data, len(whole))
        )

    def frame(self) -> Heard:
        """Return the newest complete frame; before the first one, 440 Hz without confidence at −80 dB."""
        values = (ctypes.c_float * 4)()
        require_ok(self._library, self._library.oscine_listener_frame(self._listener, values))
        return Heard(*values)
