"""Minutes of training on a violin: held-out figures of variants, the textbook form among them.

    python -m benchmarks.violin RECORDINGS RESULTS LENGTH VARIANT…   train, evaluate, keep each
    python -m benchmarks.violin RESULTS                              print what is kept as two tables

LENGTH is minutes, ``10``, or steps, ``600-steps``. A variant is ``RECIPE@SAMPLE_RATE``, with settings behind
it, ``default@16000,training.batch_size=4``; or ``textbook``, or ``textbook,decaying-room``, which are trained
for minutes. The last 45 seconds of the last recording are held out. RESULTS is a folder that keeps every
instrument with its figures.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.console import Console

from benchmarks import textbook
from benchmarks.measure import table
from oscine.data import Dataset, prepare
from oscine.evaluation import evaluate
from oscine.files import write_atomically
from oscine.models import Instrument
from oscine.processors import FilteredNoise, HarmonicOscillator
from oscine.training import train
from oscine.training.objective import synth_part

HELD_OUT_S = 45.0
COLUMNS = [
    "variant",
    "minutes",
    "steps",
    "spectral loss",
    "f0 median, semitones",
    "f0 outliers, %",
    "f0 unsure, %",
    "loudness L1, dB",
    "MCD, dB",
    "tone, noise, dB",
    "× real time, stream",
]

SOUND_COLUMNS = [
    "variant",
    "told apart, %",
    "log-mel, dB",
    "level, dB",
    "above 8 kHz, dB",
    "1/3 octaves, mean and most, dB",
    "partials move, dB (recording)",
    "together (recording)",
]


def run(recordings: Path, folder: Path, variant: str, length: str) -> dict[str, Any]:
    """Train a variant into a folder and return its figures."""
    name, *settings = variant.split(",")
    recipe, _, rate = name.partition("@")
    prepare(recordings, folder / "dataset", sample_rate=int(rate or 16_000), held_out_s=HELD_OUT_S)
    dataset = Dataset.open(folder / "dataset")
    began = time.monotonic()
    if recipe == "textbook":
        free_room = "decaying-room" not in settings
        instrument = textbook.build(dataset.sample_rate, dataset.hop_length, free_room)
        steps = textbook.train(instrument, dataset.train, float(length))
    else:
        overrides = {key: yaml.safe_load(value) for key, _, value in (one.partition("=") for one in settings)}
        console, by_steps = Console(stderr=True), length.endswith("-steps")
        steps = train(
            folder / "dataset",
            folder / "instrument",
            recipe=recipe,
            steps=int(length.removesuffix("-steps")) if by_steps else None,
            minutes=None if by_steps else float(length),
            overrides=overrides,
            console=console,
        ).steps
        instrument = Instrument.from_pretrained(folder / "instrument")
    took = (time.monotonic() - began) / 60
    figures = evaluate(instrument.eval(), dataset)
    return {
        "variant": variant,
        "minutes": took,
        "steps": steps,
        **figures.instrument.model_dump(),
        **_energies(instrument, dataset),
        "real_time_factor_streaming": figures.real_time_factor_streaming,
        "n_threads": torch.get_num_threads(),
    }


@torch.no_grad()
def _energies(instrument: Instrument, dataset: Dataset) -> dict[str, float]:
    """Return the level of each branch on the held-out part, dB of full scale: none of them may be dead."""
    segment = dataset.held_out.segments[0]
    audio = torch.from_numpy(segment.slice("audio", 0, segment.n_frames).copy())[None]
    features = {
        name: getattr(segment.features(), name)[None] for name in ("f0_hz", "confidence", "loudness_db")
    }
    f0_hz = features["f0_hz"]
    controls, _ = instrument.control(instrument.conditions(audio, features))
    harmonic, oscillator = synth_part(instrument, HarmonicOscillator)
    noise, filtered = synth_part(instrument, FilteredNoise)
    tone = oscillator(f0_hz, controls[f"{harmonic}.amplitude"], controls[f"{harmonic}.harmonic_distribution"])
    hiss = filtered(controls[f"{noise}.magnitudes"])
    levels = {"tone_db": tone.square().mean(), "noise_db": hiss.square().mean()}
    return {name: 10 * torch.log10(power + 1e-12).item() for name, power in levels.items()}


def as_table(lines: list[dict[str, Any]]) -> str:
    """Return the figures in Markdown; spectral losses compare only at one sample rate."""
    rows = [
        [
            line["variant"],
            f"{line['minutes']:.1f}",
            f"{line['steps']}",
            f"{line['spectral_loss']:.3f}",
            f"{line['f0_median_semitones']:.4f}",
            f"{100 * line['f0_outliers']:.2f}",
            f"{100 * line['f0_unsure']:.2f}",
            f"{line['loudness_l1_db']:.2f}",
            f"{line['mcd_db']:.2f}",
            f"{line['tone_db']:.0f}, {line['noise_db']:.0f}",
            f"{1 / line['real_time_factor_streaming']:.1f}",
        ]
        for line in lines
    ]
    return table(COLUMNS, rows)


def as_sound_table(lines: list[dict[str, Any]]) -> str:
    """Return what an ear notices in Markdown (`oscine.evaluation.SoundMetrics`)."""
    rows = []
    for line in lines:
        sound = line["sound"]
        rows.append(
            [
                line["variant"],
                f"{100 * sound['realism']:.0f}",
                f"{sound['log_mel_l1_db']:.2f}",
                f"{sound['level_db']:+.1f}",
                f"{sound['above_8khz_db']:+.1f}",
                f"{sound['third_octave_mean_db']:.1f}, {sound['third_octave_largest_db']:+.1f}",
                f"{sound['movement_db']:.2f} ({sound['target_movement_db']:.2f})",
                f"{sound['movement_correlation']:.2f} ({sound['target_movement_correlation']:.2f})",
            ]
        )
    return table(SOUND_COLUMNS, rows)


def main(arguments: list[str]) -> None:
    """Run the variants, or print the table."""
    console = Console()
    if len(arguments) == 1:
        kept = sorted(Path(arguments[0]).glob("*/figures.json"), key=lambda path: path.stat().st_mtime)
        lines = [json.loads(path.read_text()) for path in kept]
        for written in (as_table(lines), "", as_sound_table([one for one in lines if "sound" in one])):
            console.print(written, markup=False, soft_wrap=True)
        return
    recordings, results, length, *variants = arguments
    for variant in variants:
        folder = Path(results) / f"{variant.replace('=', '-').replace(',', '-')}-{length}"
        figures = run(Path(recordings), folder, variant, length)
        write_atomically(folder / "figures.json", json.dumps(figures, indent=1) + "\n")
        console.print(as_table([figures]), markup=False, soft_wrap=True)


if __name__ == "__main__":
    main(sys.argv[1:])
