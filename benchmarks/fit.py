"""Which loss fits which synthesiser, without effects, in fit.md.

    python -m benchmarks.fit [NAME=AUDIO@START …] [--seconds S] [--steps N] [--write]

Without a recording it takes the violin and the singing of the package.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine import recordings
from oscine.audio import read_audio
from oscine.fitting import LOSSES, fit
from oscine.losses import LogMelLoss

PAGE = "fit"
SYNTHS = ("default", "inharmonic", "wavetable", "two-oscillators", "pulse-filter")
_OTHER_SEED = 1000

Sounds = dict[str, tuple[torch.Tensor, int]]


def excerpt(path: Path, start_s: float, seconds: float) -> tuple[torch.Tensor, int]:
    """Return a part of a recording and its sample rate."""
    audio, sample_rate = read_audio(path)
    first = round(start_s * sample_rate)
    return torch.from_numpy(audio[first : first + round(seconds * sample_rate)]), sample_rate


def line(synth: str, loss: str, sounds: Sounds, steps: int) -> list[str]:
    """Return a line of the table: one synthesiser, one loss."""
    cells, others, cpu_s, seconds = [], [], 0.0, 0.0
    for sound in sounds.values():
        began = time.process_time()
        patch = fit(sound, synth, loss=loss, steps=steps, dry=True)
        cpu_s += time.process_time() - began
        seconds += len(sound[0]) / sound[1]
        assert patch.config.residual is not None
        cells.append(f"{patch.config.residual.log_mel_db:.2f} / {patch.config.residual.spectral_loss:.2f}")
        other, rate = patch.play(seed=_OTHER_SEED)
        others.append(float(LogMelLoss(rate)(other[None], sound[0][None])))
    return [synth, loss, *cells, f"{sum(others) / len(others):.2f}", f"{cpu_s / seconds:.1f}"]


def compare(sounds: Sounds, steps: int, synths: Sequence[str] = SYNTHS) -> str:
    """Return the table of every synthesiser with every loss."""
    rows = []
    for synth in synths:
        for loss in LOSSES:
            rows.append(line(synth, loss, sounds, steps))
            print(*rows[-1], sep="  ", flush=True)
    return table(["synth", "loss", *sounds, "other noise, dB", "CPU s per s"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__)
    parser.add_argument("recordings", nargs="*", metavar="NAME=AUDIO@START")
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sounds = {
        "violin": excerpt(recordings.path("violin") / "movement_6.flac", 20.0, options.seconds),
        "singing": excerpt(recordings.path("singing"), 2.0, options.seconds),
    }
    for one in options.recordings:
        name, _, place = one.partition("=")
        path, _, start_s = place.partition("@")
        sounds[name] = excerpt(Path(path), float(start_s or 0), options.seconds)
    rates = ", ".join(f"{name} at {rate} Hz" for name, (_, rate) in sounds.items())
    content = (
        f"{compare(sounds, options.steps)}\n\n"
        f"{options.seconds:g} s each ({rates}), {options.steps} steps.\n\n"
        f"*{machine()}, 1 thread; `python -m benchmarks.fit saxophone=NOTE --write`.*"
    )
    print(content)
    if options.write:
        write_section("fit", content, PAGE)


if __name__ == "__main__":
    main()
