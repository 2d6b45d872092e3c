"""The sounds of a listening test: paired by file name, of one length, at one loudness, with anchors."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32

from oscine.analysis.inspection import audio_files
from oscine.audio.file import rate_of, read_audio
from oscine.errors import InputError
from oscine.files import printable
from oscine.functional.convolution import convolve
from oscine.functional.framing import frame_centers
from oscine.functional.loudness import loudness_db

REFERENCE = "reference"
MOST_CONDITIONS = 12
MOST_ITEMS = 100
SHORTEST_S, LONGEST_S = 0.5, 60.0
_MOST_UNEVEN_S = 0.5
_PEAK = 10 ** (-1 / 20)
_FADE_S = 0.01
_SILENCE_DB = -75.0
_TRANSITION_HZ = 500
_STOP_DB = 70.0


class Item(NamedTuple):
    """One sound, by every condition."""

    name: str
    """The file's name without its ending."""
    sounds: dict[str, Float32[np.ndarray, " time"]]
    """By condition: the reference, the systems, the anchors; all of one length."""
    gains_db: dict[str, float]
    """The gain of each system for an equal level."""


def anchor_name(cutoff_hz: int) -> str:
    """Return the name of the condition that is the reference below a frequency."""
    return f"anchor {cutoff_hz} Hz"


def read_items(
    reference: Path, systems: Mapping[str, Path], anchors_hz: Sequence[int] = ()
) -> tuple[list[Item], int]:
    """Return the sounds of a test and their sample rate, which is the highest of all files.

    A system's file belongs to the reference's file of the same name without its ending; where the reference
    is one file and the system too, they belong together whatever they are called. Sounds become mono. All
    conditions of an item are cut to the shortest, have a fade of 10 ms at both ends, and each system gets
    the gain that brings its `level_db` to the reference's. If a sound then had a peak above −1 dB, all
    conditions of the item are made quieter by the same factor.

    Args:
        reference: A file, or a folder of files.
        systems: A file or a folder by the name of the system.
        anchors_hz: Each adds a condition, the reference through `lowpass`.

    Raises:
        InputError: When a sound is missing, silent, too short or long, or of another length than its
            reference, or there are too many.
    """
    n_conditions = 1 + len(systems) + len(anchors_hz)
    if n_conditions > MOST_CONDITIONS:
        raise InputError(
            f"There are {n_conditions} conditions with reference and anchors; give at most {MOST_CONDITIONS}."
        )
    wanted = _by_stem(reference)
    if len(wanted) > MOST_ITEMS:
        raise InputError(
            f"{printable(reference)} has {len(wanted)} files; give at most {MOST_ITEMS} to a test."
        )
    paths = {stem: {REFERENCE: path} for stem, path in wanted.items()}
    for name, place in systems.items():
        there = _by_stem(place)
        if len(wanted) == len(there) == 1 and not reference.is_dir() and not place.is_dir():
            there = {next(iter(wanted)): next(iter(there.values()))}
        for stem, path in paths.items():
            if stem not in there:
                raise InputError(
                    f"{printable(name)} has no file for {printable(path[REFERENCE].name)}; give its sound "
                    "the same name."
                )
            path[name] = there[stem]
    rate = max(rate_of(path) for one in paths.values() for path in one.values())
    for cutoff_hz in anchors_hz:
        if not 500 <= cutoff_hz <= rate / 2 - _TRANSITION_HZ:
            raise InputError(
                f"An anchor of {cutoff_hz} Hz can't be made at {rate} Hz; give 500 to "
                f"{rate // 2 - _TRANSITION_HZ} Hz."
            )
    return [_item(stem, one, rate, anchors_hz) for stem, one in paths.items()], rate


def _by_stem(place: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in audio_files(place):
        if path.stem in found:
            raise InputError(
                f"{printable(place)} has two sounds with the name {printable(path.stem)}; take one away."
            )
        found[path.stem] = path
    return found


def _item(name: str, paths: Mapping[str, Path], rate: int, anchors_hz: Sequence[int]) -> Item:
    sounds = {condition: read_audio(path, rate)[0] for condition, path in paths.items()}
    n_reference = len(sounds[REFERENCE])
    for condition, sound in sounds.items():
        path = printable(paths[condition])
        if not SHORTEST_S <= len(sound) / rate <= LONGEST_S:
            raise InputError(
                f"{path} lasts {len(sound) / rate:.2f} s; give sounds of {SHORTEST_S:g} to {LONGEST_S:g} s."
            )
        if abs(len(sound) - n_reference) > _MOST_UNEVEN_S * rate:
            raise InputError(
                f"{path} lasts {len(sound) / rate:.2f} s and its reference {n_reference / rate:.2f} s; make "
                "them equally long, beginning at the same time."
            )
    n_samples = min(map(len, sounds.values()))
    levels = {condition: level_db(sound[:n_samples], rate) for condition, sound in sounds.items()}
    for condition, level in levels.items():
        if level < _SILENCE_DB:
            raise InputError(f"{printable(paths[condition])} is silent; leave the sound out.")
    gains_db = {one: levels[REFERENCE] - level for one, level in levels.items() if one != REFERENCE}
    fade = np.minimum(1.0, (np.arange(n_samples) + 0.5) / (_FADE_S * rate))
    shape = (fade * fade[::-1]).astype(np.float32)
    matched = {
        condition: sound[:n_samples] * np.float32(10 ** (gains_db.get(condition, 0.0) / 20))
        for condition, sound in sounds.items()
    }
    for cutoff_hz in anchors_hz:
        matched[anchor_name(cutoff_hz)] = lowpass(matched[REFERENCE], rate, cutoff_hz)
    peak = max(float(np.abs(sound).max()) for sound in matched.values())
    scale = np.float32(min(1.0, _PEAK / peak))
    return Item(name, {one: sound * shape * scale for one, sound in matched.items()}, gains_db)


def level_db(sound: Float32[np.ndarray, " time"], sample_rate: int) -> float:
    """Return the level that sounds are matched by: the mean power of their A-weighted loudness, in dB.

    ``10 log10( mean over frames of 10^(L / 10) )``, L being `oscine.functional.loudness_db` every 10 ms.

    Args:
        sound: Mono samples; full scale is 1.
        sample_rate: In Hz.
    """
    hop_length = sample_rate // 100
    centers = frame_centers(len(sound) // hop_length, hop_length, sample_rate, sample_rate)
    loudness = loudness_db(torch.from_numpy(np.ascontiguousarray(sound)), centers, sample_rate)
    return float(10 * torch.log10(torch.pow(10.0, loudness.double() / 10).mean()))


def lowpass(
    sound: Float32[np.ndarray, " time"], sample_rate: int, cutoff_hz: int
) -> Float32[np.ndarray, " time"]:
    """Return a sound below a frequency, without delay: the anchor of a MUSHRA test with 3500 Hz.

    A linear-phase filter with a Kaiser window. At 3500 Hz it keeps the limits of the standard: within
    ±0.1 dB up to 3.5 kHz, at least 25 dB down at 4 kHz, at least 50 dB down from 4.5 kHz.

    Args:
        sound: Mono samples.
        sample_rate: In Hz.
        cutoff_hz: The end of the pass band.

    Reference:
        Recommendation ITU-R BS.1534-3, Method for the subjective assessment of intermediate quality level of
        audio systems, 2015, section 5.1.
    """
    width = 2 * math.pi * _TRANSITION_HZ / sample_rate
    n_half = math.ceil((_STOP_DB - 7.95) / (2.285 * width) / 2)
    time = torch.arange(-n_half, n_half + 1, dtype=torch.float64)
    middle = 2 * (cutoff_hz + _TRANSITION_HZ / 2) / sample_rate
    beta = 0.1102 * (_STOP_DB - 8.7)
    window = torch.kaiser_window(len(time), periodic=False, beta=beta, dtype=torch.float64)
    taps = middle * torch.sinc(middle * time) * window
    padded = np.concatenate([sound, np.zeros(n_half, np.float32)])
    filtered = convolve(torch.from_numpy(padded).double()[None], taps / taps.sum())
    return filtered[0, n_half : n_half + len(sound)].float().numpy()
