"""`Engine`: a program's bytes in, audio out, frame by frame."""

import ctypes
import weakref
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.runtime.library import facts, library_and_engine, require_ok


class Engine:
    """A program that plays: it keeps its own state, so one thread uses it at a time and it can't be copied.

    Args:
        program: The content of a program file (`oscine.streaming.Program.to_bytes`).
        name: Which engine, one of `engines`; the fastest if left out.

    Attributes:
        sample_rate: Hz.
        hop_length: Samples per frame.
        latency: Samples by which the sound lags the inputs.
        weight_bits: 8 where the program has int8 weights, 16 where it has float16 weights, else 32.
        inputs: The inputs by name, in order.
        metadata: The program's facts about the instrument.

    Raises:
        TooLarge: When the program asks for more than the runtime allows.
        ValueError: When there is no such engine here, or the bytes are not a valid program.
    """

    def __init__(self, program: bytes, name: str | None = None) -> None:
        self._library, self.name = library_and_engine(name)
        player = ctypes.c_void_p()
        engine = self._library.oscine_find_engine(self.name.encode())
        loaded = self._library.oscine_load_with(engine, program, len(program), None, 0, ctypes.byref(player))
        require_ok(self._library, loaded)
        self._player = player
        weakref.finalize(self, self._library.oscine_free, player)
        known = facts(self._library, player)
        self.sample_rate = known.sample_rate
        self.hop_length = known.hop_length
        self.latency = known.latency
        self.weight_bits = known.weight_bits
        self.inputs = known.inputs
        self.metadata = known.metadata

    def __reduce__(self) -> str:
        raise TypeError(
            "An engine holds memory of the compiled library and can't be copied; make another one."
        )

    def __repr__(self) -> str:
        return f"Engine({self.name}, {self.sample_rate} Hz, hop {self.hop_length}, {', '.join(self.inputs)})"

    def reset(self, seed: int = 0) -> None:
        """Go back to before the first sample; the seed is the noise's, any integer of 64 bits."""
        require_ok(self._library, self._library.oscine_reset(self._player, seed))

    def play(self, inputs: Mapping[str, Tensor]) -> Float[Tensor, "1 time"]:
        """Return the audio of the next frames.

        Args:
            inputs: By name, (1, frame, size), or (1, frame · size) as curves and audio are; those that are
                left out stand at their default.

        Raises:
            ValueError: When a name is unknown, a shape or a type is wrong, or nothing says how many frames
                there are.
        """
        unknown = [name for name in inputs if name not in self.inputs]
        if unknown or not inputs:
            raise ValueError(
                f"{', '.join(unknown) or 'Nothing'} was given; the inputs are {', '.join(self.inputs)}."
            )
        frames = {name: self._frames(name, given) for name, given in inputs.items()}
        lengths = {name: len(values) for name, values in frames.items()}
        n_frames = next(iter(lengths.values()))
        if any(length != n_frames for length in lengths.values()):
            said = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise ValueError(f"The inputs differ in frames: {said}; give equally many of each.")
        # Null where an input stands at its default.
        pointers = (ctypes.c_void_p * len(self.inputs))(
            *(frames[name].data_ptr() if name in frames else None for name in self.inputs)
        )
        audio = torch.empty(1, n_frames * self.hop_length, dtype=torch.float32, device="cpu")
        arguments = self._player, pointers, len(self.inputs), n_frames, audio.data_ptr()
        require_ok(self._library, self._library.oscine_play(*arguments))
        return audio

    def _frames(self, name: str, given: Tensor) -> Float[Tensor, "frame value"]:
        """Return an input as the library reads it; it is copied only where it has to be.

        Raises:
            ValueError: When its shape or its type is wrong.
        """
        size = self.inputs[name].size
        if not isinstance(given, Tensor) or given.is_complex():
            what = "complex" if isinstance(given, Tensor) else f"a {type(given).__name__}"
            raise ValueError(f"{name} is {what}; give a tensor of real numbers.")
        shape = tuple(given.shape)
        is_flat = len(shape) == 2 and shape[1] % size == 0
        if shape[:1] != (1,) or not (is_flat or (len(shape) == 3 and shape[2] == size)):
            wanted = "(1, frame)" if size == 1 else f"(1, frame, {size}) or (1, frame · {size})"
            raise ValueError(f"{name} is {shape}; give {wanted}.")
        return given.detach().to("cpu", torch.float32).reshape(-1, size).contiguous()
