"""The training data of the live tracker: which recording is for what, and what the network is given of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.live_pitch.sounds import (
    HOP,
    RATE,
    Sound,
    in_a_room,
    labelled,
    made,
    read,
    transposed,
    with_noise,
)
from oscine.analysis.pitch.live import AHEAD, periodicity

KEYS = ("difference", "scalars", "f0_hz", "voiced", "counts")
SUFFIXES = {".flac", ".wav", ".mp3", ".ogg"}

_LONGEST_S = 5.0  # of each of many recordings
_LEAST_S = 600.0  # of each folder, altered copies included


def parts(folder: Path, without: Sequence[str]) -> dict[str, list[np.ndarray]]:
    """Return a folder's audio for training, validation and test.

    Of twelve recordings or more, every sixth one is for the test and every sixth for validation, and of the
    others the first seconds are used; of fewer ones, the last third of each is for validation.

    Args:
        folder: With the recordings.
        without: Recordings with one of these in their name are left out.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    paths = [path for path in paths if not any(one in path.name for one in without)]
    found: dict[str, list[np.ndarray]] = {"train": [], "validation": [], "test": []}
    for number, path in enumerate(paths):
        audio = read(path)
        if len(paths) < 12:
            cut = 2 * len(audio) // 3
            found["train"].append(audio[:cut])
            found["validation"].append(audio[cut:])
        else:
            use = {0: "test", 3: "validation"}.get(number % 6, "train")
            found[use].append(audio if use == "test" else audio[: int(_LONGEST_S * RATE)])
    return found


def given(sound: Sound, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Return what the network is given of a sound at some level, and its labels."""
    n_frames = min(len(sound.voiced), (len(sound.audio) - AHEAD) // HOP)
    gain = 10.0 ** (-random.uniform(0.0, 30.0) / 20)
    seen = periodicity(sound.audio * gain, np.arange(n_frames) * HOP)
    labels = sound.f0_hz[:n_frames].astype(np.float32), sound.voiced[:n_frames], sound.counts[:n_frames]
    values = seen.difference.astype(np.float16), seen.scalars.astype(np.float16), *labels
    return dict(zip(KEYS, values, strict=True))


def copies(audio: Sequence[np.ndarray], random: np.random.Generator) -> Iterator[Sound]:
    """Yield recordings as they are, then transposed, in rooms and with noise, until there are enough."""
    total_s = sum(map(len, audio)) / RATE
    n_altered = int(np.clip(np.ceil(_LEAST_S / max(total_s, 1.0)) - 1, 1, 4))
    for one in audio:
        yield labelled(one)
        for _ in range(n_altered):
            sound = labelled(transposed(one, random))
            yield with_noise(in_a_room(sound, random) if random.random() < 0.5 else sound, random)


def made_sounds(n: int, random: np.random.Generator) -> Iterator[Sound]:
    """Yield sounds that code has made, 15 s each."""
    for _ in range(n):
        sound = made(random, 15.0)
        yield with_noise(in_a_room(sound, random) if random.random() < 0.5 else sound, random)


def gather(folders: Sequence[Path], without: Sequence[str], out: Path, n_made: int = 60) -> None:
    """Write what the network is given of all folders, a file for each and each use."""
    out.mkdir(parents=True, exist_ok=True)
    for number, folder in enumerate(folders):
        random = np.random.default_rng(number)
        audio = parts(folder, without)
        _write(out / f"{folder.name}-train.npz", copies(audio["train"], random), random)
        _write(out / f"{folder.name}-validation.npz", map(labelled, audio["validation"]), random)
    for use, n, seed in (("train", n_made, 1000), ("validation", max(1, n_made // 6), 1001)):
        random = np.random.default_rng(seed)
        _write(out / f"made-{use}.npz", made_sounds(n, random), random)


def _write(path: Path, sounds: Iterator[Sound], random: np.random.Generator) -> None:
    found = [given(sound, random) for sound in sounds]
    joined = {key: np.concatenate([one[key] for one in found]) for key in KEYS}
    np.savez(path, allow_pickle=False, **joined)
    print(
        f"{path}: {len(joined['voiced']) * HOP / RATE / 60:.1f} min, {joined['voiced'].mean():.2f} voiced",
        flush=True,
    )
