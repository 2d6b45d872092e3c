"""How often the tracker hears NSynth's notes where their names say they are, in nsynth.md.

    python -m benchmarks.labels DATASET [--write]

DATASET is what `oscine prepare` made of an NSynth folder; a note's name ends in its MIDI pitch and velocity.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from benchmarks.measure import table
from benchmarks.nsynth import NSYNTH_PAGE
from benchmarks.page import write_section
from oscine.analysis import CONFIDENT
from oscine.data import Dataset, Segment


def line(name: str, segments: Sequence[Segment]) -> list[str]:
    """Return a line of the table: the share of confident frames, and how far of those are off the labels."""
    off, n_frames = [], 0
    for segment in segments:
        features = segment.features()
        pitch = int(PurePosixPath(segment.name).stem.split("-")[-2])
        off.append((features.midi[features.confidence >= CONFIDENT] - pitch).numpy())
        n_frames += segment.n_frames
    semitones = np.concatenate(off)
    n = len(semitones)
    counts = [(np.abs(semitones) <= 0.5).sum(), (semitones > 6).sum(), (semitones < -6).sum()]
    shares = [f"{100 * count / n:.2f}" if n else "–" for count in counts]
    return [name, f"{len(segments)}", f"{100 * n / n_frames:.2f}", *shares]


def labels(dataset: Dataset) -> str:
    """Return the table: the training part as a whole, and each instrument that is held out."""
    instruments: dict[str, list[Segment]] = {}
    for segment in dataset.held_out.segments:
        instrument = PurePosixPath(segment.name).name.rsplit("-", 2)[0]
        instruments.setdefault(instrument, []).append(segment)
    parts = {"trained on": dataset.train.segments, "held out": dataset.held_out.segments}
    rows = [line(name, segments) for name, segments in (parts | dict(sorted(instruments.items()))).items()]
    headings = ("notes", "confident frames, %", "within half a semitone, %", "above, %", "below, %")
    return table(["notes of", *headings], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    content = f"{labels(Dataset.open(options.dataset))}\n\n*`python -m benchmarks.labels DATASET --write`.*"
    print(content)
    if options.write:
        write_section("labels", content, NSYNTH_PAGE)


if __name__ == "__main__":
    main()
