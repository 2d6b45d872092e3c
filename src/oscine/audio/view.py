"""Bytes of files and of memory: by their place, and joined as if they were one file.

No file is mapped into memory: a mapped file that another process shortens ends this process with a bus error.
"""

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, cast, overload

_BLOCK_BYTES = 1 << 17


class FileContent:
    """The bytes of a file by their place, as those of ``bytes``, read when they are asked for.

    Args:
        path: A regular file, which is open until ``close``.

    Raises:
        OSError: When it cannot be opened; later, when it cannot be read or has become shorter.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = cast("io.BufferedReader", open(path, "rb", buffering=_BLOCK_BYTES))  # noqa: SIM115 - see close
        self._size = os.fstat(self._file.fileno()).st_size
        self._block, self._block_start = b"", 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        """Return how many bytes there were when it was opened."""
        return self._size

    @overload
    def __getitem__(self, place: int) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> bytes: ...

    def __getitem__(self, place: int | slice) -> int | bytes:
        """Return a byte, or those of a slice without a step."""
        if isinstance(place, int):
            if not 0 <= place < self._size:
                raise IndexError(place)
            return self._stretch(place, place + 1)[0]
        start, stop, _ = place.indices(self._size)
        return self._stretch(start, stop)

    def find(self, what: bytes, start: int, stop: int | None = None) -> int:
        """Return the first place of some bytes within two places, −1 where there is none."""
        stop = self._size if stop is None else min(stop, self._size)
        while start < stop:
            end = min(start + _BLOCK_BYTES, stop)
            if (found := self._stretch(start, end).find(what)) >= 0:
                return start + found
            start = end if end == stop else end - len(what) + 1
        return -1

    def rfind(self, what: bytes, start: int, stop: int) -> int:
        """Return the last place of some bytes within two places, −1 where there is none."""
        stop = min(stop, self._size)
        while start < stop:
            begin = max(start, (stop - len(what)) // _BLOCK_BYTES * _BLOCK_BYTES)
            if (found := self._stretch(begin, stop).rfind(what)) >= 0:
                return begin + found
            stop = begin if begin == start else begin + len(what) - 1
        return -1

    def read_into(self, place: int, target: memoryview) -> int:
        """Fill memory with the bytes from a place on, and return how many there are."""
        self._file.seek(place)
        return self._file.readinto(target)

    def _stretch(self, start: int, stop: int) -> bytes:
        first = start - self._block_start
        if first < 0 or stop - self._block_start > len(self._block):
            if start >= stop:
                return b""
            begin = start // _BLOCK_BYTES * _BLOCK_BYTES
            end = min(begin + _BLOCK_BYTES, self._size)
            if stop > end:
                return self._read(start, stop)
            self._block, self._block_start = self._read(begin, end), begin
            first = start - begin
        return self._block[first : first + stop - start]

    def _read(self, start: int, stop: int) -> bytes:
        self._file.seek(start)
        content = self._file.read(stop - start)
        if len(content) < stop - start:
            raise OSError("it became shorter while it was read")
        return content


class View(io.RawIOBase):
    """A file made of parts, one behind the other; it can be read and searched.

    Args:
        content: A file.
        parts: What it is made of: bytes, and stretches of the file (first byte, the one behind the last).

    Attributes:
        error: Why a read failed, if one did; to who reads, the view ends there.
    """

    def __init__(self, content: FileContent, parts: Sequence[bytes | tuple[int, int]]) -> None:
        super().__init__()
        self.error: OSError | None = None
        self._content = content
        self._parts = parts
        lengths = [len(part) if isinstance(part, bytes) else part[1] - part[0] for part in parts]
        self._ends = list(accumulate(lengths))
        self._starts = [end - length for end, length in zip(self._ends, lengths, strict=True)]
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place and return it; none is before the first byte."""
        size = self._ends[-1] if self._ends else 0
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there are bytes, and return how many these are."""
        target = memoryview(buffer).cast("B")
        done = 0
        which = bisect_right(self._ends, self._position)
        while done < len(target) and which < len(self._parts):
            n_wanted = min(len(target) - done, self._ends[which] - self._position)
            n_read = self._read_part(
                which, self._position - self._starts[which], target[done : done + n_wanted]
            )
            done += n_read
            self._position += n_read
            if n_read < n_wanted:
                break  # the file became shorter
            which += 1
        return done

    def _read_part(self, which: int, first: int, target: memoryview) -> int:
        part = self._parts[which]
        if isinstance(part, bytes):
            target[:] = part[first : first + len(target)]
            return len(target)
        try:
            return self._content.read_into(part[0] + first, target)
        except OSError as error:  # libsndfile calls from C, where an exception is lost
            self.error = error
            return 0
