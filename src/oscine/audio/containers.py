"""What an audio file's header promises, compared with the bytes that are there.

Decoders are lenient where it hurts: a truncated file is returned without a word, a wrong rate is accepted, a
length is guessed. So the containers are looked at by themselves, without decoding anything.

Reference: RIFF WAVE (Microsoft, 1994), AIFF-C (Apple, 1991), Core Audio Format (Apple, 2005), Wave64 (Sony
Pictures Digital, 2003), RFC 9639 (FLAC), RFC 3533 (Ogg), ISO 11172-3 (MPEG audio frames).
"""

import struct

from oscine.audio.findings import Findings
from oscine.audio.flac import inspect_flac
from oscine.audio.mpeg import inspect_mpeg
from oscine.audio.view import FileContent

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_UNKNOWN_SIZE = 0xFFFFFFFF

_FOREIGN = {
    b"\x1aE\xdf\xa3": "Matroska or WebM",
    b"#!AMR": "AMR",
    b"0&\xb2u\x8ef\xcf\x11": "Windows Media",
    b"FLV": "Flash video",
    b"MAC ": "Monkey's Audio",
    b"wvpk": "WavPack",
    b"TTA": "True Audio",
    b"MPCK": "Musepack",
    b"MP+": "Musepack",
    b"\x0bw": "Dolby Digital",
    b"ADIF": "AAC",
}
"""Formats that libsndfile cannot read, by their first bytes."""


def inspect_container(content: FileContent) -> Findings:
    """Compare what a file's container says with the file; other kinds have no findings.

    Args:
        content: Of a file that is not empty.

    Raises:
        OSError: When the file cannot be read.
    """
    start = _behind_id3(content)
    magic = content[start : start + 12]
    if magic[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and magic[8:12] != b"AVI ":
        findings = _inspect_wav(content, start, ">" if magic[:4] == b"RIFX" else "<")
    elif magic[:4] == b"FORM" and magic[8:12] in (b"AIFF", b"AIFC"):
        findings = _inspect_aiff(content, start)
    elif magic[:4] == b"caff":
        findings = _inspect_caf(content, start)
    elif magic[:4] == b"riff":
        findings = _inspect_w64(content, start)
    elif magic[:4] in (b".snd", b"dns."):
        findings = _inspect_au(content, start, ">" if magic[:4] == b".snd" else "<")
    elif magic[:4] == b"fLaC":
        return inspect_flac(content, start)
    elif magic[:4] == b"OggS":
        findings = _inspect_ogg(content, start)
    elif foreign := _foreign(magic):
        return Findings(foreign=foreign)
    elif start or (magic[0] == 0xFF and len(magic) > 1 and magic[1] & 0xE0 == 0xE0):
        return inspect_mpeg(content, start)
    else:
        return Findings()
    if start and not findings.parts:
        findings.parts = [(start, len(content))]
    return findings


def _behind_id3(content: FileContent) -> int:
    """Return where the tags in front of a file end."""
    position = 0
    while content[position : position + 3] == b"ID3" and position + 10 <= len(content):
        sizes = content[position + 6 : position + 10]
        has_footer = content[position + 5] & 0x10
        position += 10 + (sizes[0] << 21 | sizes[1] << 14 | sizes[2] << 7 | sizes[3])
        position += 10 if has_footer else 0
    return position


def _foreign(magic: bytes) -> str:
    """Return the name of a format that libsndfile cannot read, by its first bytes; empty for others."""
    if magic[4:8] == b"ftyp":
        return "MPEG-4"
    if magic[:4] == b"RIFF":
        return "AVI"
    if len(magic) > 1 and magic[0] == 0xFF and magic[1] & 0xF6 == 0xF0:
        return "AAC"
    return next((name for first, name in _FOREIGN.items() if magic.startswith(first)), "")


def _cut_short(findings: Findings, promised: int, there: int) -> None:
    """Say it where there are fewer bytes of sound than promised."""
    if promised > there:
        findings.harmless.append(
            f"truncated: the header promises {promised} bytes of sound and {there} are there; those are used"
        )


def _inspect_wav(content: FileContent, begin: int, order: str) -> Findings:
    findings = Findings()
    size = len(content)
    position, long_data_size, block = begin + 12, None, 0
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
    findings: Findings, content: FileContent, start: int, length: int, long_size: int | None, block: int
) -> None:
    there = len(content) - start
    if length == _UNKNOWN_SIZE:
        if long_size is None:
            return  # a stream's header, left open on purpose: the sound goes to the file's end
        length = long_size
    if block:
        findings.declared_frames = length // block
    _cut_short(findings, length, there)
    if length > there:
        return
    rest = content[start + length + length % 2 : start + length + length % 2 + 4]
    hidden = there - length
    # What follows must be another chunk, named in printable letters; sound is not.
    if hidden > 8 and not (len(rest) == 4 and all(32 <= byte < 127 for byte in rest)):
        findings.fatal.append(
            f"the header declares {length} bytes of sound but {hidden} more follow: the recording was not "
            "closed properly; open it in an audio editor and save it again"
        )


def _inspect_aiff(content: FileContent, start: int) -> Findings:
    findings = Findings()
    position = start + 12
    while position + 8 <= len(content):
        name = content[position : position + 4]
        (length,) = struct.unpack(">I", content[position + 4 : position + 8])
        if name == b"COMM" and position + 14 <= len(content):
            (findings.declared_frames,) = struct.unpack(">I", content[position + 10 : position + 14])
        if name == b"SSND":
            _cut_short(findings, length, len(content) - position - 8)
        position += 8 + length + length % 2
    return findings


def _inspect_caf(content: FileContent, start: int) -> Findings:
    findings = Findings()
    position = start + 8
    while position + 12 <= len(content):
        name = content[position : position + 4]
        (length,) = struct.unpack(">q", content[position + 4 : position + 12])
        if name == b"desc" and content[position + 20 : position + 24] in (b"alac", b"aac "):
            findings.foreign = "CAF with Apple's compression"
        if name == b"data":
            there = len(content) - position - 12
            _cut_short(findings, length, there)
            if length > there:  # libsndfile would not open it
                header = content[start : position + 4] + there.to_bytes(8, "big")
                findings.parts = [header, (position + 12, len(content))]
        if length < 0:  # left open: to the end of the file
            break
        position += 12 + length
    return findings


def _inspect_w64(content: FileContent, start: int) -> Findings:
    findings = Findings()
    position = start + 40
    while position + 24 <= len(content):
        (length,) = struct.unpack("<Q", content[position + 16 : position + 24])  # with these 24 bytes
        if content[position : position + 4] == b"data":
            _cut_short(findings, length - 24, len(content) - position - 24)
        position += max(24, length + -length % 8)
    return findings


def _inspect_au(content: FileContent, start: int, order: str) -> Findings:
    findings = Findings()
    if start + 12 <= len(content):
        offset, length = struct.unpack(order + "II", content[start + 4 : start + 12])
        if length != _UNKNOWN_SIZE:
            _cut_short(findings, length, len(content) - start - offset)
    return findings


def _inspect_ogg(content: FileContent, start: int) -> Findings:
    """Go from page to page: each has the number that follows its predecessor's, and the last one says so."""
    findings = Findings()
    position, is_last, n_lost = start, False, 0
    following: dict[bytes, int] = {}
    while position + 27 <= len(content):
        if content[position : position + 4] != b"OggS":
            position = content.find(b"OggS", position)
            if position < 0:
                break
            continue
        table = content[position + 27 : position + 27 + content[position + 26]]
        stop = position + 27 + content[position + 26] + sum(table)
        if stop > len(content):
            is_last = False
            break
        serial = content[position + 14 : position + 18]
        (number,) = struct.unpack("<I", content[position + 18 : position + 22])
        if content[position + 5] & 2 == 0:
            n_lost += max(0, number - following.get(serial, number))
        following[serial] = number + 1
        is_last = bool(content[position + 5] & 4)
        position = stop
    if n_lost:
        findings.harmless.append(f"damaged: {n_lost} of its pages are missing; the others are used")
    if not is_last:
        findings.harmless.append("truncated: the stream has no last page; the whole pages are used")
    return findings
