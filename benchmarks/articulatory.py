"""Speech from articulatory curves, learned from a simulator, in articulatory.md.

    pip install --no-deps articubench==0.3.5
    python tools/make_articulations.py FOLDER/train --minutes 2.5
    python tools/make_articulations.py FOLDER/held-out --minutes 1 --seed 1
    python tools/make_articulations.py FOLDER/sweep --sweep JA
    python -m benchmarks.articulatory FOLDER [--steps N] [--write]

Trains in FOLDER/work, where finished runs are kept, and compares with the simulator's own sound.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import parselmouth
import soundfile
import torch
from torch import Tensor, nn

from benchmarks.measure import table
from benchmarks.page import DOCS, machine, write_section
from oscine.analysis import spectral_envelope
from oscine.data import prepare
from oscine.data.curves import Curves, read_curves
from oscine.functional import envelope_grid_hz
from oscine.losses.log_mel import LogMelLoss
from oscine.models import Instrument
from oscine.models import instrument as instrument_module
from oscine.networks import Controller
from oscine.networks.controller import ControllerState
from oscine.processors import start_controls
from oscine.training import train
from oscine.voices import VoiceChange, change_voice

SOUNDS = DOCS / "how-to"
RATE, HOP, BANDS = 16_000, 64, 80
NEPERS_PER_DB = np.log(10) / 20
Sound = np.ndarray
MEL = LogMelLoss(RATE, floor_db=-100.0)


class FilmController(Controller):
    """The controller whose hidden channels the loudness scales and shifts, as in the SLT 2024 vocoder."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.film = nn.Linear(1, 2 * self.core.width)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def step(self, *inputs: Tensor, state: ControllerState) -> tuple[Tensor, ControllerState]:
        """Return the next block's controls and the state; the loudness is the second input."""
        output, core = self.core.step(torch.cat(inputs, dim=-1), state=state.core)
        scale, shift = self.film(inputs[1]).chunk(2, -1)
        output = self.head(output * (1 + scale) + shift)
        return output, ControllerState(core, state.seed, state.frame + inputs[0].shape[1])


def loud_start(bias: Tensor, controls: Sequence[Any]) -> None:
    """Start the noise as loud as the partials, not 40 dB below."""
    start_controls(bias, controls)
    with torch.no_grad():
        bias[-controls[-1].width :] = 0.0


@contextmanager
def changed(**names: Any) -> Iterator[None]:
    """Instruments are made with other parts in this context."""
    with patch.multiple(instrument_module, **names) if names else patch.dict({}):
        yield


#: What is trained: settings of the recipe, and what instruments are made with.
FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "recipe `articulatory`": ({}, {}),
    "pitch and loudness alone": ({"instrument.all_curves": False}, {}),
    "curves and pitch, no loudness": ({"instrument.inputs": [{"kind": "f0"}]}, {}),
    "loudness scales the hidden layer (FiLM)": ({}, {"Controller": FilmController}),
    "noise starts at 0 dB, not −40": ({}, {"start_controls": loud_start}),
}


def gesture(path: Path) -> Curves:
    """Return all curves of a walk, pitch and loudness too."""
    return read_curves(path.with_suffix(".play.csv"), allowed=("f0_hz", "loudness_db"))


def played(instrument: Instrument, curves: Curves, n_samples: int) -> Sound:
    """Return the instrument's sound, as long as the simulator's."""
    frames = curves.frames(0, -(-n_samples // HOP), RATE, HOP)
    conditions = {one.name: torch.from_numpy(frames[one.name])[None] for one in instrument.all_inputs()}
    with torch.no_grad():
        return instrument(**conditions)[0, :n_samples].numpy()


def formants(sound: Sound) -> np.ndarray:
    """Return F1 and F2 every 10 ms by Praat, Hz; NaN where there is no pitch or little sound."""
    whole = parselmouth.Sound(sound.astype(np.float64), RATE)
    pitch, tracks = whole.to_pitch(0.01, 60, 400), whole.to_formant_burg(0.01, maximum_formant=5000.0)
    level = whole.to_intensity(60, 0.01)
    times = np.arange(0.05, len(sound) / RATE - 0.05, 0.01)
    found = np.array([[tracks.get_value_at_time(k, t) for k in (1, 2)] for t in times])
    levels = np.array([level.get_value(t) for t in times])
    voiced = np.nan_to_num([pitch.get_value_at_time(t) for t in times]) > 0
    found[~voiced | ~(levels > np.nanmax(levels) - 20)] = np.nan
    return found


def branches(sound: Sound, curves: Curves) -> np.ndarray:
    """Return the power of the partials and of the noise, as one analysis tells them apart in any sound."""
    f0_hz = torch.from_numpy(curves.frames(0, len(sound) // HOP, RATE, HOP)["f0_hz"])
    envelope = spectral_envelope(sound.astype(np.float32), f0_hz, RATE, HOP, BANDS).double().numpy()
    power = 10 ** (envelope[:, :BANDS] / 10) * np.gradient(envelope_grid_hz(BANDS, RATE).numpy())
    # The analysis squares the ratio that it measures, for copies that are judged by PESQ; this undoes it.
    share = 1 / (1 + 10 ** (-envelope[:, BANDS:] / 20))
    return np.array([(power * (1 - share)).sum(), (power * share).sum()])


def compare(paths: Sequence[Path], form: Callable[[Path, Sound], Sound]) -> dict[str, float]:
    """Return how near a form of synthesis comes to the simulator's sound."""
    mel, errors, ours, theirs = [], [], np.zeros(2), np.zeros(2)
    for path in paths:
        target, _ = soundfile.read(path, dtype="float32")
        target = target[: len(target) // HOP * HOP]
        sound = form(path, target)
        mel.append(float(MEL(torch.from_numpy(sound)[None], torch.from_numpy(target)[None])) * NEPERS_PER_DB)
        errors.append(formants(sound) / formants(target) - 1)
        ours, theirs = ours + branches(sound, gesture(path)), theirs + branches(target, gesture(path))
    error = np.abs(np.concatenate(errors))
    error = 100 * error[~np.isnan(error).any(axis=1)]
    (partials, noise) = 10 * np.log10(ours / theirs)
    found = dict(zip(("f1", "f2"), np.median(error, axis=0).tolist(), strict=True))
    found |= dict(zip(("f1_near", "f2_near"), (100 * (error < 6).mean(axis=0)).tolist(), strict=True))
    return {"mel": float(np.mean(mel)), **found, "partials": float(partials), "noise": float(noise)}


def swept(sound: Sound) -> list[float]:
    """Return F1 of each of the steps of a sweep, Hz: the median of the second half of its 0.4 s."""
    tracks = parselmouth.Sound(sound.astype(np.float64), RATE).to_formant_burg(0.01, maximum_formant=5000.0)
    n_steps = round(len(sound) / RATE / 0.4)
    starts = 0.4 * np.arange(n_steps) + 0.2
    return [
        float(np.nanmedian([tracks.get_value_at_time(1, start + t) for t in np.arange(0, 0.18, 0.01)]))
        for start in starts
    ]


def run(folder: Path, dataset: Path, name: str, seed: int, steps: int) -> dict[str, Any]:
    """Return the figures of a form, trained unless it has been."""
    settings, parts = FORMS[name]
    place = folder / "work" / f"{list(FORMS).index(name)}-{seed}-{steps}"
    kept = place.with_suffix(".json")
    if kept.exists():
        return json.loads(kept.read_text())
    with changed(**parts):
        began = time.process_time()
        if not (place / "model.safetensors").exists():
            overrides = {**settings, "training.seed": seed}
            train(dataset, place, recipe="articulatory", steps=steps, overrides=overrides, device="cpu")
        seconds = time.process_time() - began
        instrument = Instrument.from_pretrained(place)
    held_out = sorted((folder / "held-out").glob("*.flac"))
    figures: dict[str, Any] = compare(held_out, lambda path, x: played(instrument, gesture(path), len(x)))
    figures["seconds"], figures["n_parameters"] = seconds, instrument.n_parameters
    figures["sweep"] = {}
    for path in sorted((folder / "sweep").glob("*.flac")):
        n_samples = soundfile.info(path).frames
        figures["sweep"][path.stem] = swept(played(instrument, gesture(path), n_samples))
    kept.write_text(json.dumps(figures))
    return figures


def copied(path: Path, target: Sound) -> Sound:
    """Return copy synthesis of the simulator's sound by its measured envelope: the part's own limit."""
    audio, _ = change_voice((target, RATE), VoiceChange())
    return audio.numpy()[: len(target)]


def report(folder: Path, seeds: dict[str, int], steps: int) -> str:
    """Return the tables."""
    dataset = folder / "work" / "dataset"
    if not dataset.exists():
        prepare(folder / "train", dataset, sample_rate=RATE, n_workers=1)
    held_out = sorted((folder / "held-out").glob("*.flac"))
    rows, results = [], {}
    for name, n in seeds.items():
        results[name] = [run(folder, dataset, name, seed, steps) for seed in range(n)]
        rows.append(_row(name, results[name]))
        print(*rows[-1], flush=True)
    rows.append(_row("copy synthesis: the measured envelope", [compare(held_out, copied)]))
    head = [
        "form",
        "seeds",
        "mel, nepers",
        "F1 off by, %",
        "F2 off by",
        "F1 within 6 %, % of frames",
        "F2 within 6 %",
    ]
    head += ["partials, dB", "noise, dB", "CPU s of training"]
    sweeps = []
    for path in sorted((folder / "sweep").glob("*.flac")):
        target, _ = soundfile.read(path, dtype="float32")
        vowel = path.stem.split("_")[-1]
        sweeps.append([f"{vowel}: simulator", *(f"{f1:.0f}" for f1 in swept(target))])
        for form in list(seeds)[:1]:
            for seed, figures in enumerate(results[form]):
                sweeps.append(
                    [f"{vowel}: {form}, seed {seed}", *(f"{f1:.0f}" for f1 in figures["sweep"][path.stem])]
                )
    angles = [f"{angle:.0f}°" for angle in np.linspace(0, -7, len(sweeps[0]) - 1)]
    n_train = len(list((folder / "train").glob("*.flac")))
    note = (
        f"*{n_train} walks of 5 s to learn from, {len(held_out)} held-out walks of another seed; "
        f"{steps} steps, CPU seconds of a run; ± is the deviation over seeds. "
        f"{machine()}, 1 thread; `python -m benchmarks.articulatory FOLDER --steps {steps}`.*"
    )
    return "\n\n".join([table(head, rows), table(["F1 in Hz at jaw angle", *angles], sweeps), note])


def _row(name: str, runs: Sequence[dict[str, Any]]) -> list[str]:
    def mean(key: str, digits: int, sign: str = "") -> str:
        values = [one[key] for one in runs if key in one]
        if not values:
            return "–"
        spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
        return f"{np.mean(values):{sign}.{digits}f}{spread}"

    n = str(len(runs)) if "seconds" in runs[0] else "–"
    near = (mean("f1_near", 0), mean("f2_near", 0))
    levels = (mean("partials", 1, "+"), mean("noise", 1, "+"))
    return [name, n, mean("mel", 3), mean("f1", 1), mean("f2", 1), *near, *levels, mean("seconds", 0)]


def media(folder: Path, steps: int, start_s: float) -> None:
    """Write the sounds of the page and their spectrograms: two seconds of the first held-out walk."""
    import matplotlib.pyplot as plt
    from PIL import Image

    path = folder / "held-out" / "walk_000.flac"
    target, _ = soundfile.read(path, dtype="float32")
    curves = gesture(path)
    nasal = Curves(curves.time_s, {**curves.values, "VO": np.maximum(curves.values["VO"], 0.5)})
    full, without = (Instrument.from_pretrained(folder / "work" / f"{i}-0-{steps}") for i in (0, 1))
    sounds = {
        "simulator": target,
        "instrument": played(full, curves, len(target)),
        "nasal": played(full, nasal, len(target)),
        "without": played(without, curves, len(target)),
    }
    start = round(start_s * RATE)
    figure, axes = plt.subplots(2, 2, figsize=(12, 6), sharex=True, sharey=True, layout="constrained")
    for (name, sound), axis in zip(sounds.items(), axes.flat, strict=True):
        piece = sound[start : start + 2 * RATE].copy()
        fade = np.linspace(0, 1, RATE // 100)
        piece[: len(fade)] *= fade
        piece[-len(fade) :] *= fade[::-1]
        soundfile.write(SOUNDS / f"articulatory-{name}.flac", piece, RATE, "PCM_16")
        axis.specgram(
            piece + 1e-6 * np.random.default_rng(0).standard_normal(len(piece)),
            NFFT=512,
            Fs=RATE,
            noverlap=384,
            vmin=-130,
            vmax=-40,
        )
        axis.set(
            title={"nasal": "instrument, velum open", "without": "pitch and loudness alone"}.get(name, name),
            xlabel="s",
            ylabel="Hz",
        )
    picture = SOUNDS / "articulatory.png"
    figure.savefig(picture, dpi=70)
    Image.open(picture).quantize(48).save(picture, optimize=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; with --write, into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.articulatory", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--steps", type=int, default=800, metavar="N")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="of the recipe; one of the others")
    parser.add_argument("--write", action="store_true")
    parser.add_argument(
        "--media", type=float, metavar="S", help="write two seconds from here on as the page's"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    (options.folder / "work").mkdir(exist_ok=True)
    content = report(
        options.folder, dict.fromkeys(FORMS, 1) | {next(iter(FORMS)): options.seeds}, options.steps
    )
    print(f"\n{content}")
    if options.write:
        write_section("articulatory", content, "articulatory")
    if options.media is not None:
        media(options.folder, options.steps, options.media)


if __name__ == "__main__":
    main()
