"""One file, decoded: by libsndfile, given what of the file is sound, or by ffmpeg."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import soundfile
from jaxtyping import Float32

from oscine.audio.containers import inspect_container
from oscine.audio.ffmpeg import FFMPEG_SUFFIXES, FfmpegDecoder
from oscine.audio.findings import Findings
from oscine.audio.view import FileContent, View
from oscine.errors import InputError
from oscine.files import printable

_PIECE_FRAMES = 65_536
#: A FLAC frame, about: a damaged file loses no more than this before the damage.
_SMALL_PIECE_FRAMES = 4096
#: So much less than the declared length, in seconds and as a share, is nothing missing.
_SLACK_S, _SLACK = 0.1, 0.01
_LONGEST_KNOWN = 1 << 48
_CODED_VOICE = b"OVC"  # `oscine.voices.codec`, which stands above
_DECODING_ERRORS = (soundfile.LibsndfileError, OSError, RuntimeError)


class DamageError(Exception):
    """Decoding stopped before the end."""


class _Forward(soundfile.SoundFile):
    """A file that is only read on: soundfile seeks after each read, which makes an mp3 click."""

    def __init__(self, content: FileContent, parts: Sequence[bytes | tuple[int, int]]) -> None:
        """Open what the parts of a file make."""
        self.view = View(content, parts)
        super().__init__(cast("Any", self.view))  # it takes any object that can be read and sought

    def seekable(self) -> bool:
        """Return False."""
        return False


class Decoder:
    """A file's sound as it is decoded.

    Attributes:
        findings: What its container says.
        sample_rate: In Hz, as the file has it.
        n_channels: As the file has them.
        format: As libsndfile names it.
        guess_frames: How long the decoder takes it to be, which need not be so; None where it does not say.
    """

    def __init__(self, path: Path, content: FileContent, findings: Findings) -> None:
        """See ``open_decoder``."""
        self.findings = findings
        self.guess_frames: int | None = None
        self._foreign: FfmpegDecoder | None = None
        self._content = content
        self._parts = findings.parts or [(0, len(content))]
        self._file: _Forward | None = None
        refusal = "" if findings.foreign else self._open()
        if self._file is None:
            self._foreign = self._by_ffmpeg(path, refusal)
            self.sample_rate, self.n_channels = self._foreign.sample_rate, self._foreign.n_channels
            self.format = self._foreign.format
        else:
            self.sample_rate, self.n_channels = self._file.samplerate, self._file.channels
            subtype = f"PCM_{findings.bits}" if findings.bits else self._file.subtype
            self.format = f"{self._file.format} {subtype}"
            if 0 < self._file.frames < _LONGEST_KNOWN:
                self.guess_frames = self._file.frames

    def _open(self) -> str:
        """Let libsndfile open the file, and return why it can't."""
        try:
            self._file = _Forward(self._content, self._parts)
        except (*_DECODING_ERRORS, TypeError) as error:
            detail = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
            # libsndfile blames the file system when an MP3 holds no frame.
            return (
                "no audio in it" if detail.startswith("File does not exist") else detail.strip().rstrip(".")
            )
        return ""

    def _by_ffmpeg(self, path: Path, refusal: str) -> FfmpegDecoder:
        """Return ffmpeg's decoder of what libsndfile does not open, whatever its name; else say why not."""
        try:
            return FfmpegDecoder(path, self.findings.foreign or path.suffix[1:])
        except InputError:
            if not refusal or path.suffix.lower() in FFMPEG_SUFFIXES:
                raise
        raise InputError(f"{printable(path)} is not readable audio ({refusal}); convert it to WAV or FLAC.")

    def pieces(self) -> Iterator[Float32[np.ndarray, "frame channel"]]:
        """Yield runs of frames as decoded, until the end.

        Raises:
            DamageError: When decoding fails before the end; what came before has been yielded.
        """
        if self._foreign is not None:
            n_read = 0
            for piece in self._foreign.pieces():
                n_read += len(piece)
                yield piece
            problem, missing = self._foreign.problem(), self._missing(n_read, self._foreign.declared_s())
            if problem or missing:
                raise DamageError(problem or missing)
            return
        assert self._file is not None
        position = 0
        try:
            while len(piece := self._read(self._file, self._n_next(position))):
                position += len(piece)
                yield piece
            if self._file.view.error is not None:
                raise DamageError(self._file.view.error.strerror or "it cannot be read")
        except _DECODING_ERRORS as error:
            if position == self.guess_frames:
                return  # what follows the sound is none
            # The failing read took with it what it had decoded, and no damaged stream can be trusted to seek:
            # come near to the damage once more from the start, in small steps.
            yield from self._small_pieces_from(position, str(error))

    def _missing(self, n_frames: int, declared_s: float | None) -> str:
        """Return what to say where ffmpeg left out, without a word, some of the declared sound."""
        if declared_s is None or self.findings.declared_frames is not None:
            return ""
        self.guess_frames = round(declared_s * self.sample_rate)
        # Containers round, and count what encoders put around the sound.
        self.findings.slack_frames = round(max(_SLACK_S, _SLACK * declared_s) * self.sample_rate)
        is_short = n_frames < self.guess_frames - self.findings.slack_frames
        return "some of it cannot be decoded" if is_short else ""

    def _n_next(self, position: int) -> int:
        """Return how many frames to read: none across the end, where a failing read loses all of its own."""
        left = (self.guess_frames or 0) - position
        return min(left, _PIECE_FRAMES) if left > 0 else _PIECE_FRAMES

    def _small_pieces_from(
        self, position: int, damage: str
    ) -> Iterator[Float32[np.ndarray, "frame channel"]]:
        """Yield the frames from a position up to the damage, then raise DamageError."""
        n_read = 0
        try:
            with _Forward(self._content, self._parts) as again:
                while len(piece := self._read(again, _SMALL_PIECE_FRAMES)):
                    n_read += len(piece)
                    if n_read > position:
                        yield piece[max(0, position - n_read + len(piece)) :]
        except _DECODING_ERRORS as error:
            raise DamageError(str(error)) from None
        raise DamageError(damage)

    def _read(self, file: soundfile.SoundFile, n_frames: int) -> Float32[np.ndarray, "frame channel"]:
        if not self.findings.bits:
            return file.read(n_frames, dtype="float32", always_2d=True)
        integers = file.read(n_frames, dtype="int32", always_2d=True)
        return (integers * 2.0**-31).astype(np.float32)

    def close(self) -> None:
        """Close the file."""
        if self._foreign is not None:
            self._foreign.close()
        if self._file is not None:
            self._file.close()


@contextmanager
def open_decoder(path: Path) -> Iterator[Decoder]:
    """Open a file for reading.

    Args:
        path: Any file.

    Raises:
        InputError: When it is missing, no regular file, empty, no audio, or needs ffmpeg, which is not there.
    """
    name = printable(path)
    try:
        if not path.exists():
            raise InputError(f"{name} does not exist; check the path.")
        if not path.is_file():
            raise InputError(f"{name} is not a regular file; give an audio file.")
        content = FileContent(path)
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror or error}); check the path.") from None
    with closing(content):
        if len(content) == 0:
            raise InputError(f"{name} is empty; record or copy it again.")
        try:
            findings = inspect_container(content)
            is_coded = content[: len(_CODED_VOICE)] == _CODED_VOICE
        except OSError as error:
            raise InputError(f"{name} cannot be read ({error.strerror or error}); copy it again.") from None
        if is_coded:
            raise InputError(
                f"{name} is a coded voice and no sound yet; decode it: oscine voice {name} -o v.wav."
            )
        decoder = Decoder(path, content, findings)
        try:
            yield decoder
        finally:
            decoder.close()
