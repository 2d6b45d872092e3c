"""Sound from a file or an array: any rate, channels and depth in, mono float32 blocks and a verdict out."""

from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from oscine.audio.decoder import DamageError, Decoder, open_decoder
from oscine.audio.ffmpeg import FFMPEG_SUFFIXES
from oscine.audio.report import FileReport, Tally
from oscine.audio.samples import (
    Rate,
    Samples,
    channel_blocks,
    check_rate,
    mix_down,
    require_levels,
    resample_blocks,
)
from oscine.errors import InputError
from oscine.files import printable

AUDIO_SUFFIXES = FFMPEG_SUFFIXES | frozenset(
    {".wav", ".wave", ".bwf", ".flac", ".ogg", ".oga", ".opus", ".mp1", ".mp2", ".mp3", ".mpa", ".mpga"}
    | {".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64", ".rf64", ".voc", ".sf", ".ircam", ".nist"}
    | {".sph", ".avr", ".svx", ".8svx", ".pvf", ".paf", ".fap", ".sds", ".htk", ".xi", ".wve"}
)
"""Endings of the files in a folder that are looked at."""

Sound = str | Path | tuple[Samples, Rate]
"""What can be read: a file, or samples ``(time,)`` or ``(channel, time)`` and their rate in Hz."""


def read_blocks(
    path: str | Path,
    sample_rate: int | None = None,
    block_s: int | float = 10.0,
    offset: int | float = 0.0,
    on_report: Callable[[FileReport], None] | None = None,
) -> Iterator[Float32[np.ndarray, " time"]]:
    """Yield a file as mono float32 blocks, resampled on the way; memory does not grow with the file.

    Channels are averaged, NaN and infinite samples become 0, and a damaged file ends where the damage begins
    (``probe`` tells, and ``on_report``). The blocks joined are the same whatever ``block_s`` is.

    Args:
        path: Any file that libsndfile reads: wav, flac, ogg, mp3, aiff and more; and what ffmpeg reads, where
            it is installed.
        sample_rate: In Hz; None keeps the file's.
        block_s: Length of a block in seconds of the output; the last one is shorter.
        offset: A constant taken from every sample (``FileReport.offset``).
        on_report: Called with the verdict on the file when all of it has been read.

    Yields:
        Mono samples; full scale is 1.

    Raises:
        InputError: When the file is missing, empty, no audio, far beyond full scale, or its sample rate is
            none of recorded sound.
    """
    path = Path(path)
    with open_decoder(path) as decoder:
        old_rate = _recorded_rate(path, decoder)
        rate = old_rate if sample_rate is None else check_rate(sample_rate)
        reading = _Reading(path, decoder)
        n_block = max(1, round(block_s * rate))
        waiting: list[np.ndarray] = []
        n_waiting = 0
        for piece in resample_blocks(reading.checked(old_rate), old_rate, rate):
            waiting.append(piece - np.float32(offset) if offset else piece)
            n_waiting += len(piece)
            while n_waiting >= n_block:
                joined = np.concatenate(waiting)
                yield joined[:n_block]
                waiting, n_waiting = [joined[n_block:]], n_waiting - n_block
        if n_waiting:
            yield np.concatenate(waiting)
        if on_report is not None:
            on_report(reading.report())


class _Reading:
    """A file that is read once from end to end, and judged meanwhile."""

    def __init__(self, path: Path, decoder: Decoder) -> None:
        self._path, self._decoder, self._tally = path, decoder, Tally()
        self._damage: str | None = None

    def mono(self) -> Iterator[Float32[np.ndarray, " time"]]:
        """Yield the samples up to the end, or to the damage."""
        return self._tally.mono(self._channels())

    def checked(self, sample_rate: int) -> Iterator[Float32[np.ndarray, " time"]]:
        """Yield the same; refuse what is far beyond full scale."""
        n_before = 0
        for piece in self.mono():
            require_levels(piece, sample_rate, n_before, printable(self._path))
            n_before += len(piece)
            yield piece

    def _channels(self) -> Iterator[Float[np.ndarray, "channel time"]]:
        try:
            for piece in self._decoder.pieces():
                yield piece.T
        except DamageError as damage:
            self._damage = str(damage)

    def report(self) -> FileReport:
        """Return the verdict, when all has been read."""
        return self._tally.report(
            printable(self._path),
            self._decoder.sample_rate,
            self._decoder.n_channels,
            self._decoder.findings,
            guess_frames=self._decoder.guess_frames,
            damage=self._damage,
            form=self._decoder.format,
            n_bytes=self._path.stat().st_size,
        )


def sound_blocks(
    sound: Sound, sample_rate: int | None = None, on_report: Callable[[FileReport], None] | None = None
) -> Iterator[Float32[np.ndarray, " time"]]:
    """Yield a sound, file or samples, as mono float32 blocks at one rate.

    Args:
        sound: A path, or samples and their rate.
        sample_rate: In Hz; None keeps the sound's.
        on_report: Called with the verdict when all of it has been read; the path of samples is "".

    Raises:
        InputError: As ``read_blocks``; for samples, when they are not a pair with their rate, shape or dtype
            is none of audio, one is not finite or far beyond full scale, or the rate is none of recorded
            sound.
    """
    if isinstance(sound, str | PathLike):
        yield from read_blocks(sound, sample_rate, on_report=on_report)
        return
    samples, old_rate = _pair(sound)
    tally, n_channels = Tally(), 1

    def checked() -> Iterator[np.ndarray]:
        nonlocal n_channels
        for block in channel_blocks(samples, old_rate):
            n_channels = len(block)
            require_levels(mix_down(block), old_rate, tally.n_frames)
            yield block

    yield from resample_blocks(tally.mono(checked()), old_rate, sample_rate or old_rate)
    if on_report is not None:
        on_report(tally.report("", old_rate, n_channels))


def _pair(sound: Any) -> tuple[Samples, int]:
    """Return samples and their rate.

    Raises:
        InputError: When that is not what was given.
    """
    if not isinstance(sound, tuple) or len(sound) != 2 or not isinstance(sound[1], Rate):
        what = ", ".join(type(one).__name__ for one in sound) if isinstance(sound, tuple) else ""
        raise InputError(
            f"{f'({what})' if what else type(sound).__name__} is not a sound; give a path, or samples and "
            "their sample rate in Hz, (samples, sample_rate)."
        )
    return sound[0], check_rate(sound[1])


def rate_of(sound: Sound) -> int:
    """Return the sample rate of a file, or of samples that come with it, in Hz.

    Raises:
        InputError: As ``sound_blocks``.
    """
    if not isinstance(sound, str | PathLike):
        return _pair(sound)[1]
    with open_decoder(Path(sound)) as decoder:
        return _recorded_rate(Path(sound), decoder)


def _recorded_rate(path: Path, decoder: Decoder) -> int:
    try:
        return check_rate(decoder.sample_rate)
    except InputError:
        raise InputError(
            f"{printable(path)} says that its sample rate is {decoder.sample_rate} Hz, which is none of "
            "recorded sound; set the rate right."
        ) from None


def read_audio(path: str | Path, sample_rate: int | None = None) -> tuple[Float32[np.ndarray, " time"], int]:
    """Return a whole file as mono float32 samples, and their rate in Hz; see ``read_blocks``.

    Raises:
        InputError: When the file is missing, empty, or no audio.
    """
    reports: list[FileReport] = []
    blocks = list(read_blocks(path, sample_rate, block_s=60.0, on_report=reports.append))
    rate = reports[0].sample_rate if sample_rate is None else sample_rate
    return (np.concatenate(blocks) if blocks else np.zeros(0, np.float32)), rate


def probe(path: str | Path) -> FileReport:
    """Return the verdict on one file, after decoding it once from end to end in bounded memory.

    - ``ok``: nothing is wrong with it.
    - ``repaired``: something was, and ``read_blocks`` yields what is sound of it: a truncated or damaged file
      up to the damage, NaN and infinite samples as 0, a constant offset taken out.
    - ``rejected``: empty, no audio, no samples, shorter than 0.1 s, silence, a header that contradicts itself
      or hides what the file holds, samples far outside full scale, channels that cancel each other, or a
      format for which ffmpeg would be needed.

    It never raises because of what a file contains.
    """
    path = Path(path)
    name = printable(path)
    try:
        with open_decoder(path) as decoder:
            reading = _Reading(path, decoder)
            for _ in reading.mono():
                pass
            return reading.report()
    except (InputError, OSError) as error:
        reason = str(error).replace(f"{name} ", "it ", 1).split(";")[0].rstrip(".")
        if isinstance(error, OSError):
            reason = f"it cannot be read ({error.strerror or error})"
        try:
            n_bytes = path.stat().st_size if path.is_file() else 0
        except OSError:
            n_bytes = 0
        return FileReport(path=name, verdict="rejected", reasons=[reason], n_bytes=n_bytes)
