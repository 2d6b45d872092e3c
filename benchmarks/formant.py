"""Recordings of voices with a formant moved, as Praat hears them; in glottal.md.

    python -m benchmarks.formant [AUDIO …] [--write]

Linear prediction of each frame gives the filter, its inverse the source. The source goes through the filter
again, with its first formant moved; Praat measures the recording and the result.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np
import parselmouth
import torch
from scipy.signal import lfilter

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine import recordings
from oscine.audio import read_audio
from oscine.functional import allpole, allpole_residual, lpc_to_reflection, move_formant

PAGE = "glottal"
RATE, HOP, ORDER, SECONDS = 16_000, 80, 18, 10.0
FACTORS = (0.85, 1.2)
_WINDOW, _EMPHASIS, _QUIET_DB = 512, 0.95, 20.0


def copied(audio: np.ndarray, factor: float) -> np.ndarray:
    """Return a recording through its own filters, their first formant moved.

    Args:
        audio: At `RATE`.
        factor: On the formant's frequency.
    """
    emphasised = np.append(audio[0], audio[1:] - _EMPHASIS * audio[:-1])
    n_frames = len(audio) // HOP
    padded = np.pad(emphasised, _WINDOW // 2) + 1e-6 * np.random.default_rng(0).standard_normal(
        len(audio) + _WINDOW
    )
    frames = np.stack([padded[(t + 1) * HOP : (t + 1) * HOP + _WINDOW] for t in range(n_frames)])
    a = librosa.lpc(frames * np.hanning(_WINDOW), order=ORDER, axis=-1)
    k = lpc_to_reflection(torch.from_numpy(a[:, 1:])).unsqueeze(0)
    whole = torch.from_numpy(emphasised[: n_frames * HOP]).unsqueeze(0)
    moved = move_formant(k, 1, factor, sample_rate=RATE)
    sound = allpole(allpole_residual(whole, k, hop_length=HOP), moved, hop_length=HOP)
    return np.asarray(lfilter([1.0], [1.0, -_EMPHASIS], sound[0].numpy()))


def heard(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return F1 and f0 every 10 ms, by Praat; NaN where there is none, or it is soft."""
    praat = parselmouth.Sound(audio, RATE)
    tracks = praat.to_formant_burg(max_number_of_formants=5, maximum_formant=5000)
    pitch, level = praat.to_pitch(pitch_floor=60, pitch_ceiling=600), praat.to_intensity(60)
    times = np.arange(0.1, len(audio) / RATE - 0.1, 0.01)
    loud = np.array([level.get_value(t) for t in times])
    values = np.array([[tracks.get_value_at_time(1, t), pitch.get_value_at_time(t)] for t in times])
    values[np.isnan(values).any(1) | ~(loud > np.nanmax(loud) - _QUIET_DB)] = np.nan
    return values[:, 0], values[:, 1]


def line(path: Path) -> list[str]:
    """Return a recording's row."""
    sound, rate = read_audio(path)
    audio = librosa.resample(sound.astype(np.float64), orig_sr=rate, target_sr=RATE)
    audio = audio[: round(SECONDS * RATE)]
    formant, pitch = heard(audio)
    cells = [path.stem, f"{np.isfinite(pitch).sum()}"]
    for factor in FACTORS:
        moved = heard(copied(audio, factor))
        low, median, high = np.nanpercentile(moved[0] / formant - 1, [25, 50, 75])
        cents = np.nanmedian(np.abs(1200 * np.log2(moved[1] / pitch)))
        cells += [f"{100 * median:+.1f} % ({100 * low:+.0f} … {100 * high:+.0f})", f"{cents:.1f}"]
    return cells


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formant", description=__doc__)
    parser.add_argument("audio", nargs="*", type=Path, help="recordings; the package's singing if none")
    parser.add_argument("--write", action="store_true", help="write glottal.md")
    options = parser.parse_args(arguments)
    rows = [line(path) for path in [recordings.path("singing"), *options.audio]]
    columns = ["recording", "frames"]
    for factor in FACTORS:
        columns += [f"F1 asked for {100 * (factor - 1):+.0f} %", "f0 moves, cents"]
    content = (
        f"{table(columns, rows)}\n\nThe first {SECONDS:g} s of each at {RATE} Hz, {ORDER} poles; "
        "medians over the frames (and quartiles).\n\n"
        f"*{machine()}; `python -m benchmarks.formant AUDIO … --write`.*"
    )
    print(content)
    if options.write:
        write_section("formant", content, PAGE)


if __name__ == "__main__":
    main()
