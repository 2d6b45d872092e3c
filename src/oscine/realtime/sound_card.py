"""A sound card by PortAudio: it calls for blocks, may be unplugged, and is looked for again."""

import time
from typing import Any

import numpy as np

from oscine.errors import InputError
from oscine.realtime.session import Session

_RETRY_S = 1.0
MISSING = (
    "Playing by a sound card needs the packages sounddevice and python-rtmidi: pip install 'oscine[live]'. "
    "Without a sound card, give files: --input or --midi, and -o."
)


def sound_library() -> Any:
    """Return `sounddevice`.

    Raises:
        InputError: When it, or PortAudio, is not installed.
    """
    try:
        import sounddevice
    except ImportError:
        raise InputError(MISSING) from None
    except OSError:
        raise InputError(
            "The library PortAudio is missing; on Debian and Ubuntu, install the package libportaudio2."
        ) from None
    return sounddevice


def device_names(kind: str) -> list[str]:
    """Return the sound cards' names.

    Args:
        kind: "input" or "output".
    """
    devices = sound_library().query_devices()
    return [f"{i} {one['name']}" for i, one in enumerate(devices) if one[f"max_{kind}_channels"] > 0]


class SoundCard:
    """The sound card's stream. When it stops, because it was unplugged, it is looked for every second.

    Args:
        sample_rate: Hz.
        block: Samples.
        heard: Number or part of a name of the device that hears; None for none, "" for the default one.
        output: Number or part of a name of the device that plays; "" for the default one.
    """

    def __init__(self, sample_rate: int, block: int, *, heard: str | None = None, output: str = "") -> None:
        self._library = sound_library()
        self._sample_rate, self._block = sample_rate, block
        self._heard, self._output = heard, output
        self._stream: Any = None
        self._session: Session | None = None
        self._retry_at = 0.0
        self.remark = ""
        """The message about the device; "" while it plays."""
        self.latency_s = 0.0
        """The device's own, as PortAudio says."""

    def start(self, session: Session) -> None:
        """Begin to play.

        Raises:
            InputError: When there is no such device, or it refuses.
        """
        self._session = session
        try:
            self._open()
        except (self._library.PortAudioError, ValueError) as error:
            raise InputError(self._refusal(error)) from None

    def _refusal(self, error: Exception) -> str:
        names = [name for name in (self._heard, self._output) if name]
        wanted = " and ".join(names) or "the default one"
        return (
            f"The sound card ({wanted}) can't be opened at {self._sample_rate} Hz: {str(error).rstrip('.')}. "
            "See oscine play --list."
        )

    def _open(self) -> None:
        session = self._session
        assert session is not None
        common = {"samplerate": self._sample_rate, "blocksize": self._block, "dtype": "float32"}
        common |= {"latency": "low"}
        if self._heard is None:

            def play(out: np.ndarray, n: int, _: Any, status: Any) -> None:
                out[:] = session.process(np.zeros(n, np.float32), gap=bool(status.output_underflow))[:, None]

            stream = self._library.OutputStream(
                device=_wanted(self._output), channels=1, callback=play, **common
            )
        else:

            def follow(heard: np.ndarray, out: np.ndarray, n: int, _: Any, status: Any) -> None:
                del n
                gap = bool(status.output_underflow or status.input_overflow)
                out[:] = session.process(np.ascontiguousarray(heard[:, 0]), gap=gap)[:, None]

            stream = self._library.Stream(
                device=(_wanted(self._heard), _wanted(self._output)), channels=1, callback=follow, **common
            )
        self._stream = stream
        stream.start()
        latency = stream.latency
        self.latency_s = float(sum(latency)) if isinstance(latency, tuple) else float(latency)

    @property
    def is_running(self) -> bool:
        """Always true: a lost device may come back. It is looked for when this is asked."""
        if self._is_active():
            self.remark = ""
        elif time.monotonic() >= self._retry_at:
            self._reopen()
        return True

    def _is_active(self) -> bool:
        try:
            return self._stream is not None and self._stream.active
        except self._library.PortAudioError:
            return False  # it is gone

    def _reopen(self) -> None:
        self._retry_at = time.monotonic() + _RETRY_S
        self._close()
        try:
            # PortAudio knows the devices that were there when it was initialised.
            self._library._terminate()
            self._library._initialize()
            self._open()
            self.remark = ""
        except (self._library.PortAudioError, ValueError) as error:
            self.remark = f"{self._refusal(error)} It is tried again every second."

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.close(ignore_errors=True)
            except self._library.PortAudioError:
                return  # it is gone

    def stop(self) -> None:
        """Stop and close it."""
        self._close()


def _wanted(name: str) -> int | str | None:
    if not name:
        return None
    return int(name) if name.isdecimal() else name
