"""Make speech-like sound and its articulatory curves: ``python tools/make_articulations.py FOLDER``.

VocalTractLab (Peter Birkholz, GPL) simulates the air in a vocal tract whose shape 19 parameters give, and
vocal folds with 11 more. This tool moves them at random from vowel to consonant to vowel and writes, for each
walk, ``walk_000.flac`` (16 kHz), ``walk_000.f0.csv`` and ``walk_000.curves.csv``, as ``oscine prepare`` reads
them, and ``walk_000.play.csv``, as ``oscine render`` reads it. With ``--sweep JA`` one parameter, here the
angle of the jaw, goes through its range on three vowels, and everything else stands still.

The simulator and its one speaker, JD3, come with articubench: ``pip install --no-deps articubench==0.3.5``.
Nothing of it is part of Oscine. A second of sound takes a second or two of one core; walks that are in the
folder are not made again.
"""

import argparse
import ctypes
import importlib.util
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from oscine.analysis import F0Curve, analyze
from oscine.files import write_atomically

#: Samples at 44.1 kHz from one shape of the tract to the next, between which the simulator goes in lines.
STEP, RATE, TARGET_RATE, HOP = 220, 44100, 16000, 64
TRACT = [
    *("HX", "HY", "JX", "JA", "LP", "LD", "VS", "VO", "TCX", "TCY"),
    *("TTX", "TTY", "TBX", "TBY", "TRX", "TRY", "TS1", "TS2", "TS3"),
]
GLOTTIS = ["F0", "PR", "XB", "XT", "CA", "PL", "RA", "DP", "PS", "FL", "AS"]
NAMES: list[str] = TRACT + GLOTTIS
#: Time constant of each of three filters through which the targets go, seconds.
GLIDE_S = 0.014
GAIN = 2.0
VOWELS = ["a", "e", "i", "o", "u", "E:", "2", "y", "I", "E", "O", "U", "9", "Y", "@", "6"]


class Consonant(NamedTuple):
    """A shape of the speaker, a glottis, and how far the velum is open."""

    shape: str
    glottis: str
    velum: float = -0.1


CONSONANTS = [
    Consonant("ll-labial-closure", "voiced-plosive"),
    Consonant("ll-labial-closure", "voiceless-plosive"),
    Consonant("ll-labial-closure", "modal", 0.5),
    Consonant("tt-alveolar-closure", "voiced-plosive"),
    Consonant("tt-alveolar-closure", "voiceless-plosive"),
    Consonant("tt-alveolar-closure", "modal", 0.5),
    Consonant("tt-alveolar-lateral", "modal"),
    Consonant("tb-velar-closure", "voiced-plosive"),
    Consonant("tb-velar-closure", "voiceless-plosive"),
    Consonant("ll-dental-fricative", "voiced-fricative"),
    Consonant("ll-dental-fricative", "voiceless-fricative"),
    Consonant("tt-alveolar-fricative", "voiced-fricative"),
    Consonant("tt-alveolar-fricative", "voiceless-fricative"),
    Consonant("tt-postalveolar-fricative", "voiceless-fricative"),
    Consonant("tb-palatal-fricative", "voiceless-fricative"),
    Consonant("tb-uvular-fricative", "voiceless-fricative"),
]


class Simulator:
    """VocalTractLab, of the articubench that is installed: its library is loaded, its code not imported."""

    def __init__(self) -> None:
        found = importlib.util.find_spec("articubench")
        if found is None or found.origin is None:
            sys.exit("The simulator is missing; install it with: pip install --no-deps articubench==0.3.5")
        folder = Path(found.origin).parent / "vocaltractlab_api"
        suffix = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
        speaker = folder / "JD3.speaker"
        self.library = ctypes.CDLL(str(folder / f"libVocalTractLabApi{suffix}"))
        if self.library.vtlInitialize(str(speaker).encode()):
            sys.exit(f"The simulator can't read {speaker}; install articubench 0.3.5 again.")
        text = speaker.read_text(encoding="utf-8")
        shapes = re.findall(r'<shape name="([^"]+)">(.*?)</shape>', text, re.DOTALL)
        self.shapes: dict[str, np.ndarray] = {}
        for name, body in shapes:
            values = np.array([float(value) for value in re.findall(r'value="([^"]+)"', body)])
            # The first glottis is the one in use; the names of later ones repeat.
            self.shapes.setdefault(name, values)
        ranges = re.findall(r'<param index="\d+"\s+name="(\w+)".*?min="([^"]+)"\s+max="([^"]+)"', text)
        self.ranges = {name: (float(low), float(high)) for name, low, high in ranges if name in TRACT}

    def speak(self, states: np.ndarray) -> np.ndarray:
        """Return the sound of (state, parameter) at 44.1 kHz, ``STEP`` samples for each but the first."""
        pointer = ctypes.POINTER(ctypes.c_double)
        tract, glottis = (np.ascontiguousarray(states[:, part]) for part in (slice(19), slice(19, 30)))
        audio = np.zeros(len(states) * STEP + 2000)
        self.library.vtlSynthesisReset()
        given = [one.ctypes.data_as(pointer) for one in (tract, glottis)]
        sizes = ctypes.c_int(len(states)), ctypes.c_int(STEP)
        if self.library.vtlSynthBlock(*given, *sizes, audio.ctypes.data_as(pointer), ctypes.c_int(0)):
            sys.exit("The simulator refused a sequence of shapes.")
        return audio[: (len(states) - 1) * STEP]


def smooth(targets: np.ndarray, time_constant_s: float = GLIDE_S) -> np.ndarray:
    """Return steps as movements: three one-pole filters, one after the other."""
    pole = np.exp(-STEP / RATE / time_constant_s)
    for _ in range(3):
        targets = targets.copy()
        for t in range(1, len(targets)):
            targets[t] = pole * targets[t - 1] + (1 - pole) * targets[t]
    return targets


def drift(random: np.random.Generator, n: int, every_s: float) -> np.ndarray:
    """Return a curve of deviation 1 that goes from one random value to the next."""
    n_knots = int(n * STEP / RATE / every_s) + 4
    knots = random.standard_normal(n_knots)
    at = (np.arange(n) * STEP / RATE / every_s) + random.random()
    return smooth(np.interp(at, np.arange(n_knots), knots), every_s / 6)


def walk(simulator: Simulator, random: np.random.Generator, seconds: float) -> np.ndarray:
    """Return random speech movements, (state, parameter)."""
    n = int(seconds * RATE / STEP) + 1
    low, high = np.array([simulator.ranges[name] for name in TRACT]).T
    modal = simulator.shapes["modal"]
    tract, glottis = np.empty((n, 19)), np.empty((n, 11))
    t, is_vowel = 0, True
    while t < n:
        names = random.choice(VOWELS, 2, replace=False)
        share = random.beta(0.4, 0.4)
        vowel = share * simulator.shapes[names[0]] + (1 - share) * simulator.shapes[names[1]]
        vowel = vowel + random.standard_normal(19) * 0.02 * (high - low)
        # The jaw moves freely: its effect can't be told from the tongue's where both always move together.
        jaw = TRACT.index("JA")
        if random.random() < 0.35:
            vowel[jaw] = random.uniform(low[jaw], high[jaw])
        else:
            vowel[jaw] += 1.5 * random.standard_normal()
        vowel[TRACT.index("VO")] = random.choice([-0.1, 0.4], p=[0.9, 0.1])
        if is_vowel:
            shape, folds, long_s = vowel, modal, random.uniform(0.12, 0.35)
        else:
            wanted = CONSONANTS[random.integers(len(CONSONANTS))]
            tongue = [TRACT.index(name) for name in ("TCX", "TCY", "LD", "LP")]
            context = min("aiu", key=lambda one: np.abs((simulator.shapes[one] - vowel)[tongue]).sum())
            shape = simulator.shapes[f"{wanted.shape}({context})"].copy()
            shape[TRACT.index("VO")] = wanted.velum
            folds, long_s = simulator.shapes[wanted.glottis], random.uniform(0.07, 0.13)
        stop = t + max(1, int(long_s * RATE / STEP))
        tract[t:stop], glottis[t:stop] = np.clip(shape, low, high), folds
        t, is_vowel = stop, not is_vowel or random.random() < 0.2
    states = smooth(np.concatenate([tract, glottis], axis=1))
    column = {name: 19 + i for i, name in enumerate(GLOTTIS)}
    states[:, column["F0"]] = 120 * 2 ** np.clip(0.35 * drift(random, n, 0.3), -0.8, 0.9)
    ends = np.clip(np.minimum(np.arange(n), n - 25 - np.arange(n)) * STEP / RATE / 0.08, 0, 1)
    states[:, column["PR"]] = smooth(ends) * np.clip(8000 + 2000 * drift(random, n, 0.5), 4000, 14000)
    width = np.clip(0.006 * drift(random, n, 0.7), -0.008, 0.03)
    states[:, [column["XB"], column["XT"]]] += width[:, None]
    states[:, column["FL"]] = 0.0  # the pitch is the curve, without jitter
    return states


def sweep(simulator: Simulator, name: str, vowel: str, n_steps: int = 8) -> np.ndarray:
    """Return one tract parameter from its highest to its lowest value in equal steps of 0.4 s."""
    each = int(0.4 * RATE / STEP)
    states = np.concatenate([simulator.shapes[vowel], simulator.shapes["modal"]])
    states = np.tile(states, (n_steps * each + 1, 1))
    high, low = simulator.ranges[name][::-1]
    steps = np.linspace(high, low, n_steps).repeat(each)
    states[:, NAMES.index(name)] = smooth(np.append(steps, steps[-1]))
    states[:, NAMES.index("FL")] = 0.0
    return states


def write(simulator: Simulator, states: np.ndarray, place: Path) -> None:
    """Write the sound and curves of states; the sound last, so that it stands for all of them."""
    sound = soxr.resample(simulator.speak(states), RATE, TARGET_RATE, "VHQ") * GAIN
    if (peak := np.abs(sound).max()) >= 1.0:
        sys.exit(f"{place.name} would clip ({peak:.2f}); lower GAIN in this tool.")
    time_s = np.arange(len(states)) * STEP / RATE
    pitch = states[:, NAMES.index("F0")]
    # What stands still in every walk can teach nothing.
    kept = [i for i, name in enumerate(NAMES) if name not in ("F0", "PL", "DP", "PS", "FL", "AS")]
    known = F0Curve(time_s, pitch, np.ones_like(pitch), names_pauses=False)
    features = analyze((sound.astype(np.float32), TARGET_RATE), None, HOP, known)
    loudness_db = np.interp(time_s, features.time_s.numpy(), features.loudness_db.numpy())
    names = ",".join(NAMES[i] for i in kept)
    curves = [",".join(f"{value:.5g}" for value in row[kept]) for row in states]
    each = list(zip(time_s, pitch, loudness_db, curves, strict=True))
    files = {
        ".f0.csv": ["time_s,f0_hz", *(f"{t:.5f},{f0:.3f}" for t, f0, _, _ in each)],
        ".curves.csv": [f"time_s,{names}", *(f"{t:.5f},{row}" for t, _, _, row in each)],
        ".play.csv": [
            f"time_s,f0_hz,loudness_db,{names}",
            *(f"{t:.5f},{f0:.3f},{level:.2f},{row}" for t, f0, level, row in each),
        ],
    }
    for suffix, lines in files.items():
        write_atomically(place.with_name(place.stem + suffix), "\n".join([*lines, ""]))
    write_atomically(place, lambda path: soundfile.write(path, sound, TARGET_RATE, "PCM_16", format="FLAC"))


def main(arguments: list[str] | None = None) -> None:
    """Make the walks or sweeps that are not in the folder yet."""
    parser = argparse.ArgumentParser(description="Make simulated speech with its articulatory curves.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0, help="of walks, 5 s each")
    parser.add_argument("--seed", type=int, default=0, help="of the walks")
    parser.add_argument("--sweep", metavar="NAME", choices=TRACT, help="sweep a parameter instead")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    simulator = Simulator()
    if options.sweep:
        for vowel in ("a", "E", "@"):
            place = options.folder / f"sweep_{options.sweep}_{vowel.replace('@', 'schwa')}.flac"
            if not place.exists():
                write(simulator, sweep(simulator, options.sweep, vowel), place)
        return
    for number in range(max(1, round(options.minutes * 12))):
        place = options.folder / f"walk_{number:03d}.flac"
        if not place.exists():
            random = np.random.default_rng([options.seed, number])
            write(simulator, walk(simulator, random, 5.0), place)
            print(place)


if __name__ == "__main__":
    main()
