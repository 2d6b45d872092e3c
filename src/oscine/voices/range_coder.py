"""A range coder for small whole numbers, with tables that adapt: all in whole numbers, the same everywhere.

A number is coded as decisions, each with a probability that follows what was decided before in the same
context: is it zero, is it more than 1, than 2, …. A decision takes ``−log₂ p`` bits.

Reference: Martin, Range encoding, 1979; the arithmetic is that of LZMA (Pavlov), the decisions are those of
CABAC (Marpe, Schwarz and Wiegand, IEEE Transactions on Circuits and Systems for Video Technology 13, 2003).
"""

from abc import ABC, abstractmethod

_SHIFT = 16
_ONE = 1 << _SHIFT
#: No decision is surer than this, so each takes 0.02 bits or more and a short file can't be a long sound.
_SUREST = _ONE // 64
_SLOWEST = 40
_TOP = 1 << 24
_MASK = (1 << 32) - 1
#: Decisions of their own per context: zero; more than 1, 2, …
_UNARY = 14
_MOST_ESCAPE_BITS = 16
#: Zeros at the end of the bytes that an encoder may leave out.
_LEFT_OUT = 4


class DamagedError(ValueError):
    """The bytes end before the numbers do, or hold a number that is none of an encoder's."""


class RangeCoder(ABC):
    """The common base of an encoder and a decoder, so that one function serves both directions.

    Args:
        start: Of each context, a first guess of the mean magnitude of its numbers, in sixteenths.
    """

    def __init__(self, start: list[int]) -> None:
        # A geometric distribution of mean m goes on with probability m / (1 + m).
        first = [min(max(_ONE * mean // (16 + mean), _SUREST), _ONE - _SUREST) for mean in start]
        self._goes_on = [p for p in first for _ in range(_UNARY)]
        self._seen = [4] * len(self._goes_on)
        self._range = _MASK

    @abstractmethod
    def _decide(self, bound: int, wanted: bool) -> bool:
        """Narrow the range to below a bound (yes) or to the rest, and return which."""

    @abstractmethod
    def _shift_byte(self) -> None:
        """Move on by a byte."""

    def _bit(self, bound: int, wanted: bool) -> bool:
        decided = self._decide(bound, wanted)
        while self._range < _TOP:
            self._range = (self._range << 8) & _MASK
            self._shift_byte()
        return decided

    def _learned(self, place: int, wanted: bool) -> bool:
        p, seen = self._goes_on[place], self._seen[place]
        decided = self._bit((self._range >> _SHIFT) * p, wanted)
        p += ((_ONE if decided else 0) - p) // seen
        self._goes_on[place] = min(max(p, _SUREST), _ONE - _SUREST)
        if seen < _SLOWEST:
            self._seen[place] = seen + 1
        return decided

    def _even(self, wanted: bool) -> bool:
        return self._bit(self._range >> 1, wanted)

    def number(self, context: int, value: int = 0) -> int:
        """Code a number and return it; a decoder does not look at ``value``.

        Args:
            context: Its place in ``start``.
            value: The number, of a magnitude of at most 2¹⁶.

        Raises:
            DamagedError: When the bytes end before the numbers do, or are none of an encoder's.
        """
        size, first, magnitude = abs(value), context * _UNARY, 0
        while magnitude < _UNARY and self._learned(first + magnitude, size > magnitude):
            magnitude += 1
        if magnitude == 0:
            return 0
        if magnitude == _UNARY:
            magnitude += self._escape(size - _UNARY)
        return -magnitude if self._even(value < 0) else magnitude

    def _escape(self, excess: int) -> int:
        """Code a number from 0 by Elias' gamma code of the number after it."""
        n_bits = 0
        while self._even((excess + 1) >> (n_bits + 1) > 0):
            n_bits += 1
            if n_bits > _MOST_ESCAPE_BITS:
                raise DamagedError("a number is too large")
        total = 1
        for place in reversed(range(n_bits)):
            total = 2 * total + self._even(bool((excess + 1) >> place & 1))
        return total - 1


class RangeEncoder(RangeCoder):
    """Numbers to bytes."""

    def __init__(self, start: list[int]) -> None:
        super().__init__(start)
        self._low = 0
        self._bytes = bytearray()

    def _decide(self, bound: int, wanted: bool) -> bool:
        if wanted:
            self._range = bound
        else:
            self._low += bound
            self._range -= bound
        return wanted

    def _shift_byte(self) -> None:
        if self._low > _MASK:
            # A carry: at least one byte before is below 255, for all of the code stays below 1.
            at = len(self._bytes) - 1
            while self._bytes[at] == 0xFF:
                self._bytes[at] = 0
                at -= 1
            self._bytes[at] += 1
            self._low &= _MASK
        self._bytes.append(self._low >> 24)
        self._low = (self._low << 8) & _MASK

    def finish(self) -> bytes:
        """Return all bytes but zeros among the last four: a decoder reads zeros behind the end."""
        # Any value in [low, low + range) will do: the one with the most zeros at its end.
        for n_zeros in (24, 16, 8, 0):
            value = -(-self._low >> n_zeros) << n_zeros
            if value < self._low + self._range:
                self._low = value
                break
        for _ in range(4):
            self._shift_byte()
        return bytes(self._bytes[:-_LEFT_OUT] + self._bytes[-_LEFT_OUT:].rstrip(b"\0"))


class RangeDecoder(RangeCoder):
    """Bytes to the numbers that an encoder was given, with the same contexts in the same order.

    Args:
        start: As the encoder's.
        content: The encoder's bytes.
    """

    def __init__(self, start: list[int], content: bytes) -> None:
        super().__init__(start)
        self._content, self._at, self._code = content, 0, 0
        for _ in range(4):
            self._shift_byte()

    def _decide(self, bound: int, wanted: bool) -> bool:
        if self._code < bound:
            self._range = bound
            return True
        self._code -= bound
        self._range -= bound
        return False

    def _shift_byte(self) -> None:
        if self._at >= len(self._content) + _LEFT_OUT:
            raise DamagedError("the bytes end too early")
        byte = self._content[self._at] if self._at < len(self._content) else 0
        self._at += 1
        self._code = (self._code << 8 | byte) & _MASK
