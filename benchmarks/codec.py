"""How good a coded voice is at its bit rate, beside codec2 and Opus: the table in codec.md.

    python -m benchmarks.codec FOLDER… [--kbps 1.2 2 3] [--write]

Each FOLDER holds recordings of one speaker, of which the first 12 s count. Bits are those of the files: of
Opus and codec2 the packets, without the container. Needs ffmpeg with libcodec2 and libopus, and the packages
pystoi and pesq; what is missing is left out and said. The delays of the others are taken out by the
cross-correlation of levels: that of the waves is misled by a codec that keeps no phases.
"""

import argparse
import importlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.audio import AUDIO_SUFFIXES, read_audio
from oscine.voices import analyze_voice, decode, encode

RATE, MOST_S, MOST_DELAY_S = 16_000, 12, 0.1
#: Name, encoder, its options, ending and sample rate.
OTHERS: tuple[tuple[str, str, list[str], str, int], ...] = (
    ("codec2 2400", "libcodec2", ["-mode", "2400"], ".c2", 8000),
    ("codec2 1200", "libcodec2", ["-mode", "1200"], ".c2", 8000),
    ("Opus 6k", "libopus", ["-b:a", "6k", "-application", "voip"], ".ogg", RATE),
)
METRICS = ("STOI", "ESTOI", "PESQ (wide band)")
#: What is put to the test: samples to kb/s and samples, both at `RATE`.
Codec = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Own:
    """Our codec at one bit rate, and its CPU time."""

    def __init__(self, kbps: float) -> None:
        self._kbps = kbps
        self.encoding_s = self.decoding_s = self.seconds = 0.0

    def __call__(self, audio: np.ndarray) -> tuple[float, np.ndarray]:
        """Return kb/s and the decoded sound."""
        voice, seconds = analyze_voice((audio, RATE)), len(audio) / RATE
        began = time.process_time()
        content = encode(voice, self._kbps)
        between = time.process_time()
        decoded = decode(content)
        self.encoding_s += between - began
        self.decoding_s += time.process_time() - between
        self.seconds += seconds
        return len(content) / 125 / seconds, decoded.play().numpy()


def copy_synthesis(audio: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the sound of the measured voice, not coded."""
    return float("nan"), analyze_voice((audio, RATE)).play().numpy()


def other(encoder: str, options: Sequence[str], suffix: str, rate: int) -> Codec:
    """Return a codec of ffmpeg's, its delay taken out."""

    def run(audio: np.ndarray) -> tuple[float, np.ndarray]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"coded{suffix}"
            raw = soxr.resample(audio, RATE, rate).astype("<f4").tobytes()
            _ffmpeg(
                ["-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "-", "-c:a", encoder, *options], path, raw
            )
            about = json.loads(
                subprocess.run(
                    ["ffprobe", "-v", "error", "-show_entries", "packet=size", "-of", "json", path],
                    check=True,
                    capture_output=True,
                ).stdout
            )
            n_bytes = sum(int(packet["size"]) for packet in about["packets"])
            heard = _ffmpeg(["-i", str(path), "-f", "f32le", "-ar", str(RATE), "-ac", "1"], "-")
        return n_bytes / 125 / (len(audio) / RATE), aligned(np.frombuffer(heard, "<f4"), audio)

    return run


def _ffmpeg(arguments: Sequence[str], output: str | Path, given: bytes = b"") -> bytes:
    command = ["ffmpeg", "-v", "error", "-y", *arguments, str(output)]
    return subprocess.run(command, check=True, capture_output=True, input=given).stdout


def _level(audio: np.ndarray) -> np.ndarray:
    """Return the level over 10 ms, without its mean."""
    window = np.hanning(RATE // 100)
    level = np.sqrt(np.convolve(np.square(audio.astype(np.float64)), window / window.sum(), "same").clip(0))
    return level - level.mean()


def aligned(heard: np.ndarray, audio: np.ndarray) -> np.ndarray:
    """Return a sound moved to where its level fits another's, and of its length."""
    n_fft = 1 << (len(audio) + len(heard)).bit_length()
    product = np.fft.irfft(
        np.fft.rfft(_level(heard), n_fft) * np.conj(np.fft.rfft(_level(audio), n_fft)), n_fft
    )
    most = round(MOST_DELAY_S * RATE)
    delays = np.arange(-most, most + 1)
    delay = int(delays[np.argmax(product[delays])])
    moved = heard[delay:] if delay >= 0 else np.concatenate([np.zeros(-delay, heard.dtype), heard])
    return _of_length(moved, len(audio))


def _of_length(audio: np.ndarray, length: int) -> np.ndarray:
    return np.pad(audio, (0, max(0, length - len(audio))))[:length]


def scorer() -> tuple[Callable[[np.ndarray, np.ndarray], list[float]], list[str]]:
    """Return what scores a sound against the original, and the packages that are missing."""
    modules: dict[str, Any] = {}
    for name in ("pystoi", "pesq"):
        try:
            modules[name] = importlib.import_module(name)
        except ImportError:
            modules[name] = None

    def score(audio: np.ndarray, heard: np.ndarray) -> list[float]:
        stoi, pesq = modules["pystoi"], modules["pesq"]
        ratios = [stoi.stoi(audio, heard, RATE, extended=one) if stoi else np.nan for one in (False, True)]
        return [*ratios, pesq.pesq(RATE, audio, heard, "wb") if pesq else np.nan]

    return score, [name for name, module in modules.items() if module is None]


def recordings(folder: Path) -> Iterator[np.ndarray]:
    """Yield a folder's recordings."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in AUDIO_SUFFIXES:
            yield read_audio(path, RATE)[0][: MOST_S * RATE]


def speaker(folder: Path, codecs: dict[str, Codec], score: Callable[..., list[float]]) -> list[list[str]]:
    """Return a table's rows: each codec's means over the recordings of a folder."""
    sounds = list(recordings(folder))
    rows = []
    for name, codec in codecs.items():
        figures = []
        for audio in sounds:
            kbps, heard = codec(audio)
            figures.append([kbps, *score(audio, _of_length(heard, len(audio)))])
        means = np.mean(figures, axis=0)
        cells = [f"{value:.{digits}f}" for value, digits in zip(means, (2, 3, 3, 2), strict=True)]
        rows.append([f"{folder.name}: {name}", *("–" if cell == "nan" else cell for cell in cells)])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.codec", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--kbps", type=float, nargs="+", default=[1.2, 2.0, 3.0])
    parser.add_argument("--write", action="store_true", help="write codec.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    own = {f"Oscine {kbps:g}": Own(kbps) for kbps in options.kbps}
    codecs: dict[str, Codec] = {"not coded": copy_synthesis, **own}
    listed = ""
    if shutil.which("ffmpeg"):
        listed = subprocess.run(["ffmpeg", "-v", "error", "-encoders"], capture_output=True, text=True).stdout  # noqa: PLW1510
    codecs |= {one[0]: other(*one[1:]) for one in OTHERS if one[1] in listed}
    score, missing = scorer()
    missing += sorted({encoder for _, encoder, *_ in OTHERS if encoder not in listed})
    rows, counts = [], []
    for folder in options.folders:
        sounds = list(recordings(folder))
        counts.append(f"{folder.name}: {len(sounds)} recordings, {sum(map(len, sounds)) / RATE:.0f} s")
        rows += speaker(folder, codecs, score)
    seconds = sum(one.seconds for one in own.values())
    encoding, decoding = (
        sum(one.encoding_s for one in own.values()) / seconds,
        sum(one.decoding_s for one in own.values()) / seconds,
    )
    cost = (
        f"One thread: a voice to bytes {encoding:.3f} × real time, bytes to a voice {decoding:.3f} ×; "
        "analysis and synthesis are not counted."
    )
    parts = [
        "; ".join(counts) + (f". Missing here: {', '.join(missing)}." if missing else "."),
        table(["speaker and codec", "kb/s", *METRICS], rows),
        cost,
        f"*{machine()}; `python -m benchmarks.codec FOLDER…`.*",
    ]
    content = "\n\n".join(parts)
    print(content)
    if options.write:
        write_section("codec", content, "codec")


if __name__ == "__main__":
    main()
