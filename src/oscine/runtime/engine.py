"""The runtime in Python: a program's bytes in, audio out (native/oscine_runtime.h by ctypes)."""

import ctypes
import functools
import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.files import parse_json
from oscine.kernels.library import INSTRUCTION_SETS, open_library

VERSION = 1
"""Of the C interface."""
_TOO_LARGE = 5


@functools.cache
def _library() -> ctypes.CDLL | None:
    library = open_library()
    if library is None or library.oscine_runtime_version() != VERSION:
        return None
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "oscine_find_engine": (pointer, [ctypes.c_char_p]),
        "oscine_load_with": (
            ctypes.c_int,
            [pointer, ctypes.c_char_p, size, pointer, size, ctypes.POINTER(pointer)],
        ),
        "oscine_free": (None, [pointer]),
        "oscine_reset": (ctypes.c_int, [pointer, ctypes.c_int64]),
        "oscine_play": (ctypes.c_int, [pointer, pointer, size, size, pointer]),
        "oscine_error_text": (ctypes.c_char_p, [ctypes.c_int]),
        "oscine_sample_rate": (ctypes.c_uint32, [pointer]),
        "oscine_hop_length": (ctypes.c_uint32, [pointer]),
        "oscine_latency": (ctypes.c_uint32, [pointer]),
        "oscine_n_inputs": (ctypes.c_uint32, [pointer]),
        "oscine_input_name": (ctypes.c_char_p, [pointer, ctypes.c_uint32]),
        "oscine_input_size": (ctypes.c_uint32, [pointer, ctypes.c_uint32]),
        "oscine_input_default": (ctypes.c_float, [pointer, ctypes.c_uint32]),
        "oscine_input_minimum": (ctypes.c_float, [pointer, ctypes.c_uint32]),
        "oscine_input_maximum": (ctypes.c_float, [pointer, ctypes.c_uint32]),
        "oscine_weight_bits": (ctypes.c_uint32, [pointer]),
        "oscine_metadata": (pointer, [pointer, ctypes.POINTER(size)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def engines() -> tuple[str, ...]:
    """Return the names of the engines that can run here, the fastest first."""
    library = _library()
    names = () if library is None else INSTRUCTION_SETS
    return tuple(name for name in names if library and library.oscine_find_engine(name.encode()))


class TooLarge(ValueError):  # noqa: N818 - it says what it is
    """A program asks for more memory or work than the runtime allows."""


class Range(NamedTuple):
    """What an input of a program may be."""

    size: int
    """Values per frame."""
    default: float
    """What stands where it is not given."""
    minimum: float
    """Smaller values are clamped to it."""
    maximum: float
    """Larger values are clamped to it."""


class Engine:
    """A program that plays: it keeps its own state, so one thread uses it at a time and it can't be copied.

    Args:
        program: The content of a program file (`oscine.streaming.Program.to_bytes`).
        name: Which engine, one of `engines`; the fastest if left out.

    Attributes:
        sample_rate: Hz.
        hop_length: Samples per frame.
        latency: Samples by which the sound lags the inputs.
        weight_bits: 16 where the program has float16 weights, else 32.
        inputs: The inputs by name, in order.
        metadata: What the program says about the instrument.

    Raises:
        TooLarge: When the program asks for more than the runtime allows.
        ValueError: When there is no such engine here, or the bytes are no valid program.
    """

    def __init__(self, program: bytes, name: str | None = None) -> None:
        library = _library()
        form = next(iter(engines()), "") if name is None else name
        if library is None or form not in engines():
            there = ", ".join(engines()) or "none: there was no C++ compiler when Oscine was installed"
            raise ValueError(f"There is no engine {name or 'here'}; there is {there}.")
        self.name = form
        self._library = library
        player = ctypes.c_void_p()
        engine = library.oscine_find_engine(form.encode())
        self._check(library.oscine_load_with(engine, program, len(program), None, 0, ctypes.byref(player)))
        self._player = player
        weakref.finalize(self, library.oscine_free, player)
        self.sample_rate: int = library.oscine_sample_rate(player)
        self.hop_length: int = library.oscine_hop_length(player)
        self.latency: int = library.oscine_latency(player)
        self.weight_bits: int = library.oscine_weight_bits(player)
        of_input = library.oscine_input_size, library.oscine_input_default
        of_input += library.oscine_input_minimum, library.oscine_input_maximum
        self.inputs: dict[str, Range] = {
            library.oscine_input_name(player, i).decode(): Range(*(one(player, i) for one in of_input))
            for i in range(library.oscine_n_inputs(player))
        }
        n_bytes = ctypes.c_size_t()
        metadata = library.oscine_metadata(player, ctypes.byref(n_bytes))
        text = ctypes.string_at(metadata, n_bytes.value).decode()
        self.metadata: dict[str, Any] = parse_json(text, "The program's metadata", "Write it again.")

    def __reduce__(self) -> str:
        raise TypeError(
            "An engine holds memory of the compiled library and can't be copied; make another one."
        )

    def __repr__(self) -> str:
        return f"Engine({self.name}, {self.sample_rate} Hz, hop {self.hop_length}, {', '.join(self.inputs)})"

    def _check(self, code: int) -> None:
        if code:
            sentence = self._library.oscine_error_text(code).decode()
            raise (TooLarge if code == _TOO_LARGE else ValueError)(sentence)

    def reset(self, seed: int = 0) -> None:
        """Go back to before the first sample; the seed is the noise's, any integer of 64 bits."""
        self._check(self._library.oscine_reset(self._player, seed))

    def play(self, inputs: Mapping[str, Tensor]) -> Float[Tensor, "1 time"]:
        """Return the audio of the next frames.

        Args:
            inputs: By name, (1, frame, size), or (1, frame · size) as curves and audio are; those that are
                left out stand at their default.

        Raises:
            ValueError: When a name is unknown, a shape is wrong, or nothing says how many frames there are.
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
        self._check(self._library.oscine_play(*arguments))
        return audio

    def _frames(self, name: str, given: Tensor) -> Float[Tensor, "frame value"]:
        """Return an input as the library reads it; it is copied only where it has to be.

        Raises:
            ValueError: When its shape is wrong.
        """
        size = self.inputs[name].size
        shape = tuple(given.shape)
        is_flat = len(shape) == 2 and shape[1] % size == 0
        if shape[:1] != (1,) or not (is_flat or (len(shape) == 3 and shape[2] == size)):
            wanted = "(1, frame)" if size == 1 else f"(1, frame, {size}) or (1, frame · {size})"
            raise ValueError(f"{name} is {shape}; give {wanted}.")
        return given.detach().to("cpu", torch.float32).reshape(-1, size).contiguous()
