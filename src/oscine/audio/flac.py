"""FLAC: how many samples there are, whatever the header says of it.

Reference: RFC 9639.
"""

from oscine.audio.findings import Findings
from oscine.audio.view import FileContent

_HEADER_BYTES = 42
#: The depths that libsndfile opens, and those that each frame states itself, so that the header may differ.
_KNOWN_BITS, _STATED_BITS = (8, 16, 24), (12, 20, 32)


def inspect_flac(content: FileContent, start: int) -> Findings:
    """Compare the number of samples that the header states with that of the last frame.

    A decoder stops where the header says that the sound ends. Where it does not say, the frames do, and the
    decoder is given a header with their number; so it is for a depth that libsndfile would refuse.

    Args:
        content: The file.
        start: Where the stream begins, after tags that are no part of it.
    """
    findings = Findings()
    header = content[start : start + _HEADER_BYTES]
    if len(header) < _HEADER_BYTES:
        findings.fatal.append("the file ends inside its header")
        return findings
    packed = int.from_bytes(header[18:26], "big")
    stated, bits = packed & (1 << 36) - 1, (packed >> 36 & 31) + 1
    position, is_last = start + 4, False
    while not is_last and position + 4 <= len(content):
        is_last = bool(content[position] & 0x80)
        position += 4 + int.from_bytes(content[position + 1 : position + 4], "big")
    # Of all frames but the last, when their size is fixed.
    n_there = _count_samples(content, position, int.from_bytes(header[10:12], "big"))
    findings.declared_frames = stated or n_there
    if not stated:
        findings.harmless.append("the header does not say how long it is; read to the end")
    elif n_there is not None and n_there > stated:
        findings.fatal.append(
            f"the header declares {stated} samples but {n_there} are there: it is wrong; "
            "decode and encode the file again"
        )
    if bits not in _KNOWN_BITS and bits not in _STATED_BITS:
        findings.foreign = f"FLAC of {bits} bits"
    findings.bits = bits if bits in _STATED_BITS else 0
    if start or not stated or findings.bits:
        taken_as = next((known for known in _KNOWN_BITS if known >= bits), _KNOWN_BITS[-1])
        packed = packed >> 41 << 41 | (taken_as - 1) << 36 | (stated or n_there or 0)
        patched = header[:18] + packed.to_bytes(8, "big") + header[26:]
        findings.parts = [patched, (start + _HEADER_BYTES, len(content))]
    return findings


def _count_samples(content: FileContent, start: int, fixed_size: int) -> int | None:
    """Return where the last frame ends, in samples, which each frame's header states; None without a frame.

    A frame begins with 14 bits of synchronisation, the blocking strategy, codes of its size, rate, channels
    and depth, the number of the frame (or, with variable blocks, of its first sample) coded like UTF-8, and a
    CRC-8. Strategy, rate and depth must be those of the first frame too, or sound would now and then pass for
    a header.
    """
    first = content[start : start + 4]
    position = len(content)
    for _ in range(100_000):
        position = content.rfind(b"\xff", start, position)
        if position < 0 or len(first) < 4:
            return None
        header = content[position : position + 16]
        if len(header) < 6 or header[1] != first[1] or (header[2] ^ first[2] | header[3] ^ first[3]) & 15:
            continue
        n_number = max(1, 8 - (header[4] ^ 0xFF).bit_length())
        size_code, rate_code = header[2] >> 4, header[2] & 15
        n_size = {6: 1, 7: 2}.get(size_code, 0)
        end = 4 + n_number + n_size + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
        if n_number > 7 or size_code == 0 or end >= len(header) or _crc8(header[:end]) != header[end]:
            continue
        number = header[4] & (0x7F >> n_number) if n_number > 1 else header[4]
        for byte in header[5 : 4 + n_number]:
            number = number << 6 | byte & 0x3F
        if n_size:
            size = int.from_bytes(header[4 + n_number : 4 + n_number + n_size], "big") + 1
        else:
            size = 192 if size_code == 1 else 576 << size_code - 2 if size_code < 6 else 256 << size_code - 8
        return size + (number if header[1] & 1 else number * fixed_size)
    return None


def _crc8(content: bytes) -> int:
    remainder = 0
    for byte in content:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder << 1 ^ (0x07 if remainder & 0x80 else 0)) & 0xFF
    return remainder
