"""The inharmonicity of stiff strings by `oscine fit`: made ones with known B, rendered ones; in fit.md.

    python -m benchmarks.strings [--steps N] [--soundfont SF2] [--write]

Rendered notes need Debian's fluidsynth and fluid-soundfont-gm; without them that table is left out.
"""

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.analysis import string_partials
from oscine.audio import read_audio
from oscine.fitting import Patch, fit

PAGE = "fit"
RATE = 16_000
COEFFICIENTS = (1e-5, 1e-4, 1e-3)
PITCHES_HZ = (80.0, 200.0, 600.0)
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
_NOISE_DB, _PLUCK_AT, _SECONDS = -50.0, 0.18, 1.0
#: Name, General MIDI program, key.
RENDERED = (
    ("grand piano, A1", 0, 33),
    ("grand piano, C3", 0, 48),
    ("grand piano, C4", 0, 60),
    ("nylon guitar, E2", 24, 40),
    ("steel guitar, A2", 25, 45),
    ("steel guitar, E3", 25, 52),
)


def stiff_string(
    f0_hz: float,
    coefficient: float,
    sample_rate: int = RATE,
    seconds: float = _SECONDS,
    noise_db: float = _NOISE_DB,
) -> Tensor:
    """Return a plucked stiff string with a peak of −6 dB, and white noise of this RMS level beside it.

    Partial k has the frequency ``k f0 √(1 + B k²)``, a random phase, the level of a string that is plucked at
    18 % of its length, and dies by ``e^(−(1 + k / 10) t)``.
    """
    random = torch.Generator().manual_seed(0)
    time_s = torch.arange(round(seconds * sample_rate), dtype=torch.float64) / sample_rate
    number = torch.arange(1, 101, dtype=torch.float64)[:, None]
    hz = number * f0_hz * torch.sqrt(1 + coefficient * number**2)
    level = (torch.sin(torch.pi * number * _PLUCK_AT).abs() + 0.02) / number * (hz < 0.49 * sample_rate)
    turns = hz * time_s + torch.rand(len(number), 1, generator=random, dtype=torch.float64)
    note = (level * torch.exp(-(1 + number / 10) * time_s) * torch.sin(2 * torch.pi * turns)).sum(0)
    noise = 10 ** (noise_db / 20) * torch.randn(len(note), generator=random, dtype=torch.float64)
    return (0.5 * note / note.abs().max() + noise).float()


def fitted_coefficient(patch: Patch) -> float:
    """Return the inharmonicity of a patch of one note: its median, every frame with the note's amplitude."""
    values, order = patch.controls["harmonic.inharmonicity"].sort()
    share = patch.controls["harmonic.amplitude"][order].cumsum(0)
    return float(values[int((share >= share[-1] / 2).int().argmax())])


def made(steps: int) -> str:
    """Return the table of made strings: the error of B after the fit."""
    rows = []
    for f0_hz in PITCHES_HZ:
        cells = []
        for coefficient in COEFFICIENTS:
            sound = stiff_string(f0_hz, coefficient)
            peaks = string_partials(sound, RATE, 1.01 * f0_hz)
            found = fitted_coefficient(fit((sound, RATE), "inharmonic", steps=steps, dry=True))
            start = "–" if peaks is None else f"{peaks.inharmonicity / coefficient - 1:+.1%}"
            cells.append(f"{start} / {found / coefficient - 1:+.1%}")
        rows.append([f"{f0_hz:g} Hz", *cells])
        print(*rows[-1], sep="  ", flush=True)
    return table(["f0", *(f"B = {one:.0e}" for one in COEFFICIENTS)], rows)


def render(program: int, key: int, soundfont: Path, folder: Path) -> tuple[Tensor, int]:
    """Return a note of a General MIDI program, without reverb and chorus, held for a second, and its rate."""
    events = bytes([0, 0xC0, program, 0, 0x90, key, 96, 0x87, 0x40, 0x80, key, 0, 0, 0xFF, 0x2F, 0])
    header = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 0x01, 0xE0])  # one track, 480 ticks a beat of 0.5 s
    score = header + b"MTrk" + len(events).to_bytes(4, "big") + events
    (folder / "note.mid").write_bytes(score)
    command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-r", "44100", "-F", str(folder / "note.wav")]
    subprocess.run([*command, str(soundfont), str(folder / "note.mid")], check=True, capture_output=True)
    audio, rate = read_audio(folder / "note.wav")
    return torch.from_numpy(audio[:rate]), rate


def rendered(steps: int, soundfont: Path) -> str:
    """Return the table of rendered notes: B, and how near a fit comes with it and without."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, program, key in RENDERED:
            sound = render(program, key, soundfont, Path(folder))
            peaks = string_partials(*sound, 440.0 * 2.0 ** ((key - 69) / 12))
            patches = [fit(sound, synth, steps=steps, dry=True) for synth in ("default", "inharmonic")]
            start = "–" if peaks is None else f"{peaks.inharmonicity:.2e} ({peaks.n_partials})"
            left = [one.config.residual for one in patches]
            rows.append(
                [
                    name,
                    start,
                    f"{fitted_coefficient(patches[1]):.2e}",
                    *(f"{one.log_mel_db:.2f} / {one.spectral_loss:.2f}" for one in left if one is not None),
                ]
            )
            print(*rows[-1], sep="  ", flush=True)
    columns = ["B from peaks (their number)", "B after the fit", "`default`", "`inharmonic`"]
    return table(["note", *columns], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strings", description=__doc__)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sizes = f"{_SECONDS:g} s each at {RATE} Hz, noise at {_NOISE_DB:g} dB, {options.steps} steps"
    content = f"{made(options.steps)}\n\nError of B from the peaks / after the fit. {sizes}.\n\n"
    if shutil.which("fluidsynth") and options.soundfont.exists():
        notes = rendered(options.steps, options.soundfont)
        content += (
            f"{notes}\n\nNotes of {options.soundfont.name}, a second each at 44.1 kHz, without effects: "
            "log-mel L1 in dB / spectral loss of each fit.\n\n"
        )
    content += f"*{machine()}, 1 thread; `python -m benchmarks.strings --write`.*"
    print(content)
    if options.write:
        write_section("strings", content, PAGE)


if __name__ == "__main__":
    main()
