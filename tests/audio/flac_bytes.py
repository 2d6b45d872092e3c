"""FLAC of any depth, made by hand: frames of samples as they are."""

from collections.abc import Iterable

_DEPTH_CODES = {8: 1, 12: 2, 16: 4, 20: 5, 24: 6, 32: 7}
_BLOCK = 4096


def flac(samples: Iterable[int], bits: int, sample_rate: int) -> bytes:
    """Return a FLAC file of one channel."""
    samples = list(samples)
    packed = sample_rate << 44 | (bits - 1) << 36 | len(samples)
    info = _BLOCK.to_bytes(2, "big") * 2 + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    frames = [_frame(samples[i : i + _BLOCK], i // _BLOCK, bits) for i in range(0, len(samples), _BLOCK)]
    return b"fLaC\x80" + len(info).to_bytes(3, "big") + info + b"".join(frames)


def _frame(samples: list[int], number: int, bits: int) -> bytes:
    # Of fixed size, stated in 16 bits; the rate is the header's; one channel; this frame's number.
    header = bytes([0xFF, 0xF8, 0x70, _DEPTH_CODES.get(bits, 0) << 1]) + chr(number).encode()
    header += (len(samples) - 1).to_bytes(2, "big")
    header += bytes([_checksum(header, 0x07, 8)])
    verbatim = "00000010" + "".join(format(one & (1 << bits) - 1, f"0{bits}b") for one in samples)
    verbatim += "0" * (-len(verbatim) % 8)
    content = header + int(verbatim, 2).to_bytes(len(verbatim) // 8, "big")
    return content + _checksum(content, 0x8005, 16).to_bytes(2, "big")


def _checksum(content: bytes, polynomial: int, n_bits: int) -> int:
    remainder = 0
    for byte in content:
        remainder ^= byte << n_bits - 8
        for _ in range(8):
            remainder = remainder << 1 ^ (polynomial if remainder >> n_bits - 1 else 0)
            remainder &= (1 << n_bits) - 1
    return remainder
