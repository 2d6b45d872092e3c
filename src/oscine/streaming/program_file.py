"""The program file: a program as bytes, and back (docs/background/program-file.md has the layout)."""

import hashlib
import json
import math
import struct
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from oscine.errors import InputError
from oscine.files import parse_json
from oscine.streaming.contents import Contents, Operation, ProgramInput, Wire

WeightType = Literal["float32", "float16", "int8"]
WEIGHT_TYPES: tuple[WeightType, ...] = ("float32", "float16", "int8")

MAGIC = b"OSCINE\r\n"
VERSIONS = (1, 2)
_VERSION_OF_INT8 = 2
SUFFIX = ".oscine"

_HEADER = struct.Struct("<8s10I7Q16x32s32x")
_INPUT = struct.Struct("<64sIIfffI8x")
_OPERATION = struct.Struct("<24sIIHHHH8x")
_TENSOR = struct.Struct("<QQIII4x")
_DIGEST = slice(128, 160)
_ALIGNMENT = 64
_LONGEST_NAME = 63
_LONGEST_KIND = 23
_POSITIVE, _OPTIONAL = 1, 2
_FLOAT32, _FLOAT16, _INT8 = 0, 1, 2
_TYPES = np.dtype("<f4"), np.dtype("<f2"), np.dtype("<i1")
_SHORTEST_HALF = 1024
_LARGEST_HALF = 65504.0


class _Stored(NamedTuple):
    """A tensor as it stands in the file."""

    type: int
    """Of `_TYPES`."""
    rows: int
    columns: int
    content: bytes


def to_bytes(program: Contents, dtype: WeightType) -> bytes:
    """Return the file's content; see `Program.to_bytes`."""
    if dtype not in WEIGHT_TYPES:
        raise ValueError(f"The weights can't be {dtype}; give one of {', '.join(WEIGHT_TYPES)}.")
    _check(program)
    arguments: list[bytes] = []
    operations: list[bytes] = []
    stored: list[_Stored] = []
    for one in program.operations:
        arguments += [struct.pack("<II", wire.offset, wire.size) for wire in one.inputs]
        arguments += [struct.pack("<q", integer) for integer in one.integers]
        arguments += [struct.pack("<d", number) for number in one.numbers]
        own = "float16" if one.is_exact and dtype == "int8" else dtype
        stored += [_stored(tensor, own) for tensor in one.tensors]
        counts = len(one.inputs), len(one.integers), len(one.numbers), len(one.tensors)
        operations.append(_OPERATION.pack(one.kind.encode(), one.output.offset, one.output.size, *counts))
    metadata = json.dumps(program.metadata, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()
    inputs = b"".join(_input_record(one) for one in program.inputs)
    table_size = _TENSOR.size * len(stored)
    sizes = [len(inputs), _OPERATION.size * len(operations), 8 * len(arguments), table_size, len(metadata)]
    places = [_HEADER.size]
    for size in sizes:
        places.append(_aligned(places[-1] + size))
    at = places.pop()
    table: list[bytes] = []
    where: list[int] = []
    for one in stored:
        where.append(at)
        table.append(_TENSOR.pack(at, one.rows * one.columns, one.type, one.rows, one.columns))
        at = _aligned(at + len(one.content))
    output = program.output
    assert output is not None
    file = bytearray(at)
    rates = program.sample_rate, program.hop_length, program.latency
    counts = len(program.inputs), len(operations), len(stored), program.n_values, output.offset
    numbers = *rates, *counts, len(arguments), *places, len(metadata), len(file)
    version = _VERSION_OF_INT8 if any(one.type == _INT8 for one in stored) else 1
    _HEADER.pack_into(file, 0, MAGIC, version, *numbers, bytes(32))
    sections = inputs, b"".join(operations), b"".join(arguments), b"".join(table), metadata
    for place, section in zip(places, sections, strict=True):
        file[place : place + len(section)] = section
    for place, one in zip(where, stored, strict=True):
        file[place : place + len(one.content)] = one.content
    file[_DIGEST] = hashlib.sha256(file).digest()
    return bytes(file)


def from_bytes(content: bytes) -> Contents:
    """Return the program of a file's content; see `Program.from_bytes`."""
    try:
        header = _header(content)
        return _read(content, header)
    except (struct.error, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(
            "The program file is invalid: a table does not fit into it; write it again."
        ) from error


def read_metadata(content: bytes) -> dict[str, Any]:
    """Return the facts in a program file about its instrument.

    Raises:
        ValueError: When the content is not a program file, or is damaged.
    """
    header = _header(content)
    at, size = header[15:17]
    try:
        metadata = parse_json(content[at : at + size].decode(), "The metadata")
    except (ValueError, RecursionError) as error:
        raise ValueError("The program file is invalid: its metadata are no JSON; write it again.") from error
    if not isinstance(metadata, dict):
        raise ValueError("The program file is invalid: its metadata are no JSON object; write it again.")
    return metadata


def _check(program: Contents) -> None:
    output = program.output
    if output is None or output.size != program.hop_length:
        raise ValueError("The program has no audio; set its output to a wire of hop_length samples.")
    for one in program.inputs:
        if not 0 < len(one.name.encode()) <= _LONGEST_NAME or "\0" in one.name:
            raise ValueError(f"The input's name {one.name!r} is not 1 to {_LONGEST_NAME} bytes; rename it.")
        bounds = one.minimum, one.default, one.maximum
        if not all(map(math.isfinite, bounds)) or list(bounds) != sorted(bounds):
            raise ValueError(
                f"The input {one.name} has the range {one.minimum} … {one.maximum} and the default "
                f"{one.default}; give finite numbers, the default within the range."
            )
    for one in program.operations:
        if not 0 < len(one.kind.encode()) <= _LONGEST_KIND:
            raise ValueError(f"The operation's kind {one.kind!r} is not 1 to {_LONGEST_KIND} bytes.")
        numbers_are_finite = all(map(math.isfinite, one.numbers))
        if not numbers_are_finite or not all(bool(torch.isfinite(tensor).all()) for tensor in one.tensors):
            raise InputError(
                f"The weights of an operation {one.kind!r} are not all finite; get the instrument again, or "
                "train it again."
            )


def _stored(tensor: Tensor, dtype: str) -> _Stored:
    values = tensor.numpy()
    rows = len(values) if values.ndim == 2 else 1
    columns = values.size // rows
    is_small = float(tensor.abs().max()) <= _LARGEST_HALF
    if dtype == "int8" and values.ndim == 2 and is_small:
        # The largest number of a row is 127 of its scale.
        scales = np.abs(values).max(axis=1, keepdims=True).astype("<f4") / 127
        steps = np.divide(values, scales, out=np.zeros_like(values), where=scales > 0)
        numbers = np.rint(steps).clip(-127, 127).astype("<i1")
        return _Stored(_INT8, rows, columns, scales.tobytes() + numbers.tobytes())
    # Short vectors, such as biases and norms, gain nothing.
    is_large = values.ndim == 2 or values.size >= _SHORTEST_HALF
    kind = _FLOAT16 if dtype != "float32" and is_large and is_small else _FLOAT32
    return _Stored(kind, rows, columns, values.astype(_TYPES[kind]).tobytes())


def _input_record(one: ProgramInput) -> bytes:
    flags = _POSITIVE * one.positive + _OPTIONAL * one.optional
    size = one.wire.offset, one.wire.size
    return _INPUT.pack(one.name.encode(), *size, one.default, one.minimum, one.maximum, flags)


def _header(content: bytes) -> tuple[Any, ...]:
    if len(content) < _HEADER.size or not content.startswith(MAGIC):
        raise ValueError("This is not a program file of Oscine; give the content of a .oscine file.")
    header = _HEADER.unpack_from(content)
    if header[1] not in VERSIONS:
        raise ValueError(
            f"The program file has version {header[1]}, and this Oscine reads {VERSIONS[0]} to "
            f"{VERSIONS[-1]}; update Oscine or write the file again."
        )
    blank = bytearray(content)
    blank[_DIGEST] = bytes(32)
    if hashlib.sha256(blank).digest() != content[_DIGEST]:
        raise ValueError("The program file is damaged: its sha256 is not that of its bytes; get it again.")
    return header


def _read(content: bytes, header: tuple[Any, ...]) -> Contents:
    n_inputs, n_operations, n_tensors, n_values, output, _ = header[5:11]
    inputs_at, operations_at, arguments_at, tensors_at = header[11:15]
    rates = header[2], header[3], header[4]
    program = Contents(*rates, read_metadata(content), n_values=n_values)
    program.output = Wire(output, program.hop_length)
    for i in range(n_inputs):
        name, offset, size, default, minimum, maximum, flags = _INPUT.unpack_from(
            content, inputs_at + i * _INPUT.size
        )
        wire = Wire(offset, size)
        positive, optional = bool(flags & _POSITIVE), bool(flags & _OPTIONAL)
        range_ = default, minimum, maximum
        program.inputs.append(ProgramInput(_text(name), wire, *range_, positive, optional))
    tensors: list[Tensor] = []
    n_bytes = 0
    for i in range(n_tensors):
        tensor, size = _tensor(content, tensors_at + i * _TENSOR.size, header[1])
        tensors.append(tensor)
        n_bytes += size
        if n_bytes > len(content):
            raise struct.error  # tensors that overlap could be many times the file
    for i in range(n_operations):
        record = _OPERATION.unpack_from(content, operations_at + i * _OPERATION.size)
        kind, offset, size, *counts = record
        at = [arguments_at]
        for count in counts[:3]:
            at.append(at[-1] + 8 * count)
        arguments_at = at[3]
        wires = tuple(Wire(*struct.unpack_from("<II", content, at[0] + 8 * j)) for j in range(counts[0]))
        integers = struct.unpack_from(f"<{counts[1]}q", content, at[1])
        numbers = struct.unpack_from(f"<{counts[2]}d", content, at[2])
        own, tensors = tuple(tensors[: counts[3]]), tensors[counts[3] :]
        program.operations.append(Operation(_text(kind), wires, Wire(offset, size), integers, numbers, own))
    return program


def _tensor(content: bytes, record_at: int, version: int) -> tuple[Tensor, int]:
    """Return a tensor, and the bytes that it takes in the file."""
    at, n_elements, kind, rows, columns = _TENSOR.unpack_from(content, record_at)
    if kind > (_INT8 if version >= _VERSION_OF_INT8 else _FLOAT16) or rows * columns != n_elements:
        raise struct.error
    n_scales = rows if kind == _INT8 else 0
    n_bytes = 4 * n_scales + n_elements * _TYPES[kind].itemsize
    if at + n_bytes > len(content):
        raise struct.error
    values = np.frombuffer(content, _TYPES[kind], n_elements, at + 4 * n_scales).astype(np.float32)
    if kind == _INT8:
        scales = np.frombuffer(content, "<f4", n_scales, at)
        values = (values.reshape(rows, columns) * scales[:, None]).reshape(-1)
    return torch.from_numpy(values.reshape(rows, columns) if rows > 1 else values), n_bytes


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode()


def _aligned(at: int) -> int:
    return -(-at // _ALIGNMENT) * _ALIGNMENT
