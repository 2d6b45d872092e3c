"""Voice conversion of singing: how the melody comes through, in conversion.md.

    python -m benchmarks.sung_conversion SONG TARGETS [--seconds 60] [--write]

TARGETS has each target's recordings in a folder of its own; every other one is used. The pitch of input and
output is that of SwiftF0, over frames in which both are voiced; it is compared with the input's, transposed.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.conversion import PAGE, RATE, halves, sound_of
from benchmarks.measure import table
from benchmarks.page import write_section
from oscine.analysis import VOICED, Features, analyze
from oscine.voices import convert_voice
from oscine.voices.pitch import Transposition

#: How the pitch is treated, its name, and by how many semitones the melody ought to move.
WAYS: list[tuple[Transposition | None, str, float | None]] = [
    (None, "mean and spread (speech)", None),
    (0.0, "`--transpose 0`", 0.0),
    (-5.0, "`--transpose -5`", -5.0),
]


def spread(features: Features) -> float:
    """Return the standard deviation of the pitch, semitones."""
    return float(12 * torch.log2(features.f0_hz[features.confidence >= VOICED]).std())


def figures(before: Features, after: Features, semitones: float | None) -> list[float]:
    """Return the median and 95 % error of the pitch, cents, the share of frames over 50, and the spread.

    Args:
        before: Of the input.
        after: Of the output.
        semitones: By which the melody ought to move; its median move if left out.
    """
    n = min(before.n_frames, after.n_frames)
    both = (before.confidence[:n] >= VOICED) & (after.confidence[:n] >= VOICED)
    moved = 1200 * torch.log2(after.f0_hz[:n] / before.f0_hz[:n])[both]
    error = (moved - (moved.median() if semitones is None else 100 * semitones)).abs()
    far = float((error > 50).float().mean())
    return [float(error.median()), float(error.quantile(0.95)), far, spread(after)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sung_conversion", description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("targets", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each target (%(default)g)")
    parser.add_argument("--write", action="store_true", help="write conversion.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    song = torch.from_numpy(sound_of([options.song]))
    before, rows = analyze(song, RATE), []
    for folder in sorted(path for path in options.targets.iterdir() if path.is_dir()):
        known, _ = halves(folder, options.seconds)
        for transpose, name, semitones in WAYS:
            audio, _ = convert_voice((song, RATE), list(known), transpose=transpose)
            middle, most, far, width = figures(before, analyze(audio, RATE), semitones)
            cells = [f"{middle:.1f}", f"{most:.0f}", f"{100 * far:.1f} %", f"{spread(before):.2f}"]
            rows.append([folder.name, name, *cells, f"{width:.2f}"])
            print(*rows[-1], sep=" | ", flush=True)
    headings = ["target", "pitch", "median error, cents", "95 %", "frames over 50", "spread in", "spread out"]
    made = table(headings, rows)
    if options.write:
        write_section("conversion sung", made, PAGE)


if __name__ == "__main__":
    main()
