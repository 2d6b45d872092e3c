"""Hits and textures: a click, modes and noise against noise alone, in hits.md.

    python -m benchmarks.hits FOLDER [--steps N] [--seeds N] [--write]

FOLDER has the FLAC files of Debian's package sonic-pi-samples. The sounds on which settings were chosen are
not among those of the tables.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.audio import read_audio
from oscine.fitting import Patch, fit
from oscine.losses import LogMelLoss, MultiScaleSpectralLoss
from oscine.models import Instrument, InstrumentConfig, load_recipe
from oscine.models.inputs import LoudnessConfig
from oscine.networks import ControllerConfig
from oscine.processors import NoiseBandsConfig
from oscine.runtime import Engine

PAGE = "hits"
HITS = (
    "drum_snare_hard",
    "drum_heavy_kick",
    "sn_dolf",
    "tabla_te1",
    "perc_snap2",
    "drum_cymbal_pedal",
    "elec_pop",
    "drum_tom_lo_hard",
)
TEXTURES = ("ambi_sauna", "vinyl_hiss", "ambi_dark_woosh", "drum_roll", "loop_3d_printer")
#: Samples of silence before a hit, none of them a whole number of frames.
SHIFTS = (1237, 1511, 1893)
_LONGEST_S, _SHORTEST_S, _TEXTURE_S = 1.0, 0.25, 1.5
_OTHER_SEEDS = (1000, 1001, 1002)

Sound = tuple[torch.Tensor, int]


class System(NamedTuple):
    """A synthesiser, and what it is fitted by."""

    name: str
    synth: str
    loss: str


def noise_alone(folder: Path, gated: bool) -> str:
    """Write the recipe of the noise of the recipe ``hit``, and return its path."""
    recipe = load_recipe("hit").instrument
    bands = "{kind: noise_bands, n_bands: 256}"
    part = f"{{kind: chain, name: noise, parts: [{bands}, {{kind: onset_gate}}]}}" if gated else bands
    path = folder / f"noise-{'gated' if gated else 'alone'}.yaml"
    rates = f"sample_rate: {recipe.sample_rate}, hop_length: {recipe.hop_length}"
    inputs = "inputs: [{kind: onset}]" if gated else "inputs: [{kind: f0}]"
    path.write_text(
        f"name: {path.stem}\ndescription: Noise.\n"
        f"instrument: {{{rates}, {inputs}, effects: [], synth: [{part}]}}\n"
    )
    return str(path)


def filtered_noise(folder: Path, n_bands: int) -> str:
    """Write a recipe of filtered noise, and return its path."""
    path = folder / f"noise-{n_bands}.yaml"
    path.write_text(
        f"name: noise-{n_bands}\ndescription: Noise.\n"
        f"instrument: {{effects: [], synth: [{{kind: noise, n_bands: {n_bands}}}]}}\n"
    )
    return str(path)


def recording(folder: Path, name: str, longest_s: float, shift: int = 0, start_s: float = 0.0) -> Sound:
    """Return a recording in mono, behind silence."""
    audio, rate = read_audio(next(folder.rglob(f"{name}.flac")))
    first = round(start_s * rate)
    sound = torch.from_numpy(audio)[first : first + round(longest_s * rate)]
    n_behind = max(0, round(_SHORTEST_S * rate) - len(sound) - shift)
    return torch.nn.functional.pad(sound, (shift, n_behind)), rate


def onset(audio: torch.Tensor) -> int:
    """Return the first sample that reaches a fifth of the peak."""
    return int((audio.abs() >= 0.2 * audio.abs().max()).nonzero()[0])


class Found(NamedTuple):
    """What a fit came to."""

    spectral_loss: float
    onset_ms: float
    cpu_s: float
    seconds: float


def fitted(sound: Sound, system: System, steps: int, seed: int) -> Found:
    """Return how near a system comes."""
    began = time.process_time()
    patch = fit(sound, system.synth, loss=system.loss, steps=steps, seed=seed, tracker="yin")
    cpu_s = time.process_time() - began
    residual = patch.config.residual
    assert residual is not None
    late = onset(patch.play()[0]) - onset(sound[0])
    return Found(residual.spectral_loss, 1000 * late / sound[1], cpu_s, len(sound[0]) / sound[1])


def compare_hits(folder: Path, work: Path, steps: int, n_seeds: int) -> str:
    """Return the table of hits."""
    systems = (
        System("noise alone", noise_alone(work, gated=False), "hit"),
        System("by the spectral loss", noise_alone(work, gated=False), "spectral"),
        System("gated", noise_alone(work, gated=True), "hit"),
        System("hit", "hit", "hit"),
    )
    rows, changes, late_ms, cpu_s = [], [], [], []
    for name in HITS:
        losses, onsets = [], []
        for number, system in enumerate(systems):
            seeds = range(n_seeds if number in (0, 3) else 1)
            found = [
                fitted(recording(folder, name, _LONGEST_S, SHIFTS[seed % 3]), system, steps, seed)
                for seed in seeds
            ]
            losses.append(statistics.mean(one.spectral_loss for one in found))
            if system.synth == "hit":
                cpu_s += [one.cpu_s / one.seconds for one in found]
            onsets.append(max((one.onset_ms for one in found), key=abs))
        best = min(losses[:3])
        changes.append(100 * (losses[3] / best - 1))
        late_ms.append(abs(onsets[3]))
        cells = [f"{loss:.2f}" for loss in losses]
        change = f"{100 * (losses[3] / losses[0] - 1):+.0f} %"
        rows.append([name, *cells, change, f"{changes[-1]:+.0f} %", f"{onsets[0]:+.2f}", f"{onsets[3]:+.2f}"])
        print(*rows[-1], sep="  ", flush=True)
    head = ["sound", "noise alone", "… by the spectral loss", "… gated", "recipe `hit`"]
    head += [
        "against noise alone",
        "against the best noise",
        "onset of noise alone, ms",
        "onset of `hit`, ms",
    ]
    return (
        f"{table(head, rows)}\n\nMulti-scale spectral loss of fits of {steps} steps; the mean of {n_seeds} "
        "seeds for noise alone and `hit`, each seed with another odd number of samples of silence before the "
        "sound, and one seed for the other two. The onset is where the sound first reaches a fifth of its "
        "peak, less that of the recording; the largest of the seeds. Mean change against the best noise: "
        f"{statistics.mean(changes):+.0f} %; largest onset error of `hit`: {max(late_ms):.2f} ms. A fit of "
        f"`hit` takes {statistics.mean(cpu_s):.0f} CPU seconds per second of sound."
    )


def compare_clicks(steps: int) -> str:
    """Return the table of one-sample clicks."""
    rows = []
    for place in (1, 101, 1237, 3000, 5555, 9999):
        click = torch.zeros(11_025)
        click[place] = 0.8
        audio = fit((click, 44_100), "hit", steps=steps).play()[0]
        peak = int(audio.abs().argmax())
        before, at, after = torch.nn.functional.pad(audio.abs(), (1, 1))[peak : peak + 3].tolist()
        exact = peak + (after - before) / (2 * (2 * at - before - after))
        first = int((audio.abs() > 1e-3 * at).nonzero()[0])
        rows.append([str(place), f"{exact - place:+.3f}", f"{at / 0.8:.3f}", str(place - first)])
        print(*rows[-1], sep="  ", flush=True)
    head = ["click at sample", "error, samples", "height", "samples above −60 dB before it"]
    return f"{table(head, rows)}\n\n{steps} steps at 44.1 kHz."


def other_noise(patch: Patch, sound: Sound) -> tuple[float, float]:
    """Return a patch's log-mel distance in dB and spectral loss, with noise that it was not fitted with."""
    audio, rate = sound
    played = [patch.play(seed=seed)[0][None] for seed in _OTHER_SEEDS]
    log_mel, spectral = LogMelLoss(rate), MultiScaleSpectralLoss(rate)
    return (
        statistics.mean(float(log_mel(one, audio[None])) for one in played),
        statistics.mean(float(spectral(one, audio[None])) for one in played),
    )


def compare_textures(folder: Path, work: Path, steps: int) -> str:
    """Return the table of textures."""
    systems = {
        "noise, 65 bands": filtered_noise(work, 65),
        "noise, 257 bands": filtered_noise(work, 257),
        "noise_bands, 256, 250 frames/s": "texture",
        "noise_bands, 256, 689 frames/s": noise_alone(work, gated=False),
    }
    rows = []
    for name in TEXTURES:
        sound = recording(folder, name, _TEXTURE_S, start_s=0.7)
        cells = []
        for synth in systems.values():
            patch = fit(sound, synth, loss="energy", steps=steps, tracker="yin")
            cells.append("{:.2f} / {:.2f}".format(*other_noise(patch, sound)))
        rows.append([name, *cells])
        print(*rows[-1], sep="  ", flush=True)
    return (
        f"{table(['texture', *systems], rows)}\n\nLog-mel L1 in dB / multi-scale spectral loss of "
        f"{_TEXTURE_S:g} s, fitted by the energy distance in {steps} steps and played with "
        f"{len(_OTHER_SEEDS)} other seeds of the noise. Fits of `noise_bands` start at the measured level of "
        "each band, those of `noise` do not."
    )


def compare_bands() -> str:
    """Return the table of what noise bands cost in the compiled runtime."""
    rows = []
    for n_bands, n_taps, hop_length in (
        (256, 1024, 176),
        (256, 1024, 64),
        (2048, 1024, 176),
        (2048, 2048, 64),
    ):
        config = InstrumentConfig(
            sample_rate=44_100,
            hop_length=hop_length,
            inputs=(LoudnessConfig(),),
            controller=ControllerConfig(hidden_size=8),
            synth=(NoiseBandsConfig(n_bands=n_bands, n_taps=n_taps),),
            effects=(),
        )
        content = Instrument(config).program().to_bytes()
        engine, n_frames = Engine(content), 44_100 // hop_length
        curve = -60 * torch.rand(1, n_frames)
        shares = []
        for block in (n_frames, 1):
            times = []
            for _ in range(5):
                began = time.process_time()
                for first in range(0, n_frames, block):
                    engine.play({"loudness_db": curve[:, first : first + block]})
                times.append(time.process_time() - began)
            shares.append(f"{100 * statistics.median(times):.1f} %")
        rows.append([str(n_bands), str(n_taps), str(hop_length), f"{len(content) / 2**20:.1f}", *shares])
    head = ["bands", "taps of half the filter", "hop", "file, MiB", "share of a core", "… frame by frame"]
    return (
        f"{table(head, rows)}\n\nFor sound at 44.1 kHz in the compiled runtime, the median of five seconds."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hits", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=("clicks", "hits", "bands", "textures"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    made = {}
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        if options.only in (None, "clicks"):
            made["clicks"] = compare_clicks(options.steps)
        if options.only in (None, "hits"):
            made["hits"] = compare_hits(options.folder, work, options.steps, options.seeds)
        if options.only in (None, "bands"):
            made["bands"] = compare_bands()
        if options.only in (None, "textures"):
            made["textures"] = compare_textures(options.folder, work, 2 * options.steps)
    for name, found in made.items():
        content = (
            f"{found}\n\n*{machine()}, 1 thread; `python -m benchmarks.hits FOLDER --write`, FOLDER having "
            "the samples of Debian's sonic-pi-samples.*"
        )
        print(content)
        if options.write:
            write_section(name, content, PAGE)


if __name__ == "__main__":
    main()
