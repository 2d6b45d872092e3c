"""The columns of a shard: how its audio is stored, and how a part of a column is read."""

import io
import math
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import soundfile
import torch
from jaxtyping import Float32
from torch import Tensor

from oscine.errors import InputError
from oscine.tensor_file import TensorHeader, TensorInfo, read_header

Store = Literal["float32", "int16", "flac"]
"""How the audio of a dataset is stored: as it was analysed, in 16 bits, or as FLAC of 16 bits."""

STORES: tuple[str, ...] = get_args(Store)

#: The type of the column "audio", by which a reader tells the store.
_DTYPES = (torch.float32, torch.int16, torch.uint8)
_SCALE = "audio_scale"
_LEAST_SCALE, _LARGEST_SCALE = 2.0**-16, 2.0**16
#: FLAC of silence has next to no bytes; so much may be decoded of one shard.
_MOST_FLAC_SAMPLES = 1 << 28
#: Shards whose layout is remembered.
_MOST_LAYOUTS = 16_384


def store_named(name: str) -> Store:
    """Return the store of a name.

    Raises:
        InputError: When there is none.
    """
    for store in get_args(Store):
        if store == name:
            return store
    raise InputError(f"'{name}' is not a way to store audio; choose one of {', '.join(STORES)}.")


def stored_audio(
    audio: Float32[np.ndarray, " time"], store: Store, sample_rate: int
) -> tuple[Tensor, dict[str, str] | None]:
    """Return the column "audio" of a shard, and the shard's metadata.

    In 16 bits a sample is ``scale / 32768`` times a whole number. The scale is the smallest power of two
    that clips no sample: the error is at most 2⁻¹⁶ of the scale, and none where the source has 16 bits, one
    channel and the dataset's sample rate.

    Args:
        audio: The samples.
        store: How they are stored.
        sample_rate: In Hz; FLAC keeps it.
    """
    if store == "float32":
        return torch.from_numpy(audio), None
    scale = _LEAST_SCALE
    while scale < _LARGEST_SCALE and not _fits(audio, scale):
        scale *= 2
    # A power of two: the product is exact.
    whole = np.rint(audio * np.float32(32_768 / scale)).clip(-32_768, 32_767).astype(np.int16)
    metadata = {_SCALE: repr(scale)}
    if store == "int16":
        return torch.from_numpy(whole), metadata
    content = io.BytesIO()
    soundfile.write(content, whole, sample_rate, format="FLAC", subtype="PCM_16")
    return torch.from_numpy(np.frombuffer(content.getvalue(), np.uint8).copy()), metadata


def _fits(audio: Float32[np.ndarray, " time"], scale: float) -> bool:
    factor = np.float32(32_768 / scale)
    return bool(np.rint(audio.max() * factor) <= 32_767 and np.rint(audio.min() * factor) >= -32_768)


def check_columns(path: Path, lengths: dict[str, int], remedy: str) -> None:
    """Refuse a shard whose columns do not have these lengths.

    Args:
        path: The shard.
        lengths: Of each column by name, in numbers.
        remedy: A sentence, what to do.

    Raises:
        InputError: When a column is missing, its length or type differs, or its audio can't be decoded.
        OSError: When it can't be read.
    """
    header = read_header(path)
    for name, length in lengths.items():
        info = header.tensors.get(name)
        if info is None or _length(path, name, info) != length:
            raise InputError(f"{path} can't be used: its column {name} is not {length} numbers; {remedy}")
    if header.tensors["audio"].dtype != torch.float32:
        _scale(path, header)


def _length(path: Path, name: str, info: TensorInfo) -> int | None:
    """Return the numbers in a column; None where it is none."""
    if len(info.shape) != 1:
        return None
    if info.dtype == torch.float32 or (name == "audio" and info.dtype == torch.int16):
        return info.shape[0]
    if name != "audio" or info.dtype != torch.uint8:
        return None
    try:
        with open(path, "rb", buffering=0) as file, _flac(file, info) as flac:
            is_ours = (flac.format, flac.subtype, flac.channels) == ("FLAC", "PCM_16", 1)
            return flac.frames if is_ours and flac.frames <= _MOST_FLAC_SAMPLES else None
    except soundfile.SoundFileError:
        return None


def _scale(path: Path, header: TensorHeader) -> float:
    text = header.metadata.get(_SCALE, "")
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not _LEAST_SCALE <= scale <= _LARGEST_SCALE:
        raise InputError(
            f"{path} can't be used: its {_SCALE} is '{text[:40]}', which is no scale of 16-bit audio; "
            "prepare the dataset again."
        )
    return scale


def read_column(path: Path, name: str, start: int, stop: int) -> Float32[np.ndarray, " time"]:
    """Return the values ``start`` … ``stop − 1`` of a column.

    They are read and not mapped: a shard that becomes shorter while it is mapped ends the process (SIGBUS),
    and one that is read gives fewer bytes, which is a sentence. A crop has to be copied anyway. Of FLAC the
    part that is asked for is decoded, and nothing is kept.

    Raises:
        InputError: When the shard is no longer as it was written.
        OSError: When it can't be read.
    """
    try:
        layout = _layout(path)
        info = layout.columns.get(name)
        if info is None:
            raise _changed(path)
        values = _read(path, info, start, stop)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run oscine prepare again, it makes it.") from None
    if info.dtype == torch.float32:
        return values
    return values.astype(np.float32) * np.float32(layout.scale / 32_768)


def _read(path: Path, info: TensorInfo, start: int, stop: int) -> np.ndarray:
    with open(path, "rb", buffering=0) as file:
        if info.dtype == torch.uint8:
            return _decoded(path, file, info, start, stop)
        return _raw(path, file, info, start, stop)


def _raw(path: Path, file: io.FileIO, info: TensorInfo, start: int, stop: int) -> np.ndarray:
    kind = np.dtype("<f4") if info.dtype == torch.float32 else np.dtype("<i2")
    offset = info.start + kind.itemsize * start
    values = np.empty(stop - start, kind)
    left = values.data.cast("B")
    if offset + len(left) <= info.stop:
        file.seek(offset)
        while left and (n_read := file.readinto(left)):
            left = left[n_read:]
    if left:
        raise _changed(path)
    return values


def _decoded(path: Path, file: io.FileIO, info: TensorInfo, start: int, stop: int) -> np.ndarray:
    try:
        with _flac(file, info) as flac:
            if not 0 <= start <= stop <= flac.frames or flac.channels != 1:
                raise _changed(path)
            flac.seek(start)
            values = flac.read(stop - start, dtype="int16")
    except soundfile.SoundFileError:
        raise _changed(path) from None
    if len(values) < stop - start:
        raise _changed(path)
    return values


def _changed(path: Path) -> InputError:
    return InputError(f"{path} is not as it was written; run oscine prepare again, it repairs it.")


class _Layout(NamedTuple):
    columns: dict[str, TensorInfo]
    scale: float


@lru_cache(maxsize=_MOST_LAYOUTS)
def _layout(path: Path) -> _Layout:
    """Return where the columns of a shard are, and the scale of its audio."""
    header = read_header(path)
    columns = {
        name: info
        for name, info in header.tensors.items()
        if len(info.shape) == 1
        and (info.dtype == torch.float32 or (name == "audio" and info.dtype in _DTYPES))
    }
    is_scaled = "audio" in columns and columns["audio"].dtype != torch.float32
    return _Layout(columns, _scale(path, header) if is_scaled else 1.0)


def _flac(file: io.FileIO, info: TensorInfo) -> soundfile.SoundFile:
    window: Any = _Window(file, info)  # soundfile takes files of every kind, and does not say so
    return soundfile.SoundFile(window)


class _Window(io.RawIOBase):
    """The bytes of one column as a file of their own, for libsndfile.

    Args:
        file: The shard.
        info: The column.
    """

    def __init__(self, file: io.FileIO, info: TensorInfo) -> None:
        self._file, self._first, self._n_bytes = file, info.start, info.stop - info.start
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._n_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer)
        target = target[: max(0, min(len(target), self._n_bytes - self._position))]
        self._file.seek(self._first + self._position)
        n_read = self._file.readinto(target) or 0
        self._position += n_read
        return n_read
