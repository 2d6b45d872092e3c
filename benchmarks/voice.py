"""`oscine voice` beside WORLD and Praat's PSOLA, and the trained vocoder, in voice.md.

    pip install pyworld pystoi pesq
    python -m benchmarks.voice SPEAKER=FOLDER … [--vocoder NAME=INSTRUMENT …] [--files N] [--write]
    python -m benchmarks.voice --sung NAME=FILE … [--write]

Each folder has recordings of one speaker; the longest N files (8 if left out) are used, 8 s of each. The
second command is about copies of singing and playing, at the recordings' own rates, 20 s of each.
"""

import argparse
import importlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import parselmouth
import torch
from parselmouth.praat import call

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.audio import read_audio
from oscine.losses import LogMelLoss, MultiScaleSpectralLoss
from oscine.transfer import load
from oscine.voices import VoiceChange, change_voice

PAGE = "voice"
RATE, SECONDS, SUNG_S = 16_000, 8.0, 20.0
Sound = np.ndarray
#: A form of synthesis: a recording, semitones and Hz in, a sound of the same length out.
Form = Callable[[Sound, float, int], Sound]


def oscine_voice(vocoder: str | None = None) -> Form:
    """Return plain synthesis, or that of a trained vocoder."""
    instrument = None if vocoder is None else load(vocoder)

    def play(sound: Sound, semitones: float, rate: int) -> Sound:
        audio, made_rate = change_voice((sound, rate), VoiceChange(pitch=semitones), vocoder=instrument)
        assert made_rate == rate
        return audio.numpy()

    return play


def world(sound: Sound, semitones: float, rate: int) -> Sound:
    """Return WORLD's synthesis: Harvest, CheapTrick, D4C."""
    pyworld: Any = importlib.import_module("pyworld")
    x = sound.astype(np.float64)
    f0, times = pyworld.harvest(x, rate)
    f0 = pyworld.stonemask(x, f0, times, rate)
    envelope = pyworld.cheaptrick(x, f0, times, rate)
    aperiodicity = pyworld.d4c(x, f0, times, rate)
    return pyworld.synthesize(f0 * 2 ** (semitones / 12), envelope, aperiodicity, rate)


def psola(sound: Sound, semitones: float, rate: int) -> Sound:
    """Return Praat's PSOLA, which moves pieces of the recording itself."""
    whole = parselmouth.Sound(sound.astype(np.float64), rate)
    manipulation = call(whole, "To Manipulation", 0.01, 60, 500)
    tier = call(manipulation, "Extract pitch tier")
    call(tier, "Multiply frequencies", whole.xmin, whole.xmax, 2 ** (semitones / 12))
    call([tier, manipulation], "Replace pitch tier")
    return call(manipulation, "Get resynthesis (overlap-add)").values[0]


def _like(sound: Sound, made: Sound) -> Sound:
    return np.pad(made, (0, max(0, len(sound) - len(made))))[: len(sound)]


def copies(sounds: Sequence[Sound], form: Form) -> list[float]:
    """Return PESQ, STOI, ESTOI and spectral loss of copy synthesis, and its share of real time."""
    pesq, stoi = importlib.import_module("pesq").pesq, importlib.import_module("pystoi").stoi
    loss = MultiScaleSpectralLoss(RATE)
    rows = []
    for sound in sounds:
        began = time.process_time()
        made = _like(sound, form(sound, 0.0, RATE))
        took = time.process_time() - began
        distance = float(loss(torch.from_numpy(made).float()[None], torch.from_numpy(sound)[None]))
        rows.append(
            (
                pesq(RATE, sound, made.astype(np.float32), "wb"),
                stoi(sound, made, RATE),
                stoi(sound, made, RATE, extended=True),
                distance,
                took / (len(sound) / RATE),
            )
        )
    return np.mean(rows, axis=0).tolist()


def _praat(sound: Sound) -> tuple[np.ndarray, np.ndarray]:
    """Return pitch and the first three formants every 10 ms, Hz; 0 and NaN where there is none."""
    whole = parselmouth.Sound(sound.astype(np.float64), RATE)
    pitch = whole.to_pitch(0.01, 60, 700)
    formants = whole.to_formant_burg(0.01, maximum_formant=5000.0)
    times = np.arange(0.1, len(sound) / RATE - 0.1, 0.01)
    f0 = np.nan_to_num([pitch.get_value_at_time(t) for t in times])
    return f0, np.array([[formants.get_value_at_time(k, t) for k in (1, 2, 3)] for t in times])


def shifts(sounds: Sequence[Sound], form: Form, semitones: float) -> list[float]:
    """Return the median error of the pitch, cents, and the median change of F1, F2 and F3, %."""
    cents, changes = [], []
    for sound in sounds:
        before, after = _praat(sound), _praat(_like(sound, form(sound, semitones, RATE)))
        both = (before[0] > 0) & (after[0] > 0)
        cents.append(1200 * np.log2(after[0][both] / before[0][both]) - 100 * semitones)
        changes.append((after[1] / before[1] - 1)[both])
    moved = np.nanmedian(np.concatenate(changes), axis=0)
    return [float(np.median(np.abs(np.concatenate(cents)))), *(100 * moved).tolist()]


def _pitch(sound: Sound, rate: int) -> np.ndarray:
    """Return Praat's pitch every 10 ms, Hz; 0 where there is none."""
    pitch = parselmouth.Sound(sound.astype(np.float64), rate).to_pitch(0.01, 60, 1500)
    times = np.arange(0.1, len(sound) / rate - 0.1, 0.01)
    return np.nan_to_num([pitch.get_value_at_time(t) for t in times])


def sung(name: str, path: Path) -> list[list[str]]:
    """Return the table's rows about copies of one recording."""
    whole, rate = read_audio(path)
    sound = whole[: round(SUNG_S * rate)]
    before, target = _pitch(sound, rate), torch.from_numpy(sound)[None]
    log_mel, spectral = LogMelLoss(rate), MultiScaleSpectralLoss(rate)
    rows = []
    forms: dict[str, Form] = {"`oscine voice`": oscine_voice(), "WORLD": world}
    for form_name, form in forms.items():
        made = _like(sound, form(sound, 0.0, rate))
        audio, after = torch.from_numpy(made).float()[None], _pitch(made, rate)
        both = (before > 0) & (after > 0)
        cents = np.abs(1200 * np.log2(after[both] / before[both]))
        found = [float(log_mel(audio, target)), float(spectral(audio, target)), float(np.median(cents))]
        shares = [100 * np.mean(cents > 50), 100 * np.mean((before > 0) != (after > 0))]
        rows.append([name, form_name, *(f"{x:.2f}" for x in found), *(f"{x:.1f}" for x in shares)])
        print(*rows[-1], flush=True)
    return rows


def write_sung(recordings: Sequence[str], write: bool) -> None:
    """Measure copies of singing and playing, and print or write the table."""
    rows = [row for name, path in (one.split("=", 1) for one in recordings) for row in sung(name, Path(path))]
    head = ["recording", "synthesis", "log-mel L1, dB", "spectral loss", "pitch off by, cents"]
    head += ["frames off by more than 50 cents, %", "frames voiced in one of the two, %"]
    content = (
        f"{table(head, rows)}\n\n*The first {SUNG_S:g} s of each, at its own rate; pitch by Praat, the "
        f"median of frames voiced in both. {machine()}; `python -m benchmarks.voice --sung`.*"
    )
    print(f"\n{content}")
    if write:
        write_section("sung", content, PAGE)


def speech(folder: Path, n_files: int) -> list[Sound]:
    """Return the first seconds of the longest files."""
    files = sorted((path for path in folder.iterdir() if path.is_file()), key=lambda p: -p.stat().st_size)
    sounds = []
    for path in files[:n_files]:
        audio, rate = read_audio(path)
        if rate != RATE:
            raise SystemExit(f"{path} has {rate} Hz; give recordings of {RATE} Hz.")
        sounds.append(audio[: round(SECONDS * RATE)])
    return sounds


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; with --write, into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voice", description=__doc__)
    parser.add_argument("speakers", nargs="*", metavar="SPEAKER=FOLDER")
    parser.add_argument("--vocoder", action="append", default=[], metavar="NAME=INSTRUMENT")
    parser.add_argument("--sung", nargs="+", default=[], metavar="NAME=FILE")
    parser.add_argument("--files", type=int, default=8, metavar="N")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.sung:
        write_sung(options.sung, options.write)
    if not options.speakers:
        return
    speakers = {
        name: speech(Path(folder), options.files)
        for name, folder in (one.split("=", 1) for one in options.speakers)
    }
    vocoders = dict(one.split("=", 1) for one in options.vocoder)
    forms: dict[str, Form] = {"`oscine voice`": oscine_voice(), "WORLD": world, "PSOLA (Praat)": psola}
    forms |= {f"`--vocoder` {name}": oscine_voice(path) for name, path in vocoders.items()}
    copied = []
    for who, sounds in speakers.items():
        for name, form in forms.items():
            if form is psola:
                continue
            *quality, share = copies(sounds, form)
            copied.append([who, name, *(f"{x:.3f}" for x in quality), f"{share:.2f}"])
            print(*copied[-1], flush=True)
    moved = []
    for semitones in (-5.0, 5.0, 12.0):
        for name, form in forms.items():
            cents, *formants = shifts([s for sounds in speakers.values() for s in sounds], form, semitones)
            moved.append([f"{semitones:+g}", name, f"{cents:.1f}", *(f"{x:+.1f}" for x in formants)])
            print(*moved[-1], flush=True)
    n = sum(len(sounds) for sounds in speakers.values())
    note = (
        f"*{n} recordings of {len(speakers)} speakers, at most {SECONDS:g} s of each, 16 kHz. {machine()}; "
        "`python -m benchmarks.voice`.*"
    )
    content = "\n\n".join(
        [
            table(["speaker", "synthesis", "PESQ", "STOI", "ESTOI", "spectral loss", "CPU s per s"], copied),
            table(["semitones", "", "pitch off by, cents", "F1 moves, %", "F2, %", "F3, %"], moved),
            note,
        ]
    )
    print(f"\n{content}")
    if options.write:
        write_section("voice", content, PAGE)


if __name__ == "__main__":
    main()
