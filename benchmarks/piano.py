"""Sixteen voices of one network: inharmonicity, order, speed and loss, in piano.md.

    python -m benchmarks.piano RESULTS [--sound-font SF2] [--minutes M] [--write]

RESULTS keeps recordings, datasets and instruments: what is there is not made again, so an instrument that
was trained elsewhere can be put to ``RESULTS/piano`` or ``RESULTS/alone``. Needs Debian's fluidsynth and
fluid-soundfont-gm.
"""

import argparse
import os
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from benchmarks.piano_music import every_key, make_recordings, write_pitch
from benchmarks.strings import stiff_string
from oscine.analysis.inharmonicity import string_partials
from oscine.audio import read_audio
from oscine.data import prepare
from oscine.data.manifest import MANIFEST
from oscine.evaluation.metrics import multi_scale_spectral
from oscine.functional.strings import LOWEST_KEY, usual_inharmonicity
from oscine.models import Instrument
from oscine.models.ensemble import Voices, play_together
from oscine.performance import RenderOptions, read_midi, render
from oscine.processors import Strings
from oscine.runtime import Performer
from oscine.training import train

PAGE = "piano"
SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
RATE, N_VOICES = 16_000, 16
PIECES = {"test-music": "made by chance", "test-prelude": "Bach, Prelude in C, 11 bars"}
#: Registers, from key to key, of which the strings are measured.
REGISTERS = ((21, 36), (37, 52), (53, 68), (69, 84), (85, 100))
_STRING_RATE, _PLAYED_S = 44_100, 10.0


def inharmonicity() -> str:
    """Return the table of the error of B, on made strings of every second key with noise beside them."""
    rows = []
    for low, high in REGISTERS:
        errors, n_notes = [], 0
        for key in range(low, high + 1, 2):
            n_notes += 1
            truth = float(usual_inharmonicity()[key - LOWEST_KEY]) * (0.7, 1.0, 1.5)[key % 3]
            f0_hz = 440 * 2 ** ((key - 69) / 12)
            found = string_partials(stiff_string(f0_hz, truth, _STRING_RATE), _STRING_RATE, 1.01 * f0_hz)
            if found is not None:
                errors.append(100 * abs(found.inharmonicity / truth - 1))
        worst = f"{max(errors):.2f}" if errors else "–"
        middle = f"{statistics.median(errors):.2f}" if errors else "–"
        rows.append([f"{low} to {high}", f"{len(errors)} of {n_notes}", middle, worst])
    return table(["MIDI keys", "found", "median error of B, %", "largest, %"], rows)


def recordings(results: Path, sound_font: Path) -> tuple[Path, Path]:
    """Return the datasets of the polyphonic recordings and of the isolated notes among them."""
    made, alone = results / "recordings", results / "notes"
    make_recordings(made, sound_font, 0, RATE)
    if not (results / "data" / MANIFEST).exists():
        prepare(
            made,
            results / "data",
            sample_rate=RATE,
            held_out_names=lambda name: name.startswith("test"),
            validation_names=lambda name: name.startswith("music09"),
            n_workers=1,
        )
    if not (results / "notes-data" / MANIFEST).exists():
        alone.mkdir(parents=True, exist_ok=True)
        shutil.copy(made / "keys.flac", alone)
        seconds = soundfile.info(alone / "keys.flac").duration
        write_pitch(alone / "keys.mid", every_key(21, 108, 1), seconds)
        prepare(alone, results / "notes-data", sample_rate=RATE, held_out_s=3.0, n_workers=1)
    return results / "data", results / "notes-data"


def learned(folder: Path, dataset: Path, recipe: str, minutes: float) -> Instrument:
    """Return the instrument in a folder; it is trained if there is none."""
    if not folder.exists():
        train(dataset, folder, recipe=recipe, minutes=minutes)
    return Instrument.from_pretrained(folder)


def loss_of(instrument: Instrument, piece: Path) -> tuple[float, Tensor, Tensor]:
    """Return the spectral loss of a piece at the recording's level, what was played, and the recording."""
    recorded, _ = read_audio(piece.with_suffix(".flac"), RATE)
    played, _ = render(read_midi(piece), instrument, RenderOptions(voices=N_VOICES))
    ours, theirs = torch.from_numpy(played), torch.as_tensor(recorded).flatten()
    n_samples = min(len(ours), len(theirs))
    ours, theirs = ours[:n_samples], theirs[:n_samples]
    ours = ours * (theirs.square().mean().sqrt() / ours.square().mean().sqrt().clamp(min=1e-9))
    return multi_scale_spectral(ours, theirs, RATE), ours, theirs


def losses(piano: Instrument, alone: Instrument, results: Path) -> str:
    """Return the table of spectral losses of both instruments on the pieces that neither learned."""
    rows = []
    for name, told in PIECES.items():
        path = results / "recordings" / f"{name}.mid"
        ours, theirs = loss_of(piano, path)[0], loss_of(alone, path)[0]
        rows.append([told, f"{theirs:.2f}", f"{ours:.2f}", f"{100 * (ours / theirs - 1):+.0f} %"])
    return table(["piece", "one voice, from isolated notes", "recipe `piano`", "difference"], rows)


@torch.no_grad()
def order_error(piano: Instrument) -> float:
    """Return the largest difference that the order of 16 voices makes, of ten, relative to the peak.

    Noise belongs to the number of a voice, so the strings alone are played.
    """
    config = piano.config.model_copy(update={"synth": piano.config.synth[:1]})
    strings = Instrument(config, piano.statistics).eval()
    chance = torch.Generator().manual_seed(0)
    keys = torch.randint(30, 100, (N_VOICES, 1), generator=chance)
    frames = torch.arange(500) / piano.config.frame_rate
    conditions = {
        "f0_hz": (440 * 2 ** ((keys - 69) / 12)).expand(-1, 500),
        "loudness_db": (-45 + 30 * torch.rand(N_VOICES, 1, generator=chance)).expand(-1, 500),
        "onset_s": frames.expand(N_VOICES, -1),
    }
    item, gain = torch.zeros(N_VOICES, dtype=torch.long), torch.ones(N_VOICES, 500)
    first = play_together(strings, Voices(conditions, gain, item), 1)
    worst = 0.0
    for _ in range(10):
        order = torch.randperm(N_VOICES, generator=chance)
        moved = {name: values[order] for name, values in conditions.items()}
        other = play_together(strings, Voices(moved, gain, item), 1)
        worst = max(worst, float((other - first).abs().max() / first.abs().max()))
    return worst


def real_time_factor(piano: Instrument, n_voices: int = N_VOICES) -> float:
    """Return the time that so many held notes take on one core, compiled, over their length."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        performer = Performer(piano.program().to_bytes(), RATE, n_voices)
        for i in range(n_voices):
            performer.take(bytes([0x90, 36 + 3 * i, 90]))
        performer.play(RATE)
        began = time.process_time()
        performer.play(round(_PLAYED_S * RATE))
        return (time.process_time() - began) / _PLAYED_S
    finally:
        os.sched_setaffinity(0, cores)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables, and write them to the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.piano")
    parser.add_argument("results", type=Path)
    parser.add_argument("--sound-font", type=Path, default=SOUND_FONT)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    data, notes = recordings(options.results, options.sound_font)
    piano = learned(options.results / "piano", data, "piano", options.minutes)
    alone = learned(options.results / "alone", notes, "inharmonic", options.minutes)
    part = next(one for one in piano.synth.modules() if isinstance(one, Strings))
    command = f"*{machine()}; `python -m benchmarks.piano RESULTS --write`.*"
    sines = f"{part.n_strings} × {part.n_harmonics} partials"
    what = f"16 voices of {sines}, {RATE} Hz, compiled, on one core: time over length"
    sections = {
        "inharmonicity": inharmonicity(),
        "losses": losses(piano, alone, options.results),
        "voices": table(
            ["measure", "figure"],
            [
                ["order of 16 voices, largest of ten, over the peak", f"{order_error(piano):.1e}"],
                [what, f"{real_time_factor(piano):.2f}"],
                ["one voice of it", f"{real_time_factor(piano, 1):.3f}"],
                ["parameters without the impulse response", f"{piano.n_parameters:,}"],
            ],
        ),
    }
    for name, content in sections.items():
        print(f"{name}\n\n{content}\n")
        if options.write:
            write_section(name, f"{content}\n\n{command}", PAGE)


if __name__ == "__main__":
    main()
