"""Safetensors files that others may have made: the header is checked before anything is allocated."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from oscine.errors import InputError
from oscine.files import file_size, parse_json, read_bytes

_LENGTH_BYTES = 8
_MOST_HEADER_BYTES = 8 << 20
_MOST_DIMENSIONS = 8
_MOST_FILE_BYTES = 16 << 30
_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}


class TensorInfo(NamedTuple):
    """One tensor of a file."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    """Its first byte in the file."""
    stop: int
    """The byte behind its last."""


class TensorHeader(NamedTuple):
    """The tensors that a file declares; all are inside it, and none overlaps another."""

    tensors: dict[str, TensorInfo]
    metadata: dict[str, str]


def read_header(path: str | Path) -> TensorHeader:
    """Return the header of a safetensors file; nothing else is read.

    Raises:
        InputError: When it is no such file: not a regular file, cut, a header that is too long, not JSON or
            not of tensors, tensors that overlap, leave gaps, or reach beyond the end.
        OSError: When it can't be read.
    """
    size = file_size(path)
    with open(path, "rb") as file:
        length = file.read(_LENGTH_BYTES)
        n_header = _header_length(length, size, path)
        return _header(file.read(n_header), _LENGTH_BYTES + n_header, size, path)


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str], bytes]:
    """Return the tensors of a safetensors file, its metadata, and its whole content, read once.

    Raises:
        InputError: See `read_header`.
        OSError: When it can't be read.
    """
    content = read_bytes(path, _MOST_FILE_BYTES)
    n_header = _header_length(content[:_LENGTH_BYTES], len(content), path)
    first = _LENGTH_BYTES + n_header
    header = _header(content[_LENGTH_BYTES:first], first, len(content), path)
    tensors = {}
    for name, info in header.tensors.items():
        if info.start == info.stop:
            tensors[name] = torch.empty(info.shape, dtype=info.dtype)
        else:
            # Of their own bytes, so that each is aligned and can be written to.
            own = bytearray(content[info.start : info.stop])
            tensors[name] = torch.frombuffer(own, dtype=info.dtype).reshape(info.shape)
    return tensors, header.metadata, content


def require_fit(
    found: Mapping[str, TensorInfo],
    expected: Mapping[str, Tensor],
    name: str | Path,
    *,
    half: bool = False,
) -> None:
    """Refuse tensors that are not those of a model.

    Args:
        found: The content of a file.
        expected: The model's, which may be on the meta device.
        name: The noun for the file in the sentence.
        half: Allow float16 in the place of float32.

    Raises:
        InputError: When a name, a shape or a dtype differs.
    """
    missing = next((key for key in expected if key not in found), None)
    if missing is not None:
        raise InputError(f"The weights of {name} do not fit its config: {missing} is missing. Get it again.")
    surplus = next((key for key in found if key not in expected), None)
    if surplus is not None:
        raise InputError(
            f"The weights of {name} do not fit its config: it has no {surplus[:80]!r}. Get it again."
        )
    for key, tensor in expected.items():
        info = found[key]
        short = half and tensor.dtype == torch.float32 and info.dtype == torch.float16
        if info.shape != tuple(tensor.shape) or not (short or info.dtype == tensor.dtype):
            raise InputError(
                f"The weights of {name} do not fit its config: {key} is {_described(info.shape, info.dtype)} "
                f"in place of {_described(tuple(tensor.shape), tensor.dtype)}. Get it again."
            )


def _described(shape: tuple[int, ...], dtype: torch.dtype) -> str:
    return f"{' × '.join(map(str, shape)) or 'a number'} ({str(dtype).removeprefix('torch.')})"


def _header_length(length: bytes, size: int, path: str | Path) -> int:
    n_header = int.from_bytes(length, "little")
    if len(length) < _LENGTH_BYTES or not 2 <= n_header <= min(_MOST_HEADER_BYTES, size - _LENGTH_BYTES):
        raise _refusal(path, "its header is missing or cut")
    return n_header


def _header(content: bytes, first: int, size: int, path: str | Path) -> TensorHeader:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _refusal(path, "its header is not text") from None
    entries = parse_json(text, f"The header of {path}")
    if not isinstance(entries, dict):
        raise _refusal(path, "its header is not a table of tensors")
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _refusal(path, "its metadata is not text")
    tensors = {name: _info(name, entry, first, path) for name, entry in entries.items()}
    end = first
    for info in sorted(tensors.values(), key=lambda one: (one.start, one.stop)):
        if info.start != end:
            raise _refusal(path, "its tensors overlap or leave a gap")
        end = info.stop
    if end != size:
        raise _refusal(path, "it is longer or shorter than its tensors")
    return TensorHeader(tensors, metadata)


def _info(name: str, entry: Any, first: int, path: str | Path) -> TensorInfo:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _refusal(path, f"the entry {name[:80]!r} is not a tensor's")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise _refusal(path, f"the tensor {name[:80]!r} has a type that there is not")
    if not _are_sizes(shape) or len(shape) > _MOST_DIMENSIONS or not _are_sizes(offsets) or len(offsets) != 2:
        raise _refusal(path, f"the tensor {name[:80]!r} has no proper shape or place")
    kind, (start, stop) = _DTYPES[dtype], offsets
    if stop - start != math.prod(shape) * kind.itemsize:
        raise _refusal(path, f"the tensor {name[:80]!r} is longer or shorter than its shape")
    return TensorInfo(kind, tuple(shape), first + start, first + stop)


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 48 for value in values
    )


def _refusal(path: str | Path, reason: str) -> InputError:
    return InputError(f"{path} is not a safetensors file: {reason}. Get it again.")
