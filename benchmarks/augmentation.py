"""Augmentation of one minute of recordings, on and off: few-minutes.md.

    python -m benchmarks.augmentation DATASET … [--ways WAY …] [--minutes M] [--steps N]
                                      [--seeds N] [--results FOLDER] [--write]

DATASET is what `oscine prepare` makes. M minutes of it are learned from nothing by the recipe ``default``, as
they are, with four changed copies of each recording beside it, or with crops that training transposes
(``training.transpose_semitones``). Validation and held-out part are not changed. FOLDER keeps the figures:
what is there is not trained again, and the table is of all that is there with as many steps.
"""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr
import torch
from jaxtyping import Float32

from benchmarks.ensemble import Figures, measured
from benchmarks.few_minutes import few_minutes
from benchmarks.measure import table
from benchmarks.page import machine, write_section
from benchmarks.stability import spread
from benchmarks.training_ways import Way, train
from oscine.analysis import F0Curve, analyze
from oscine.analysis.features import FEATURES
from oscine.data import Dataset, Segment, Split
from oscine.data.segment import ArrayPart
from oscine.files import write_atomically

Sound = Float32[np.ndarray, " time"]
#: What the four copies of a recording differ in.
SEMITONES, GAINS_DB, NOISES_DB, RT60S_S = (
    (-2, -1, 1, 2),
    (-6, -3, 3, 6),
    (-20, -30, -40, -50),
    (0.2, 0.4, 0.6, 0.8),
)
_ROOM_DB = -12.0
AS_IT_IS, IN_TRAINING = "none", "pitch and speed, of each crop"
WAYS = {
    AS_IT_IS: (),
    "pitch and speed": ("speed",),
    IN_TRAINING: (),
    "gain": ("gain",),
    "added noise": ("noise",),
    "room": ("room",),
}


def changed(segment: Segment, kinds: Sequence[str], number: int) -> Segment:
    """Return a copy of a recording, changed in one or more ways, with the features of the changed sound.

    Args:
        segment: The recording.
        kinds: ``speed``: resampled, so that pitch and formants move with the speed. ``gain``: louder or
            softer. ``noise``: white noise, at a level relative to the recording's. ``room``: reverberation of
            decaying noise, 12 dB below the sound.
        number: Which of the four copies.
    """
    rate, features, sound = segment.sample_rate, segment.features(), segment.audio().numpy()
    random = np.random.default_rng(number)
    ratio = 1.0
    for kind in kinds:
        if kind == "speed":
            ratio = 2.0 ** (SEMITONES[number] / 12)
            sound = soxr.resample(sound, rate * ratio, rate)
        elif kind == "gain":
            sound = sound * 10 ** (GAINS_DB[number] / 20)
        elif kind == "noise":
            level = np.sqrt(np.mean(sound**2)) * 10 ** (NOISES_DB[number] / 20)
            sound = sound + level * random.standard_normal(len(sound))
        else:
            sound = in_a_room(sound, RT60S_S[number], rate, random)
    n_frames = len(sound) // segment.hop_length
    sound = sound[: n_frames * segment.hop_length].astype(np.float32)
    time_s = features.time_s.numpy().astype(np.float64) / ratio
    f0_hz = ratio * features.f0_hz.numpy().astype(np.float64)
    pitch = F0Curve(time_s, f0_hz, features.confidence.numpy().astype(np.float64), names_pauses=True)
    found = analyze(torch.from_numpy(sound), rate, segment.hop_length, pitch)
    columns = {name: getattr(found, name).numpy() for name in FEATURES}
    # Noise and reverberation do not change how sure the pitch is.
    columns["f0_hz"] = np.interp(found.time_s, time_s, f0_hz).astype(np.float32)
    part = ArrayPart({"audio": sound, **columns}, n_frames)
    return Segment(segment.name, [part], rate, segment.hop_length, segment.identity)


def in_a_room(sound: Sound, rt60_s: float, rate: int, random: np.random.Generator) -> Sound:
    """Return a sound with the reverberation of noise that decays by 60 dB in so many seconds."""
    n_taps = round(rt60_s * rate)
    taps = random.standard_normal(n_taps) * 10.0 ** (-3 * np.arange(n_taps) / n_taps)
    taps *= 10 ** (_ROOM_DB / 20) / np.sqrt(np.sum(taps**2))
    taps[0] = 1.0
    n = len(sound) + n_taps
    return np.fft.irfft(np.fft.rfft(sound, n) * np.fft.rfft(taps, n), n)[: len(sound)].astype(np.float32)


def augmented(dataset: Dataset, kinds: Sequence[str]) -> Dataset:
    """Return a dataset with four changed copies of each recording in its training part."""
    segments = dataset.train.segments
    copies = [changed(one, kinds, i) for one in segments for i in range(len(SEMITONES)) if kinds]
    dataset.train = Split([*segments, *copies], dataset.hop_length)
    dataset.fingerprint += "".join(kinds)
    return dataset


def run(place: Path, minutes: float, way: str, seed: int, steps: int) -> Figures:
    """Train one instrument and return its figures."""
    dataset = augmented(few_minutes(Dataset.open(place), minutes), WAYS[way])
    transposed = {"transpose_semitones": float(max(SEMITONES))} if way == IN_TRAINING else {}
    loop, kept = train(dataset, Way({"batch_size": 4, **transposed}), seed, steps)
    loop.instrument.load_state_dict(kept.weights)
    line = {"instrument": place.name, "minutes": minutes, "way": way, "seed": seed, "steps": steps}
    return line | {"validation_loss": kept.best, **measured([loop.instrument], dataset)}


def as_table(lines: Sequence[Figures]) -> str:
    """Return the figures in Markdown: mean and standard deviation over the seeds."""
    rows = []
    for key in dict.fromkeys((line["instrument"], line["minutes"], line["way"]) for line in lines):
        same = [line for line in lines if (line["instrument"], line["minutes"], line["way"]) == key]
        columns = [[line["validation_loss"] for line in same], [line["spectral_loss"] for line in same]]
        columns.append([line["log_mel_db"] for line in same])
        cells = [spread(one, ".2f") for one in columns]
        cells.append(spread([100 * (line["told_apart"] or math.nan) for line in same], ".0f"))
        rows.append([f"{key[0]}, {key[1]:g} min, {key[2]}", f"{len(same)}", *cells])
    headings = ["augmentation", "seeds", "validation loss", "held out: spectral loss", "log-mel, dB"]
    return table([*headings, "told apart, %"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.augmentation", description=__doc__)
    parser.add_argument("datasets", type=Path, nargs="+", metavar="DATASET")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=[], help="all of them if left out")
    parser.add_argument("--minutes", type=float, default=1.0, help="(%(default)g)")
    parser.add_argument("--steps", type=int, default=600, help="of each run (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--results", type=Path, default=Path("build/augmentation"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="write few-minutes.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for seed in range(options.seeds):
        for place in options.datasets:
            for way in options.ways or WAYS:
                name = f"{place.name}-{options.minutes:g}-{way.replace(' ', '-')}-{seed}-{options.steps}"
                path = options.results / f"{name}.json"
                if not path.exists():
                    line = run(place, options.minutes, way, seed, options.steps)
                    write_atomically(path, json.dumps(line, indent=1) + "\n")
                    print(name, line["validation_loss"], line["spectral_loss"], flush=True)
    lines = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(options.results.glob("*.json"))]
    lines = [line for line in lines if line["steps"] == options.steps]
    lines.sort(key=lambda line: (line["instrument"], line["minutes"], list(WAYS).index(line["way"])))
    content = as_table(lines)
    print(content)
    if options.write:
        command = f"python -m benchmarks.augmentation DATASET … --steps {options.steps} --write"
        content += f"\n\n*{machine()}, one thread; `{command}`.*"
        write_section("augmentation", content, "few-minutes")


if __name__ == "__main__":
    main()
