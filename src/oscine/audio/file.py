"""Audio files, read as a stream: any rate, channels and depth in, mono float32 blocks out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from jaxtyping import Float32
from pydantic import BaseModel, ConfigDict, Field

from oscine.audio.containers import Findings, inspect_container
from oscine.audio.samples import mix_down, resample_blocks
from oscine.errors import InputError

AUDIO_SUFFIXES = frozenset(
    {".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3"}
    | {".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64"}
)

_PIECE_FRAMES = 65_536
#: A FLAC frame, about: a damaged file loses no more than this before the damage.
_SMALL_PIECE_FRAMES = 4096
_LONGEST_KNOWN = 1 << 48
_LOWEST_RATE, _HIGHEST_RATE = 4_000, 768_000
_SHORTEST_S = 0.1
#: Nothing above -70 dB of full scale is heard as silence by any microphone chain.
_SILENCE = 10 ** (-70 / 20)
_LARGEST_SAMPLE = 64.0
_AUDIBLE_OFFSET = 0.01

_DECODING_ERRORS = (soundfile.LibsndfileError, OSError, RuntimeError)

Verdict = Literal["ok", "repaired", "rejected"]


class FileReport(BaseModel):
    """What became of one file: used as it is, used after a repair, or left out, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(description="as given, or relative to the folder that was prepared")
    verdict: Verdict
    reasons: list[str] = Field(
        default_factory=list, description="how it was repaired, or why it was rejected"
    )
    format: str = Field(default="", description="as libsndfile names it")
    sample_rate: int = Field(default=0, description="Hz, of the file")
    n_channels: int = 0
    n_bytes: int = 0
    duration_s: float = Field(default=0.0, description="of what can be read")
    peak: float = Field(default=0.0, description="greatest magnitude of the mono sum; 1 is full scale")
    offset: float = Field(default=0.0, description="mean of the mono sum, taken out when read")
    n_bad_samples: int = Field(default=0, description="NaN or infinite samples, read as 0")
    clipped_s: float = Field(
        default=0.0, description="time spent in runs of three or more samples at full scale"
    )


class _DamageError(Exception):
    """Decoding stopped before the end."""


def _open(path: Path) -> soundfile.SoundFile:
    """Open a file for reading; every failure is an InputError."""
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path.")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file; give an audio file.")
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty; record or copy it again.")
        return soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        detail = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
        # libsndfile blames the file system when an MP3 holds no frame.
        detail = "no audio in it" if detail.startswith("File does not exist") else detail.strip().rstrip(".")
        raise InputError(f"{path} is no readable audio ({detail}); convert it to WAV or FLAC.") from None


def _pieces(file: soundfile.SoundFile) -> Iterator[Float32[np.ndarray, "frame channel"]]:
    """Yield runs of frames as decoded, until the end or, raising _DamageError, until decoding fails."""
    position = 0
    try:
        while len(piece := file.read(_PIECE_FRAMES, dtype="float32", always_2d=True)):
            position += len(piece)
            yield piece
    except _DECODING_ERRORS as error:
        # The failing read took with it what it had decoded, and no damaged stream can be trusted to seek:
        # come near to the damage once more from the start, in small steps.
        with soundfile.SoundFile(file.name) as again:
            yield from _small_pieces_from(position, again, str(error))


def _small_pieces_from(
    position: int, file: soundfile.SoundFile, damage: str
) -> Iterator[Float32[np.ndarray, "frame channel"]]:
    """Yield the frames from a position up to the damage, then raise _DamageError."""
    n_read = 0
    try:
        while len(piece := file.read(_SMALL_PIECE_FRAMES, dtype="float32", always_2d=True)):
            n_read += len(piece)
            if n_read > position:
                yield piece[max(0, position - n_read + len(piece)) :]
    except _DECODING_ERRORS as error:
        raise _DamageError(str(error)) from None
    raise _DamageError(damage)


def _mono(piece: Float32[np.ndarray, "frame channel"]) -> Float32[np.ndarray, " frame"]:
    return mix_down(np.nan_to_num(piece, nan=0.0, posinf=0.0, neginf=0.0).T)


def read_blocks(
    path: str | Path, sample_rate: int | None = None, block_s: int | float = 10.0, offset: int | float = 0.0
) -> Iterator[Float32[np.ndarray, " time"]]:
    """Yield a file as mono float32 blocks, resampled on the way; memory does not grow with the file.

    Channels are averaged, NaN and infinite samples become 0, and a damaged file ends where the damage begins
    (``probe`` tells). The blocks joined are the same whatever ``block_s`` is.

    Args:
        path: Any file that libsndfile reads: wav, flac, ogg, mp3, aiff and more.
        sample_rate: In Hz; None keeps the file's.
        block_s: Length of a block in seconds of the output; the last one is shorter.
        offset: A constant taken from every sample (``FileReport.offset``).

    Yields:
        Mono samples; full scale is 1.

    Raises:
        InputError: When the file is missing, empty, or no audio.
    """
    path = Path(path)
    with _open(path) as file:
        rate = sample_rate or file.samplerate
        n_block = max(1, round(block_s * rate))
        waiting: list[np.ndarray] = []
        n_waiting = 0
        for piece in resample_blocks(_until_damage(file), file.samplerate, rate):
            waiting.append(piece - np.float32(offset) if offset else piece)
            n_waiting += len(piece)
            while n_waiting >= n_block:
                joined = np.concatenate(waiting)
                yield joined[:n_block]
                waiting, n_waiting = [joined[n_block:]], n_waiting - n_block
        if n_waiting:
            yield np.concatenate(waiting)


def _until_damage(file: soundfile.SoundFile) -> Iterator[Float32[np.ndarray, " frame"]]:
    try:
        for piece in _pieces(file):
            yield _mono(piece)
    except _DamageError:
        return


def read_audio(path: str | Path, sample_rate: int | None = None) -> tuple[Float32[np.ndarray, " time"], int]:
    """Return a whole file as mono float32 samples, and their rate in Hz; see ``read_blocks``.

    Raises:
        InputError: When the file is missing, empty, or no audio.
    """
    path = Path(path)
    with _open(path) as file:
        rate = sample_rate or file.samplerate
    blocks = list(read_blocks(path, rate, block_s=60.0))
    return (np.concatenate(blocks) if blocks else np.zeros(0, np.float32)), rate


def probe(path: str | Path) -> FileReport:
    """Return the verdict on one file, after decoding it once from end to end in bounded memory.

    - ``ok``: nothing is wrong with it.
    - ``repaired``: something was, and ``read_blocks`` yields what is sound of it: a truncated or damaged file
      up to the damage, NaN and infinite samples as 0, a constant offset taken out.
    - ``rejected``: empty, no audio, no samples, shorter than 0.1 s, silence, a header that contradicts itself
      or hides what the file holds, samples far outside full scale, channels that cancel each other.

    It never raises because of what a file contains.
    """
    path = Path(path)
    n_bytes = path.stat().st_size if path.is_file() else 0
    try:
        file = _open(path)
        findings = inspect_container(path)
    except (InputError, OSError) as error:
        reason = str(error).replace(f"{path} ", "it ").split(";")[0].rstrip(".")
        return FileReport(path=str(path), verdict="rejected", reasons=[reason], n_bytes=n_bytes)
    with file:
        return _judge(path, n_bytes, file, findings, _Tally(file))


class _Tally:
    """One pass over a file's samples: the sums that the verdict needs."""

    def __init__(self, file: soundfile.SoundFile) -> None:
        self.n_frames = self.n_bad = self.n_clipped = 0
        self.total, self.low, self.high, self.channel_peak = 0.0, np.inf, -np.inf, 0.0
        self.damage: str | None = None
        try:
            for piece in _pieces(file):
                self._add(piece)
        except _DamageError as damage:
            self.damage = str(damage)

    def _add(self, piece: Float32[np.ndarray, "frame channel"]) -> None:
        self.n_frames += len(piece)
        low, high = float(piece.min()), float(piece.max())
        if not np.isfinite(low + high):
            self.n_bad += int(np.count_nonzero(~np.isfinite(piece)))
            piece = np.nan_to_num(piece, nan=0.0, posinf=0.0, neginf=0.0)
            low, high = float(piece.min()), float(piece.max())
        self.channel_peak = max(self.channel_peak, high, -low)
        mono = _mono(piece)
        if piece.shape[1] > 1:
            low, high = float(mono.min()), float(mono.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        if low == high:
            self.total += low * len(mono)  # most of a silent file goes this way, and fast
            return
        self.total += float(mono.sum(dtype=np.float64))
        if max(high, -low) >= 0.999:
            full = np.abs(mono) >= 0.999
            inside = full[2:] & full[1:-1] & full[:-2]
            runs = np.zeros(len(full), bool)
            for shift in range(3):
                runs[shift : len(full) - 2 + shift] |= inside
            self.n_clipped += int(runs.sum())


def _judge(
    path: Path, n_bytes: int, file: soundfile.SoundFile, findings: Findings, tally: _Tally
) -> FileReport:
    rate, n_frames = file.samplerate, tally.n_frames
    declared = findings.declared_frames
    if declared is None and 0 < file.frames < _LONGEST_KNOWN:
        declared = file.frames
    rejections, repairs = list(findings.fatal), list(findings.harmless)
    offset = tally.total / n_frames if n_frames else 0.0
    # What is left when the constant part is taken out: a file of constant 0.3 is as silent as one of zeros.
    swing = max(tally.high - offset, offset - tally.low) if n_frames else 0.0
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        rejections.append(f"a sample rate of {rate} Hz is not one of recorded sound")
    if n_frames == 0:
        what = f"decoding fails at the start ({tally.damage})" if tally.damage else "it holds no samples"
        rejections.append(what if not repairs else f"{what} ({repairs[0].split(':')[0]})")
    elif n_frames < _SHORTEST_S * rate:
        rejections.append(
            f"it lasts {1000 * n_frames / rate:.0f} ms; {1000 * _SHORTEST_S:.0f} ms is the least"
        )
    elif swing < _SILENCE and tally.channel_peak - abs(offset) >= _SILENCE:
        rejections.append("its channels cancel each other when mixed to mono; invert one of them")
    elif swing < _SILENCE:
        rejections.append(f"it is silent from end to end ({n_frames / rate:.1f} s)")
    elif swing > _LARGEST_SAMPLE:
        rejections.append(f"its samples reach {swing:.3g} where full scale is 1; scale it down")
    if tally.damage and findings.declared_frames is None and findings.harmless:
        pass  # a stream of unstated length ends in an error by nature
    elif declared is not None and n_frames < declared and not any("truncated" in text for text in repairs):
        kind = "damaged" if tally.damage else "truncated"
        repairs.append(
            f"{kind}: {n_frames / rate:.2f} s of the declared {declared / rate:.2f} s can be read; "
            "those are used"
        )
    elif tally.damage and not repairs:
        repairs.append(f"damaged after {n_frames / rate:.2f} s; what comes before is used")
    if tally.n_bad:
        repairs.append(f"{tally.n_bad} samples are NaN or infinite; set to 0")
    if abs(offset) < _AUDIBLE_OFFSET:
        offset = 0.0
    else:
        repairs.append(f"a constant offset of {offset:.3f} of full scale; taken out")
    return FileReport(
        path=str(path),
        verdict="rejected" if rejections else "repaired" if repairs else "ok",
        reasons=rejections or repairs,
        format=f"{file.format} {file.subtype}",
        sample_rate=rate,
        n_channels=file.channels,
        n_bytes=n_bytes,
        duration_s=round(n_frames / rate, 6),
        peak=round(swing, 6) if n_frames else 0.0,
        offset=offset,
        n_bad_samples=tally.n_bad,
        clipped_s=round(tally.n_clipped / rate, 6),
    )
