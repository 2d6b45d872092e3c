"""Trained textures: noise bands against filtered noise behind the same network, in hits.md.

    python -m benchmarks.textures FOLDER [--steps N] [--seeds N] [--write]

FOLDER has the FLAC files of Debian's package sonic-pi-samples. Of each texture the last 2 s are held out, and
each form of noise is trained on the rest for the same number of steps, with the recipe ``texture``.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.data import Dataset, Split, prepare
from oscine.losses import LogMelLoss, MultiScaleSpectralLoss
from oscine.models import Instrument, load_recipe
from oscine.processors import NoiseBandsConfig, NoiseConfig
from oscine.training import TrainingLoop
from oscine.training.schedule import Budget

PAGE = "hits"
#: Those whose last 2 s are not a fade to silence.
TEXTURES = ("vinyl_hiss", "drum_roll", "loop_3d_printer", "loop_safari")
SYNTHS = {
    "noise, 65 bands": NoiseConfig(n_bands=65),
    "noise, 129 bands": NoiseConfig(n_bands=129),
    "recipe `texture`": NoiseBandsConfig(n_bands=256),
}
_HELD_OUT_S = 2.0
#: Seconds before the held-out part that are played and not compared.
_BEFORE_S = 0.25
_OTHER_SEEDS = (1000, 1001, 1002)


def dataset(folder: Path, name: str, work: Path) -> Dataset:
    """Return the dataset of one recording."""
    alone = work / name
    alone.mkdir()
    shutil.copy(next(folder.rglob(f"{name}.flac")), alone)
    place = work / f"{name}-dataset"
    prepare(alone, place, held_out_s=_HELD_OUT_S, unpitched=True, tracker="yin", n_workers=1)
    return Dataset.open(place)


def trained(
    learned: Dataset, synth: NoiseConfig | NoiseBandsConfig, steps: int, seed: int
) -> tuple[Instrument, float]:
    """Return an instrument, and the CPU seconds of its training."""
    settings = {"training.n_validations": 1, "training.warmup_steps": round(0.1 * steps)}
    recipe = load_recipe("texture", {**settings, "training.seed": seed})
    config = recipe.instrument.model_copy(update={"synth": (synth,)})
    torch.manual_seed(seed)
    one = Instrument(config.fit(learned.sample_rate, learned.hop_length, (), ("",)), learned.statistics)
    began = time.process_time()
    loop = TrainingLoop(one, learned.train, learned.validation, recipe.training, Budget(None, steps))
    loop.run([])
    return one.eval(), time.process_time() - began


@torch.no_grad()
def distances(player: Instrument, held_out: Split) -> tuple[float, float]:
    """Return the log-mel distance in dB and the spectral loss on what was held out, with other noise."""
    log_mel, spectral = LogMelLoss(player.sample_rate), MultiScaleSpectralLoss(player.sample_rate)
    found = []
    n_before = round(_BEFORE_S * player.config.frame_rate)
    for one in held_out.segments:
        batch = Split([one], held_out.hop_length).batch(0, 0, 1, one.n_frames, n_before)
        features = {
            "f0_hz": batch.f0_hz,
            "confidence": batch.confidence,
            "loudness_db": batch.loudness_db,
        }
        conditions = player.conditions(batch.audio, features, {})
        heard = slice(n_before * held_out.hop_length, None)
        for seed in _OTHER_SEEDS:
            played, target = player(**conditions, seed=seed)[:, heard], batch.audio[:, heard]
            found.append((float(log_mel(played, target)), float(spectral(played, target))))
    return statistics.mean(one for one, _ in found), statistics.mean(one for _, one in found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.textures", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows, cpu_s = [], dict.fromkeys(SYNTHS, 0.0)
    for name in TEXTURES:
        cells = []
        with tempfile.TemporaryDirectory() as place:
            learned = dataset(options.folder, name, Path(place))
            for which, synth in SYNTHS.items():
                found = []
                for seed in range(options.seeds):
                    player, seconds = trained(learned, synth, options.steps, seed)
                    cpu_s[which] += seconds / (len(TEXTURES) * options.seeds)
                    found.append(distances(player, learned.held_out))
                cells.append(" / ".join(f"{statistics.mean(one):.2f}" for one in zip(*found, strict=True)))
        rows.append([name, *cells])
        print(*rows[-1], sep="  ", flush=True)
    rows.append(["*CPU s of a training*", *(f"{seconds:.0f}" for seconds in cpu_s.values())])
    content = (
        f"{table(['texture', *SYNTHS], rows)}\n\nLog-mel L1 in dB / multi-scale spectral loss on the last "
        f"{_HELD_OUT_S:g} s, which were held out, played by their loudness with {len(_OTHER_SEEDS)} seeds of "
        f"the noise; {options.steps} steps, seeds of the training: {options.seeds}.\n\n*{machine()}, 1 "
        "thread; `python -m benchmarks.textures FOLDER --write`, FOLDER having the samples of Debian's "
        "sonic-pi-samples.*"
    )
    print(content)
    if options.write:
        write_section("trained textures", content, PAGE)


if __name__ == "__main__":
    main()
