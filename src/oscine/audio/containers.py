"""What an audio file's header promises, compared with the bytes that are there.

Decoders are lenient where it hurts: a truncated WAV is returned without a word, a wrong rate is believed.
So the four containers are looked at by themselves, without decoding anything.

Reference: RIFF WAVE (Microsoft, 1994), RFC 9639 (FLAC), RFC 3533 (Ogg), ISO 11172-3 (MPEG audio frames).
"""

import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_UNKNOWN_SIZE = 0xFFFFFFFF


@dataclass
class Findings:
    """What a container says against itself.

    Attributes:
        declared_frames: Sample frames that the header promises, or None where it does not say.
        harmless: Faults that leave the sound readable as far as it goes, one sentence each.
        fatal: Faults after which nothing read from the file could be trusted, one sentence each.
    """

    declared_frames: int | None = None
    harmless: list[str] = field(default_factory=list)
    fatal: list[str] = field(default_factory=list)


def inspect_container(path: Path) -> Findings:
    """Compare the header of a wav, flac, ogg or mp3 file with the file; other kinds have no findings.

    Args:
        path: A regular file that is not empty.

    Raises:
        OSError: When the file cannot be read.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        magic = content[:4]
        if magic in (b"RIFF", b"RF64", b"BW64", b"RIFX"):
            return _inspect_wav(content, ">" if magic == b"RIFX" else "<")
        if magic == b"fLaC":
            return _inspect_flac(content)
        if magic == b"OggS":
            return _inspect_ogg(content)
        if magic[:3] == b"ID3" or (magic[0] == 0xFF and len(magic) > 1 and magic[1] & 0xE0 == 0xE0):
            return _inspect_mp3(content)
    return Findings()


def _inspect_wav(content: mmap.mmap, order: str) -> Findings:
    findings = Findings()
    size = len(content)
    position, long_data_size, block = 12, None, 0
    while position + 8 <= size:
        name = content[position : position + 4]
        (length,) = struct.unpack(order + "I", content[position + 4 : position + 8])
        start = position + 8
        if name == b"ds64" and start + 16 <= size:
            (long_data_size,) = struct.unpack("<Q", content[start + 8 : start + 16])
        if name == b"fmt " and start + 16 <= size:
            kind, channels, rate, byte_rate, block, bits = struct.unpack(
                order + "HHIIHH", content[start : start + 16]
            )
            if kind in (_PCM, _FLOAT, _EXTENSIBLE):
                expected = channels * ((bits + 7) // 8)
                if block != expected:
                    findings.fatal.append(
                        f"the header contradicts itself: {channels} channels of {bits} bits are {expected} "
                        f"bytes, but it says {block}"
                    )
                elif byte_rate != rate * block:
                    findings.fatal.append(
                        f"the header contradicts itself: {rate} Hz × {block} bytes is not {byte_rate} bytes "
                        "a second, so its sample rate cannot be trusted"
                    )
        if name == b"data":
            _judge_wav_data(findings, content, start, length, long_data_size, block)
            break
        position = start + length + length % 2
    else:
        findings.fatal.append("the header has no data chunk")
    return findings


def _judge_wav_data(
    findings: Findings, content: mmap.mmap, start: int, length: int, long_size: int | None, block: int
) -> None:
    there = len(content) - start
    if length == _UNKNOWN_SIZE:
        if long_size is None:
            return  # a stream's header, left open on purpose: the sound goes to the file's end
        length = long_size
    if block:
        findings.declared_frames = length // block
    if length > there:
        findings.harmless.append(
            f"truncated: the header promises {length} bytes of sound and {there} are there; those are used"
        )
        return
    rest = content[start + length + length % 2 : start + length + length % 2 + 4]
    hidden = there - length
    # What follows must be another chunk, named in printable letters; sound is not.
    if hidden > 8 and not (len(rest) == 4 and all(32 <= byte < 127 for byte in rest)):
        findings.fatal.append(
            f"the header declares {length} bytes of sound but {hidden} more follow: the recording was not "
            "closed properly; open it in an audio editor and save it again"
        )


def _inspect_flac(content: mmap.mmap) -> Findings:
    findings = Findings()
    if len(content) < 42:
        findings.fatal.append("the file ends inside its header")
        return findings
    frames = int.from_bytes(content[18:26], "big") & (1 << 36) - 1
    position, last = 4, False
    while not last and position + 4 <= len(content):
        last = bool(content[position] & 0x80)
        position += 4 + int.from_bytes(content[position + 1 : position + 4], "big")
    if frames == 0:
        findings.harmless.append("the header does not say how long it is; read to the end")
        return findings
    findings.declared_frames = frames
    last_sample = _last_flac_sample(content, position)
    if last_sample is not None and last_sample >= frames:
        findings.fatal.append(
            f"the header declares {frames} samples but at least {last_sample + 1} are there: it is wrong; "
            "decode and encode the file again"
        )
    return findings


def _last_flac_sample(content: mmap.mmap, start: int) -> int | None:
    """Return the number of the first sample of the last FLAC frame, which each frame's header states.

    A frame begins with 14 bits of synchronisation, the blocking strategy, codes of its size, rate, channels
    and depth, the number of the frame (or, with variable blocks, of its first sample) coded like UTF-8, and a
    CRC-8. Strategy, rate and depth must be those of the first frame too, or sound would now and then pass for
    a header.
    """
    block_size = int.from_bytes(
        content[10:12], "big"
    )  # of all frames but the last, when the strategy is fixed
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
        block_code, rate_code = header[2] >> 4, header[2] & 15
        end = 4 + n_number + {6: 1, 7: 2}.get(block_code, 0) + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
        if n_number > 7 or end >= len(header) or _crc8(header[:end]) != header[end]:
            continue
        number = header[4] & (0x7F >> n_number) if n_number > 1 else header[4]
        for byte in header[5 : 4 + n_number]:
            number = number << 6 | byte & 0x3F
        return number if header[1] & 1 else number * block_size
    return None


def _crc8(content: bytes) -> int:
    remainder = 0
    for byte in content:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder << 1 ^ (0x07 if remainder & 0x80 else 0)) & 0xFF
    return remainder


def _inspect_ogg(content: mmap.mmap) -> Findings:
    findings = Findings()
    last = content.rfind(b"OggS")
    header_end = last + 27
    complete = header_end <= len(content)
    if complete:
        n_segments = content[last + 26]
        table = content[header_end : header_end + n_segments]
        complete = len(table) == n_segments and header_end + n_segments + sum(table) <= len(content)
    if not complete or not content[last + 5] & 4:
        findings.harmless.append("truncated: the stream has no last page; the whole pages are used")
    return findings


_BITRATES_KBPS = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mp3_frame(header: bytes) -> tuple[int, int] | None:
    """Return the length in bytes and the sample rate of the MPEG frame that begins with these four bytes."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version = {3: 1.0, 2: 2.0, 0: 2.5}.get(header[1] >> 3 & 3)
    layer = 4 - (header[1] >> 1 & 3)
    bitrate_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version is None or layer == 4 or bitrate_index in (0, 15) or rate_index == 3:
        return None
    rate = (44100, 48000, 32000)[rate_index] // {1.0: 1, 2.0: 2, 2.5: 4}[version]
    bits_per_second = 1000 * _BITRATES_KBPS[(1 if version == 1.0 else 2, layer)][bitrate_index]
    if layer == 1:
        return (12 * bits_per_second // rate + padding) * 4, rate
    factor = 72 if layer == 3 and version != 1.0 else 144
    return factor * bits_per_second // rate + padding, rate


def _inspect_mp3(content: mmap.mmap) -> Findings:
    findings = Findings()
    size, position, rates, skipped, n_frames = len(content), 0, set[int](), 0, 0
    while content[position : position + 3] == b"ID3" and position + 10 <= size:
        sizes = content[position + 6 : position + 10]
        position += 10 + (sizes[0] << 21 | sizes[1] << 14 | sizes[2] << 7 | sizes[3])
    if size >= 128 and content[size - 128 : size - 125] == b"TAG":
        size -= 128
    while position + 4 <= size:
        frame = _mp3_frame(content[position : position + 4])
        if frame is None:
            if content[position : position + 8] == b"APETAGEX":
                break
            following = content.find(b"\xff", position + 1, size)
            following = size if following < 0 else following
            # Zeros between or after frames are padding that many encoders leave.
            skipped += len(content[position:following].strip(b"\0"))
            position = following
            continue
        n_frames += 1
        rates.add(frame[1])
        position += frame[0]
    if n_frames == 0:
        findings.fatal.append("there is no MPEG audio frame in it")
    elif position > size:
        findings.harmless.append("truncated: it ends inside an MPEG frame; the whole frames are used")
    if n_frames and len(rates) > 1:
        findings.fatal.append(
            f"its frames disagree on the sample rate ({', '.join(map(str, sorted(rates)))} Hz)"
        )
    elif n_frames and skipped > 4096:
        findings.harmless.append(f"{skipped} bytes in it are no MPEG audio; skipped")
    return findings
