"""The training data of the live tracker: which recording is for what, and what the network is given of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

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
    with_octaves_of,
    with_pauses,
)
from oscine.analysis.pitch.live import AHEAD, periodicity

KEYS = ("difference", "scalars", "f0_hz", "voiced", "counts")
SUFFIXES = {".flac", ".wav", ".mp3", ".ogg"}

_LONGEST_S = 5.0  # of each of many recordings
_LEAST_S, _MOST_COPIES = 900.0, 8  # of each folder, altered copies included
# Pauses are learned from the level below the loudest second. The tracker itself looks back for 0.24 s: with a
# second it misses a soft note after a loud one for too long.
_RECENT_IN_TRAINING = 250  # frames


class Part(NamedTuple):
    """The audio of a recording, or a part of it, from which sample on."""

    path: Path
    audio: np.ndarray
    begin: int = 0


def parts(folder: Path, without: Sequence[str]) -> dict[str, list[Part]]:
    """Return a folder's audio for training, validation and test.

    Of twelve recordings or more, every sixth one is for the test and every sixth for validation, and of the
    others the first seconds are used; of fewer ones, the last third of each is for validation.

    Args:
        folder: With the recordings.
        without: Recordings with one of these in their name are left out.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    paths = [path for path in paths if not any(one in path.name for one in without)]
    found: dict[str, list[Part]] = {"train": [], "validation": [], "test": []}
    for number, path in enumerate(paths):
        audio = read(path)
        if len(paths) < 12:
            cut = 2 * len(audio) // 3
            found["train"].append(Part(path, audio[:cut]))
            found["validation"].append(Part(path, audio[cut:], cut))
        else:
            use = {0: "test", 3: "validation"}.get(number % 6, "train")
            found[use].append(Part(path, audio if use == "test" else audio[: int(_LONGEST_S * RATE)]))
    return found


def sound_of(part: Part) -> Sound:
    """Return a part with its labels.

    In a folder with "speech" in its name, no pitch in doubt is a breath or a consonant. A score beside the
    recording (``.csv``: ``onset_s``, ``dur_s``, ``midi``) says the octaves.
    """
    sound = labelled(part.audio, is_instrument="speech" not in part.path.parent.name)
    score = part.path.with_suffix(".csv")
    return with_octaves_of(score, sound, part.begin) if score.exists() else sound


def given(sound: Sound, random: np.random.Generator, is_training: bool) -> dict[str, np.ndarray]:
    """Return what the network is given of a sound at some level, and its labels."""
    n_frames = min(len(sound.voiced), (len(sound.audio) - AHEAD) // HOP)
    gain = 10.0 ** (-random.uniform(0.0, 30.0) / 20)
    centers = np.arange(n_frames) * HOP
    seen = periodicity(sound.audio * gain, centers, *([_RECENT_IN_TRAINING] if is_training else []))
    labels = sound.f0_hz[:n_frames].astype(np.float32), sound.voiced[:n_frames], sound.counts[:n_frames]
    values = seen.difference.astype(np.float16), seen.scalars.astype(np.float16), *labels
    return dict(zip(KEYS, values, strict=True))


def copies(recordings: Sequence[Part], random: np.random.Generator) -> Iterator[Sound]:
    """Yield recordings as they are, then transposed, with pauses, in rooms and with noise, until enough."""
    total_s = sum(len(one.audio) for one in recordings) / RATE
    n_altered = int(np.clip(np.ceil(_LEAST_S / max(total_s, 1.0)) - 1, 1, _MOST_COPIES))
    for one in recordings:
        plain = sound_of(one)
        yield plain
        for _ in range(n_altered):
            sound = transposed(plain, random)
            sound = with_pauses(sound, random) if random.random() < 0.5 else sound
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
        _write(out / f"{folder.name}-validation.npz", map(sound_of, audio["validation"]), random)
    for use, n, seed in (("train", n_made, 1000), ("validation", max(1, n_made // 6), 1001)):
        random = np.random.default_rng(seed)
        _write(out / f"made-{use}.npz", made_sounds(n, random), random)


def _write(path: Path, sounds: Iterator[Sound], random: np.random.Generator) -> None:
    is_training = path.stem.endswith("-train")
    found = [given(sound, random, is_training) for sound in sounds]
    joined = {key: np.concatenate([one[key] for one in found]) for key in KEYS}
    np.savez(path, allow_pickle=False, **joined)
    print(
        f"{path}: {len(joined['voiced']) * HOP / RATE / 60:.1f} min, {joined['voiced'].mean():.2f} voiced",
        flush=True,
    )
