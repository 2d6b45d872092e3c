"""Decode formats that libsndfile cannot read by ffmpeg, in a process of its own, with limits."""

import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import Float32

from oscine.errors import InputError

FFMPEG_SUFFIXES = frozenset(
    {".m4a", ".m4b", ".m4r", ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".aac", ".adts", ".webm", ".weba"}
    | {
        ".mkv",
        ".mka",
        ".avi",
        ".flv",
        ".f4v",
        ".wmv",
        ".asf",
        ".wma",
        ".amr",
        ".awb",
        ".ac3",
        ".eac3",
        ".ec3",
    }
    | {".dts", ".ape", ".wv", ".tta", ".mpc", ".mpp", ".tak", ".shn", ".dsf", ".dff", ".mlp", ".thd"}
    | {".ra", ".rm", ".spx", ".ogv", ".ogx", ".mpg", ".mpeg", ".vob", ".mts", ".m2ts"}
)
"""Endings of files that only ffmpeg reads."""

#: Containers of one file each: no playlist, no list of parts, nothing that names another file or address.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,aac,matroska,webm,avi,flv,asf,"
    "amr,amrnb,amrwb,ac3,eac3,ape,wv,tta,mpc,mpc8,flac,caf,"
    "ogg,wav,w64,aiff,au,voc,dts,dtshd,tak,shn,dsf,iff,mlp,truehd,rm,mpeg,mpegts"
)
_PIECE_FRAMES = 65_536
_MOST_MEMORY_BYTES = 2 << 30
_LONGEST_SILENCE_S = 60.0
_MOST_CPU_S = 3600
_LONGEST_S = 24 * 3600
_FLOAT_OF_AU = 6
_MOST_WORDS_BYTES = 1 << 20
#: "[mov,mp4 @ 0x55…] [error] moov atom not found": the address says nothing.
_ERROR = re.compile(r"^(?:\[[^\]]+ @ \w+\] )*\[(?:error|fatal|panic)\] (.*)$", re.MULTILINE)
_DURATION = re.compile(r"^\[info\]   Duration: (\d+):(\d\d):(\d\d\.\d+)", re.MULTILINE)
_STREAM = re.compile(r"^\[info\] +Stream #0:.*$", re.MULTILINE)
_MOST_CHANNELS = 64
#: What ffmpeg says of a file without sound, and of a recording that was never finished.
_IN_OUR_WORDS = {
    "matches no streams": "it has no sound track",
    "moov atom not found": "its index is missing: it is cut, or was never finished",
}


class FfmpegDecoder:
    """The first sound track of a file, decoded as it is read.

    ffmpeg may open nothing but this file, gets no input, at most 2 GB of memory and an hour of processor
    time, and is ended when it puts out nothing for a minute, or more than a day of sound.

    Attributes:
        sample_rate: In Hz.
        n_channels: Of the track.
        format: ``ffmpeg``.
    """

    format = "ffmpeg"

    def __init__(self, path: Path, what: str) -> None:
        """Start ffmpeg on a file.

        Args:
            path: The file.
            what: The name of its format, for the message.

        Raises:
            InputError: When ffmpeg is not installed, or finds no sound in the file.
        """
        program = shutil.which("ffmpeg")
        if program is None:
            raise InputError(
                f"{path} is {what} and needs ffmpeg, which is not installed: install it, or convert the file "
                "to WAV or FLAC."
            )
        self._path = path
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the decoder
        self._process = subprocess.Popen(
            [
                *(program, "-nostdin", "-hide_banner", "-nostats", "-v", "level+info", "-threads", "1"),
                *("-protocol_whitelist", "file,pipe", "-format_whitelist", _FORMATS),
                *("-i", f"file:{path.absolute()}", "-map", "0:a:0", "-vn", "-sn", "-dn"),
                *("-c:a", "pcm_f32be", "-f", "au", "pipe:1"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        self._timed_out = False
        self._limit()
        header = self._read(24)
        offset, _, encoding, self.sample_rate, self.n_channels = struct.unpack(
            ">4x5I", header.ljust(24, b"\0")
        )
        if header[:4] != b".snd" or encoding != _FLOAT_OF_AU or not 1 <= self.n_channels <= _MOST_CHANNELS:
            said = self.problem() or "there is no sound in it"
            detail = next((ours for theirs, ours in _IN_OUR_WORDS.items() if theirs in said), said)
            self.close()
            raise InputError(f"{path} is not readable audio ({detail}); convert it to WAV or FLAC.")
        self._read(offset - 24)

    def pieces(self) -> Iterator[Float32[np.ndarray, "frame channel"]]:
        """Yield runs of frames until the end; ``problem`` then names an error, if there was one."""
        n_bytes = 4 * self.n_channels
        n_left = _LONGEST_S * self.sample_rate
        while n_left > 0 and (content := self._read(min(_PIECE_FRAMES, n_left) * n_bytes)):
            content = content[: len(content) // n_bytes * n_bytes]
            frames = np.frombuffer(content, dtype=">f4").astype(np.float32).reshape(-1, self.n_channels)
            n_left -= len(frames)
            yield frames

    def problem(self) -> str:
        """Return what went wrong, in ffmpeg's first line; empty where nothing did."""
        if self._timed_out:
            return "ffmpeg put out nothing for a minute"
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "it goes on for more than a day"
        texts = [text.strip().rstrip(".") for text in _ERROR.findall(self._words())]
        return next((text for text in texts if text), f"ffmpeg ended with the code {code}" if code else "")

    def declared_s(self) -> float | None:
        """Return how long the container says that it is, seconds; None where it does not say it of the sound.

        What ffmpeg guesses from the bit rate is not said, nor is that of a film, whose sound may be shorter.
        """
        source = self._words().partition("[info] Stream mapping:")[0]
        streams = [line for line in _STREAM.findall(source) if "(attached pic)" not in line]
        duration = _DURATION.search(source)
        if duration is None or len(streams) != 1 or "Estimating duration from bitrate" in source:
            return None
        hours, minutes, seconds = duration.groups()
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)

    def _words(self) -> str:
        self._said.seek(0)
        return self._said.read(_MOST_WORDS_BYTES).decode("utf-8", "replace").replace("\r", "\n")

    def close(self) -> None:
        """End ffmpeg if it still runs."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._said.close()

    def _limit(self) -> None:
        """Limit memory and processor time, where the system can limit those of another process."""
        if sys.platform == "linux":
            import resource

            for kind, most in (
                (resource.RLIMIT_AS, _MOST_MEMORY_BYTES),
                (resource.RLIMIT_CPU, _MOST_CPU_S),
                (resource.RLIMIT_CORE, 0),
            ):
                try:
                    _, hard = resource.prlimit(self._process.pid, kind)
                    # A process that is limited itself may not give ffmpeg more than it has.
                    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
                    resource.prlimit(self._process.pid, kind, (limit, limit))
                except ProcessLookupError:
                    return  # it has ended already

    def _read(self, n_bytes: int) -> bytes:
        """Return the next bytes, fewer at the end; end ffmpeg when they do not come."""
        output: IO[bytes] | None = self._process.stdout
        assert output is not None
        watch = threading.Timer(_LONGEST_SILENCE_S, self._give_up)
        watch.daemon = True
        watch.start()
        try:
            return output.read(n_bytes)
        finally:
            watch.cancel()

    def _give_up(self) -> None:
        self._timed_out = True
        self._process.kill()
