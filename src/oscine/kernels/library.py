"""The compiled kernels: where the library is, and its C interface (native/oscine.h) in ctypes."""

import ctypes
import functools
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

SUFFIXES = {"win32": ".dll", "darwin": ".dylib"}
"""Of a shared library, by `sys.platform`; ".so" elsewhere. setup.py builds it under this name."""
FILE = Path(__file__).with_name(f"liboscine{SUFFIXES.get(sys.platform, '.so')}")
INSTRUCTION_SETS = ("avx512", "avx2", "portable")
"""The fastest first."""
DTYPES = {torch.float32: "f32", torch.float64: "f64"}
"""What the kernels compute in."""
VERSION = 3
"""Version of the interface; a library with another version is not used."""

_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_int64


class Bank(ctypes.Structure):
    """`oscine_bank`."""

    _fields_ = (
        *[(name, _SIZE) for name in ("batch", "n_frames", "hop_length", "n_partials", "n_sines")],
        ("nyquist", ctypes.c_double),
        *[
            (name, _POINTER)
            for name in (
                "polynomial",
                "frequency_hz",
                "previous_hz",
                "amplitude",
                "weights",
                "previous_amplitudes",
                "audio",
                "grad_audio",
                "grad_polynomial",
                "grad_amplitude",
                "grad_weights",
                "grad_previous_amplitudes",
            )
        ],
    )


class Gru(ctypes.Structure):
    """`oscine_gru`."""

    _fields_ = (
        *[(name, _SIZE) for name in ("batch", "n_frames", "hidden_size")],
        *[
            (name, _POINTER)
            for name in (
                "gates",
                "weight",
                "bias",
                "initial",
                "output",
                "kept",
                "grad_output",
                "grad_gates",
                "grad_recurrent",
                "grad_initial",
            )
        ],
    )


class Noise(ctypes.Structure):
    """`oscine_noise`."""

    _fields_ = (
        *[(name, _SIZE) for name in ("batch", "n_frames", "hop_length", "n_taps")],
        *[
            (name, _POINTER)
            for name in (
                "seed",
                "sample",
                "taps",
                "previous",
                "audio",
                "grad_audio",
                "grad_taps",
                "grad_previous",
            )
        ],
    )


class Allpole(ctypes.Structure):
    """`oscine_allpole`."""

    _fields_ = (
        *[(name, _SIZE) for name in ("batch", "n_frames", "hop_length", "order")],
        *[
            (name, _POINTER)
            for name in (
                "audio",
                "angles",
                "previous",
                "initial",
                "output",
                "states",
                "grad_output",
                "grad_states",
                "grad_audio",
                "grad_angles",
                "grad_previous",
                "grad_initial",
            )
        ],
    )


class Spectra(ctypes.Structure):
    """`oscine_spectra`."""

    _fields_ = (
        *[(name, _SIZE) for name in ("n_frames", "n_bins")],
        *[(name, ctypes.c_float) for name in ("linear", "log", "epsilon")],
        ("has_nyquist", ctypes.c_int),
    )


_Function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)


class Kernels(ctypes.Structure):
    """`oscine_kernels`: one instruction set's functions."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("bank_f32", _Function),
        ("bank_f64", _Function),
        ("gru_f32", _Function),
        ("gru_f64", _Function),
        ("noise_f32", _Function),
        ("noise_f64", _Function),
        ("allpole_f64", _Function),
        ("cut", ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _SIZE, _SIZE, _SIZE, _POINTER)),
        ("add", ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _SIZE, _SIZE, _SIZE, _POINTER)),
        ("compare", ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, _POINTER, _POINTER)),
    )

    def function(self, name: str, dtype: torch.dtype) -> Callable[..., None]:
        """Return a kernel for numbers of a precision, one of `DTYPES`."""
        return getattr(self, f"{name}_{DTYPES[dtype]}")


@functools.cache
def open_library() -> ctypes.CDLL | None:
    """Return the compiled library, or None where there is none for this machine."""
    if not FILE.exists():
        return None
    try:
        library = ctypes.CDLL(str(FILE))
    except OSError:
        # Built for another kind of machine.
        return None
    if library.oscine_version() != VERSION:
        return None
    library.oscine_find.restype = ctypes.POINTER(Kernels)
    library.oscine_find.argtypes = [ctypes.c_char_p]
    return library


@functools.cache
def find(instruction_set: str) -> Kernels | None:
    """Return the kernels for an instruction set, or None where this build or machine has none."""
    library = open_library()
    found = None if library is None else library.oscine_find(instruction_set.encode())
    return found.contents if found else None


def fill(structure: type[ctypes.Structure], **values: Tensor | int | float | None) -> ctypes.Structure:
    """Return a structure with these values, which keeps the tensors alive.

    Raises:
        ValueError: When a tensor is not on the CPU, or its numbers don't lie one after the other.
    """
    for name, value in values.items():
        if isinstance(value, Tensor) and not (value.device.type == "cpu" and value.is_contiguous()):
            raise ValueError(
                f"{name} is {value.device.type} {value.stride()}; give contiguous numbers on the CPU."
            )
    filled = structure(
        **{name: value.data_ptr() if isinstance(value, Tensor) else value for name, value in values.items()}
    )
    filled.alive = values  # pyright: ignore[reportAttributeAccessIssue]
    return filled


def address(structure: ctypes.Structure) -> int:
    """Return where a structure is."""
    return ctypes.addressof(structure)


def call(
    instruction_set: str, name: str, dtype: torch.dtype, structure: ctypes.Structure, backward: bool
) -> None:
    """Run a kernel on as many threads as torch may use.

    A backward pass may find another form chosen than its forward pass did; it is computed all the same, by
    the best instruction set that there is.

    Raises:
        ValueError: When there is no compiled library here.
    """
    kernels = find(instruction_set) or next(filter(None, map(find, INSTRUCTION_SETS)), None)
    if kernels is None:
        raise ValueError(
            f"{name}: there is no compiled library for this machine; install a C++ compiler and Oscine again."
        )
    kernels.function(name, dtype)(address(structure), int(backward), torch.get_num_threads())
