"""Parts of files and of memory, read as if they were one file."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any


class View(io.RawIOBase):
    """A file made of parts, one behind the other; it can be read and searched.

    Args:
        parts: What it is made of; slices of a mapped file are not copied.
    """

    def __init__(self, parts: Sequence[bytes | memoryview]) -> None:
        super().__init__()
        self._parts = [memoryview(part) for part in parts]
        self._ends = list(accumulate(len(part) for part in self._parts))
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
            part = self._parts[which]
            start = self._position - (self._ends[which] - len(part))
            piece = part[start : start + len(target) - done]
            target[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
            which += 1
        return done
