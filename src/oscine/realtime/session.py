"""A session: a performer, messages from other threads, and a check for overruns."""

import math
import time
from collections import deque
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32
from pydantic import BaseModel, ConfigDict, Field

from oscine.errors import InputError
from oscine.runtime import Meters, Performer

_BINS, _BINS_PER_BLOCK = 4000, 1000
_FULL_SCALE_CC = 127
_CONTROL = 0xB0


class SessionReport(BaseModel):
    """How a session went."""

    model_config = ConfigDict(frozen=True)

    sample_rate: int
    block: int = Field(description="samples")
    seconds: float
    overruns: int = Field(description="blocks that came too late, and gaps that the sound card reported")
    load_median: float = Field(description="time to compute a block, over its length")
    load_p999: float
    note_latency_ms: float = Field(
        description="from a note to the sound: the longest wait for a block and for a frame, the frame, and "
        "the filter between two sample rates; the device's own is added to it"
    )
    voice_latency_ms: float = Field(
        description="from input to output, without the device's own latency and its blocks"
    )
    peak: float
    licence: str | None
    credit: str | None


class Session:
    """Plays block after block. `process` is for the audio thread, all else for any thread.

    Args:
        performer: The instrument that plays.
        block: Samples that are played at once.
        controllers: Names of settings, by the number of the MIDI controller that moves them.

    Raises:
        InputError: When there is no such setting or controller, or the block is not of 1 … 8192 samples.
    """

    def __init__(
        self, performer: Performer, block: int, controllers: Mapping[int, str] | None = None
    ) -> None:
        if not 1 <= block <= 8192:
            raise InputError(f"The block has {block} samples; give 1 to 8192.")
        self.performer, self.block = performer, block
        self.controllers = dict(controllers or {})
        for number, name in self.controllers.items():
            if not 0 <= number <= _FULL_SCALE_CC:
                raise InputError(f"Controller {number} does not exist; give 0 to 127.")
            require_setting(performer, name)
        self.sample_rate = performer.sample_rate
        self.overruns = 0
        self.n_samples = 0
        self.peak = self._last = 0.0
        self.meters: Meters = performer.meters()
        self.values = {name: performer.value(name) for name in performer.settings}
        """The values of the settings from the next block on."""
        self._told: deque[bytes | tuple[str, float]] = deque()
        self._is_silenced = False
        self._loads = np.zeros(_BINS, np.int64)
        frame = performer.frame_s * self.sample_rate
        self._waits_s = longest_wait(block, frame) / self.sample_rate

    def post(self, message: bytes) -> None:
        """Give a MIDI message, for the next block."""
        self._told.append(message)

    def change(self, name: str, value: float | int) -> None:
        """Set a knob, for the next block; a value out of its range is clamped.

        Raises:
            InputError: When there is no such setting, or the value is not finite.
        """
        require_setting(self.performer, name)
        if not math.isfinite(value):
            raise InputError(f"{name} is {value}; give a finite number.")
        setting = self.performer.settings[name]
        self.values[name] = min(max(float(value), setting.minimum), setting.maximum)
        self._told.append((name, self.values[name]))

    def silence(self) -> None:
        """End everything that sounds, within a block, and put all controllers back: a panic button."""
        self._is_silenced = True

    def process(
        self, heard: Float32[np.ndarray, " time"], *, gap: bool = False
    ) -> Float32[np.ndarray, " time"]:
        """Return the next samples.

        Args:
            heard: The sound that comes in, as many samples.
            gap: The device reports that samples were missing before these; they then fade in.
        """
        began = time.perf_counter()
        while self._told:
            self._tell(self._told.popleft())
        audio = self.performer.play(len(heard), heard)
        if gap:
            audio *= np.linspace(0, 1, len(audio), dtype=np.float32)
        if self._is_silenced:
            self._is_silenced = False
            audio *= np.linspace(1, 0, len(audio), dtype=np.float32)
            self.performer.reset()
        self.overruns += gap
        self.meters = self.performer.meters()
        self.peak = max(self.peak, self.meters.peak)
        self.n_samples += len(heard)
        length_s = max(1, len(heard)) / self.sample_rate
        self._last = (time.perf_counter() - began) / length_s
        self._loads[min(int(self._last * _BINS_PER_BLOCK), _BINS - 1)] += 1
        return audio

    def _tell(self, told: bytes | tuple[str, float]) -> None:
        if isinstance(told, tuple):
            self.performer.set(**{told[0]: told[1]})
            return
        is_control = len(told) == 3 and told[0] & 0xF0 == _CONTROL
        name = self.controllers.get(told[1]) if is_control else None
        if name is None:
            self.performer.take(told)
            return
        setting = self.performer.settings[name]
        share = min(told[2], _FULL_SCALE_CC) / _FULL_SCALE_CC
        self.values[name] = setting.minimum + share * (setting.maximum - setting.minimum)
        self.performer.set(**{name: self.values[name]})

    @property
    def load(self) -> float:
        """Time that the last block took, over its length."""
        return self._last

    def _load_at(self, share: float) -> float:
        cumulative = np.cumsum(self._loads)
        return (int(np.searchsorted(cumulative, share * cumulative[-1])) + 0.5) / _BINS_PER_BLOCK

    def report(self) -> SessionReport:
        """Return how it went so far."""
        card = self.performer.metadata.get("card")
        card = card if isinstance(card, dict) else {}
        milliseconds = 1000 / self.sample_rate
        waits_ms = 1000 * self._waits_s
        return SessionReport(
            sample_rate=self.sample_rate,
            block=self.block,
            seconds=self.n_samples / self.sample_rate,
            overruns=self.overruns,
            load_median=self._load_at(0.5) if self.n_samples else 0.0,
            load_p999=self._load_at(0.999) if self.n_samples else 0.0,
            note_latency_ms=milliseconds * self.performer.note_latency + waits_ms,
            voice_latency_ms=milliseconds * self.performer.voice_latency,
            peak=self.peak,
            licence=str(card["licence"]) if "licence" in card else None,
            credit=str(card["credit"]) if "credit" in card else None,
        )


def longest_wait(block: int, frame: float) -> float:
    """Return the longest time from a MIDI message to the frame that takes it.

    The message waits for the next block, and then for the next frame. Blocks and frames both begin with the
    first sample, so only some distances between them occur where both are whole numbers of samples.

    Args:
        block: Samples.
        frame: Samples of the host.
    """
    whole = round(frame)
    is_whole = abs(frame - whole) < 1e-6
    return block + frame - (math.gcd(block, whole) if is_whole else 0)


def require_setting(performer: Performer, name: str) -> None:
    """Refuse a setting that there is not.

    Raises:
        InputError: In that case.
    """
    if name not in performer.settings:
        raise InputError(f"There is no setting {name!r}; there is {', '.join(performer.settings)}.")
