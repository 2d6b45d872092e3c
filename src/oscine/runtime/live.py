"""`Live`: a program played as a host plays it, in blocks of any length at any sample rate."""

import ctypes
import weakref
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.runtime.library import facts, library_and_engine, require_ok, require_samples


class Live:
    """A program that plays live: inputs keep their values until they are set, blocks have any length.

    One thread uses it at a time. How the samples are cut into blocks makes no difference to the sound. At
    another rate than the program's the sound is filtered; 90 dB are rejected.

    Args:
        program: The content of a program file (`oscine.streaming.Program.to_bytes`).
        sample_rate: The host's, 4000 … 768000 Hz; the program's if left out.
        name: Which engine, one of `engines`; the fastest if left out.

    Attributes:
        sample_rate: The host's, Hz.
        latency: Samples from the sample at which a frame begins to where the sound has followed the inputs
            that the frame took: the frame itself, the program's latency and the filter's delay. An input that
            is set waits for the next frame, up to one frame more.
        inputs: The inputs by name, in order.
        metadata: The program's facts about the instrument.

    Raises:
        TooLarge: When the program asks for more than the runtime allows.
        ValueError: When there is no such engine here, the rate is out of its range, or the bytes are no valid
            program.
    """

    def __init__(self, program: bytes, sample_rate: int | None = None, name: str | None = None) -> None:
        self._library, self.name = library_and_engine(name)
        live = ctypes.c_void_p()
        engine = self._library.oscine_find_engine(self.name.encode())
        if sample_rate is not None and not (isinstance(sample_rate, int) and 0 < sample_rate < 1 << 32):
            raise ValueError(f"The sample rate is {sample_rate}; give a whole number of 4000 to 768000 Hz.")
        given = program, len(program), sample_rate or 0
        require_ok(self._library, self._library.oscine_live_load(engine, *given, None, 0, ctypes.byref(live)))
        self._live = live
        weakref.finalize(self, self._library.oscine_live_free, live)
        known = facts(self._library, ctypes.c_void_p(self._library.oscine_live_player(live)))
        self.sample_rate: int = self._library.oscine_live_sample_rate(live)
        self.latency: int = self._library.oscine_live_latency(live)
        self.inputs = known.inputs
        self.metadata = known.metadata
        self._numbers = {name: number for number, name in enumerate(known.inputs)}

    def __reduce__(self) -> str:
        raise TypeError(
            "A live player holds memory of the compiled library and can't be copied; make another one."
        )

    def __repr__(self) -> str:
        return f"Live({self.name}, {self.sample_rate} Hz, {', '.join(self.inputs)})"

    def reset(self, seed: int = 0) -> None:
        """Go back to before the first sample, with all inputs at their defaults.

        Raises:
            ValueError: When the seed has more than 64 bits.
        """
        if not -(1 << 63) <= seed < 1 << 63:
            raise ValueError(f"seed is {seed}; give a whole number of 64 bits.")
        require_ok(self._library, self._library.oscine_live_reset(self._live, seed))

    def set(self, **inputs: float | int | Sequence[float] | None) -> None:
        """Set inputs by name from the next frame on; None is the default.

        Raises:
            ValueError: When a name is unknown, or the number of values is wrong.
        """
        checked = {name: self._values(name, given) for name, given in inputs.items()}
        for name, values in checked.items():
            require_ok(self._library, self._library.oscine_live_set(self._live, self._numbers[name], values))

    def _values(self, name: str, given: float | int | Sequence[float] | None) -> ctypes.Array | None:
        if name not in self.inputs:
            raise ValueError(f"{name} was given; the inputs are {', '.join(self.inputs)}.")
        if given is None:
            return None
        size = self.inputs[name].size
        several = [given] if isinstance(given, float | int) else list(given)
        if len(several) != size:
            raise ValueError(f"{name} has {len(several)} values; give {size}.")
        return (ctypes.c_float * size)(*several)

    def play(self, n_samples: int) -> Float[Tensor, " time"]:
        """Return the next samples, any number.

        Raises:
            ValueError: When the number is not whole, or negative.
        """
        require_samples(n_samples)
        audio = torch.empty(n_samples, dtype=torch.float32, device="cpu")
        require_ok(self._library, self._library.oscine_live_play(self._live, n_samples, audio.data_ptr()))
        return audio
