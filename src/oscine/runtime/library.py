"""The runtime as a library: its functions (native/oscine_runtime.h), its engines, what a program is."""

import ctypes
import functools
from typing import Any, NamedTuple

from oscine.files import parse_json
from oscine.kernels.library import INSTRUCTION_SETS, open_library

VERSION = 3
"""Of the C interface."""
_TOO_LARGE = 5


@functools.cache
def runtime_library() -> ctypes.CDLL | None:
    """Return the library with its functions declared; None where there is none, or one of another version."""
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
        "oscine_live_load": (
            ctypes.c_int,
            [pointer, ctypes.c_char_p, size, ctypes.c_uint32, pointer, size, ctypes.POINTER(pointer)],
        ),
        "oscine_live_free": (None, [pointer]),
        "oscine_live_reset": (ctypes.c_int, [pointer, ctypes.c_int64]),
        "oscine_live_set": (ctypes.c_int, [pointer, ctypes.c_uint32, pointer]),
        "oscine_live_play": (ctypes.c_int, [pointer, size, pointer]),
        "oscine_live_sample_rate": (ctypes.c_uint32, [pointer]),
        "oscine_live_latency": (ctypes.c_uint32, [pointer]),
        "oscine_live_player": (pointer, [pointer]),
        "oscine_keyboard_new": (
            ctypes.c_int,
            [ctypes.c_double, ctypes.c_uint32, pointer, ctypes.c_float, ctypes.POINTER(pointer)],
        ),
        "oscine_keyboard_free": (None, [pointer]),
        "oscine_keyboard_reset": (ctypes.c_int, [pointer]),
        "oscine_keyboard_n_settings": (ctypes.c_uint32, []),
        "oscine_keyboard_setting": (ctypes.c_char_p, [ctypes.c_uint32]),
        "oscine_keyboard_set": (ctypes.c_int, [pointer, ctypes.c_char_p, ctypes.c_double]),
        "oscine_keyboard_midi": (ctypes.c_int, [pointer, ctypes.c_char_p, size]),
        "oscine_keyboard_frame": (ctypes.c_int, [pointer, pointer]),
        "oscine_performer_new": (
            ctypes.c_int,
            [pointer, ctypes.c_char_p, size, ctypes.c_uint32, ctypes.c_uint32, ctypes.POINTER(pointer)],
        ),
        "oscine_performer_free": (None, [pointer]),
        "oscine_performer_reset": (ctypes.c_int, [pointer, ctypes.c_int64]),
        "oscine_performer_midi": (ctypes.c_int, [pointer, ctypes.c_char_p, size]),
        "oscine_performer_play": (ctypes.c_int, [pointer, pointer, size, pointer]),
        "oscine_performer_note_latency": (ctypes.c_uint32, [pointer]),
        "oscine_performer_voice_latency": (ctypes.c_uint32, [pointer]),
        "oscine_performer_n_settings": (ctypes.c_uint32, [pointer]),
        "oscine_performer_setting": (ctypes.c_char_p, [pointer, ctypes.c_uint32]),
        "oscine_performer_unit": (ctypes.c_char_p, [pointer, ctypes.c_uint32]),
        "oscine_performer_default": (ctypes.c_float, [pointer, ctypes.c_uint32]),
        "oscine_performer_minimum": (ctypes.c_float, [pointer, ctypes.c_uint32]),
        "oscine_performer_maximum": (ctypes.c_float, [pointer, ctypes.c_uint32]),
        "oscine_performer_value": (ctypes.c_float, [pointer, ctypes.c_uint32]),
        "oscine_performer_set": (ctypes.c_int, [pointer, ctypes.c_uint32, ctypes.c_float]),
        "oscine_performer_meters": (ctypes.c_int, [pointer, pointer]),
        "oscine_performer_player": (pointer, [pointer]),
        "oscine_listener_new": (
            ctypes.c_int,
            [ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, ctypes.POINTER(pointer)],
        ),
        "oscine_listener_free": (None, [pointer]),
        "oscine_listener_reset": (ctypes.c_int, [pointer]),
        "oscine_listener_latency": (ctypes.c_uint32, [pointer]),
        "oscine_listener_push": (ctypes.c_int, [pointer, pointer, size]),
        "oscine_listener_frame": (ctypes.c_int, [pointer, pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def engines() -> tuple[str, ...]:
    """Return the names of the engines that can run here, the fastest first."""
    library = runtime_library()
    names = () if library is None else INSTRUCTION_SETS
    return tuple(name for name in names if library and library.oscine_find_engine(name.encode()))


class TooLarge(ValueError):  # noqa: N818 - it says what it is
    """A program asks for more memory or work than the runtime allows."""


class Range(NamedTuple):
    """The range of an input of a program."""

    size: int
    """Values per frame."""
    default: float
    """The value if it is not given."""
    minimum: float
    """Smaller values are clamped to it."""
    maximum: float
    """Larger values are clamped to it."""


class Facts(NamedTuple):
    """The facts of a loaded program."""

    sample_rate: int
    hop_length: int
    latency: int
    weight_bits: int
    inputs: dict[str, Range]
    metadata: dict[str, Any]


def library_and_engine(name: str | None) -> tuple[ctypes.CDLL, str]:
    """Return the library and an engine that runs here, the fastest if no name is given.

    Raises:
        ValueError: When there is none of this name.
    """
    library = runtime_library()
    form = next(iter(engines()), "") if name is None else name
    if library is None or form not in engines():
        there = ", ".join(engines()) or "none: there was no C++ compiler when Oscine was installed"
        raise ValueError(f"There is no engine {name or 'here'}; there is {there}.")
    return library, form


def require_samples(n_samples: int) -> None:
    """Refuse what is not a number of samples.

    Raises:
        ValueError: When it is not whole, or negative.
    """
    if not isinstance(n_samples, int) or isinstance(n_samples, bool) or n_samples < 0:
        raise ValueError(f"n_samples is {n_samples!r}; give a whole number, 0 or more.")


def require_ok(library: ctypes.CDLL, code: int) -> None:
    """Turn the library's code into an error.

    Raises:
        TooLarge: When the program asks for more than the runtime allows.
        ValueError: For every other code but 0.
    """
    if code:
        sentence = library.oscine_error_text(code).decode()
        raise (TooLarge if code == _TOO_LARGE else ValueError)(sentence)


def facts(library: ctypes.CDLL, player: ctypes.c_void_p) -> Facts:
    """Return what a player's program is."""
    of_input = library.oscine_input_size, library.oscine_input_default
    of_input += library.oscine_input_minimum, library.oscine_input_maximum
    n_bytes = ctypes.c_size_t()
    metadata = library.oscine_metadata(player, ctypes.byref(n_bytes))
    content = ctypes.string_at(metadata, n_bytes.value)
    try:
        text = content.decode()
        names = [
            library.oscine_input_name(player, i).decode() for i in range(library.oscine_n_inputs(player))
        ]
    except UnicodeDecodeError:
        raise ValueError("The program's texts are no UTF-8; write it again.") from None
    said = parse_json(text, "The program's metadata", "Write it again.")
    if not isinstance(said, dict):
        raise ValueError("The program's metadata are no JSON object; write it again.")
    return Facts(
        library.oscine_sample_rate(player),
        library.oscine_hop_length(player),
        library.oscine_latency(player),
        library.oscine_weight_bits(player),
        {name: Range(*(one(player, i) for one in of_input)) for i, name in enumerate(names)},
        said,
    )
