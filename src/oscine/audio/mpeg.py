"""MPEG audio (mp3): where the frames are, among tags, pictures and what else lies between them, and how many.

Reference: ISO 11172-3; the header "Xing" or "Info", in the first frame, states how many frames follow.
"""

from typing import NamedTuple

from oscine.audio.findings import Findings
from oscine.audio.view import FileContent

_BITRATES_KBPS = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_LONGEST_FOREIGN = 4096
#: A decoder leaves out what the encoder put before and behind the sound: up to 4095 samples each, in 12 bits.
_SLACK_FRAMES = 8192


class _Frame(NamedTuple):
    """What the four bytes at the start of a frame say."""

    n_bytes: int
    sample_rate: int
    layer: int
    n_samples: int
    tag_offset: int
    """Where a tag with the number of frames would begin."""


def inspect_mpeg(content: FileContent, start: int) -> Findings:
    """Find and count the frames.

    A decoder guesses the length from the first bytes, and stops there or goes on into nothing. So it is given
    the frames alone, behind a header that states their number.

    Args:
        content: The file.
        start: Where the stream begins, behind the tags in front.
    """
    findings = Findings()
    size, position, rates, skipped, n_frames, n_samples = len(content), start, set[int](), 0, 0, 0
    if size >= 128 and content[size - 128 : size - 125] == b"TAG":
        size -= 128
    parts: list[tuple[int, int]] = []
    first: tuple[int, _Frame] | None = None
    is_cut, kind = False, (0, 0)
    while position + 4 <= size:
        frame = _frame(content[position : position + 4])
        in_step = bool(parts) and parts[-1][1] == position
        # One of another kind, even in step, has to be followed by one of its own.
        is_alike = in_step and frame is not None and frame[1:3] == kind
        if frame is None or not (is_alike or _goes_on(content, position, frame, size)):
            if content[position : position + 8] == b"APETAGEX":
                break
            following = content.find(b"\xff", position + 1, size)
            following = size if following < 0 else following
            # Zeros between or after frames are padding that many encoders leave.
            skipped += len(content[position:following].strip(b"\0"))
            position = following
            continue
        stop = position + frame.n_bytes
        if stop > size:
            is_cut = True
            break
        first, kind = first or (position, frame), frame[1:3]
        rates.add(frame.sample_rate)
        n_frames, n_samples = n_frames + 1, n_samples + frame.n_samples
        if in_step:
            parts[-1] = (parts[-1][0], stop)
        else:
            parts.append((position, stop))
        position = stop
    if first is None:
        findings.fatal.append("there is no MPEG audio frame in it")
        return findings
    findings.slack_frames = _SLACK_FRAMES
    findings.declared_frames = n_samples
    if is_cut:
        findings.harmless.append("truncated: it ends inside an MPEG frame; the whole frames are used")
    if len(rates) > 1:
        findings.fatal.append(
            f"its frames disagree on the sample rate ({', '.join(map(str, sorted(rates)))} Hz)"
        )
    elif skipped > _LONGEST_FOREIGN:
        findings.harmless.append(f"{skipped} bytes in it are no MPEG audio; skipped")
    if first[1].layer == 3:
        _state_number(findings, content, first, n_frames, parts)
    else:
        findings.parts = list(parts)
    return findings


def _state_number(
    findings: Findings,
    content: FileContent,
    first: tuple[int, _Frame],
    n_frames: int,
    parts: list[tuple[int, int]],
) -> None:
    """Put before the frames a header with their number: the file's own, set right, or a new one."""
    position, frame = first
    header = bytearray(content[position : position + frame.n_bytes])
    at = frame.tag_offset
    tag = bytes(header[at : at + 4])
    is_header = tag in (b"Xing", b"Info") or header[36:40] == b"VBRI"
    n_audio = n_frames - 1 if is_header else n_frames
    if tag in (b"Xing", b"Info") and header[at + 7] & 1:
        stated = int.from_bytes(header[at + 8 : at + 12], "big")
        if 0 < n_audio < stated and not findings.harmless:
            findings.harmless.append(
                f"truncated: the header promises {stated} MPEG frames and {n_audio} are there; those are used"
            )
    else:
        # At the highest bit rate a frame has room for the tag; without a checksum its place is known.
        header[1] |= 1
        header[2] = header[2] & 0x0D | 0xE0
        longest = _frame(bytes(header[:4]))
        assert longest is not None
        header = header[:4] + bytes(at - 4) + b"Info" + bytes(8)
        header[at + 7] = 1
        header += bytes(longest.n_bytes - len(header))
    header[at + 8 : at + 12] = n_audio.to_bytes(4, "big")
    findings.declared_frames = n_audio * frame.n_samples
    begin, stop = parts[0]
    rest = (begin + frame.n_bytes, stop) if is_header else (begin, stop)
    findings.parts = [bytes(header), rest, *parts[1:]]


def _goes_on(content: FileContent, position: int, frame: _Frame, size: int) -> bool:
    """Return whether what looks like a frame is followed by another of its kind, or by the end."""
    following = position + frame.n_bytes
    if following + 4 > size:
        return True
    other = _frame(content[following : following + 4])
    return other is not None and other[1:3] == frame[1:3]


def _frame(header: bytes) -> _Frame | None:
    """Return what a frame's first four bytes say; None where these are no frame's."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version = {3: 1.0, 2: 2.0, 0: 2.5}.get(header[1] >> 3 & 3)
    layer = 4 - (header[1] >> 1 & 3)
    bitrate_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version is None or layer == 4 or bitrate_index in (0, 15) or rate_index == 3:
        return None
    rate = (44100, 48000, 32000)[rate_index] // {1.0: 1, 2.0: 2, 2.5: 4}[version]
    bits_per_second = 1000 * _BITRATES_KBPS[(1 if version == 1.0 else 2, layer)][bitrate_index]
    n_samples = {1: 384, 2: 1152, 3: 1152 if version == 1.0 else 576}[layer]
    is_mono = header[3] >> 6 == 3
    side_info = (17 if is_mono else 32) if version == 1.0 else (9 if is_mono else 17)
    if layer == 1:
        n_bytes = (12 * bits_per_second // rate + padding) * 4
    else:
        n_bytes = n_samples // 8 * bits_per_second // rate + padding
    return _Frame(n_bytes, rate, layer, n_samples, 4 + side_info)
