"""Harmonics and noise apart, at 16, 44.1 and 48 kHz, on tones whose truth is known: default-recipe.md.

    python -m benchmarks.rates [--rates HZ …] [--recipe NAME] [--steps N] [--write]

A recipe is trained on two minutes of made tones, at each rate. Then its two branches are played
alone, each through the effects, from the pitch and loudness of tones that it was not trained on, and compared
with the harmonics and the noise that these tones were made of.
"""

import argparse
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.analysis import analyze
from oscine.data import prepare
from oscine.evaluation.spectrum import energy_spectrum, level_difference_db, third_octave_differences_db
from oscine.functional import filtered_noise, harmonic_oscillator
from oscine.losses import MultiScaleSpectralLoss
from oscine.models import Instrument
from oscine.processors import FilteredNoise, HarmonicOscillator
from oscine.training import train
from oscine.training.objective import synth_part

PAGE = "default-recipe"
RATES = (16_000, 44_100, 48_000)
SECONDS, TESTED_S = 110.0, 40.0
_N_HARMONICS, _N_BANDS, _FRAMES_PER_S = 100, 257, 250
_FORMANTS = ((600.0, 12.0), (1500.0, 9.0), (3300.0, 12.0), (9000.0, 9.0))
_LOWEST_HZ, _MASKED_DB = 220.0, 20.0
_HIGH_HZ = 14_000.0


class Tones(NamedTuple):
    """A made sound and what it is the sum of."""

    harmonics: Tensor
    noise: Tensor


def tones(sample_rate: int, seconds: float, seed: int, noise_seed: int | None = None) -> Tones:
    """Return notes of 220 … 660 Hz whose spectrum is the same at every rate, up to its Nyquist.

    Harmonics fall by 9 dB per octave below four resonances that stay where they are; a louder note is
    brighter. The noise follows the level of the note, with a spectrum of its own: it rises
    by 6 dB per octave up to 3 kHz, and falls by 3 dB above.

    Args:
        sample_rate: In Hz.
        seconds: Length.
        seed: Of notes and noise.
        noise_seed: Of the noise, if it is to be another draw.
    """
    random = np.random.default_rng(seed)
    hop_length = round(sample_rate / _FRAMES_PER_S)
    n_frames = math.ceil(seconds * sample_rate / hop_length)
    time_s = np.arange(1, n_frames + 1) * hop_length / sample_rate
    f0_hz, level_db = np.full(n_frames, 330.0), np.full(n_frames, -90.0)
    start_s = 0.0
    while start_s < seconds:
        length_s, loud_db = random.uniform(0.2, 1.2), random.uniform(-20.0, 0.0)
        note_hz = _LOWEST_HZ * 3.0 ** random.random()
        inside = (time_s >= start_s) & (time_s < start_s + length_s)
        since_s, left_s = time_s[inside] - start_s, start_s + length_s - time_s[inside]
        vibrato = 0.01 * np.sin(2 * np.pi * 5.5 * since_s) * np.clip(since_s / 0.4, 0, 1)
        f0_hz[inside] = note_hz * (1 + vibrato)
        shape = np.minimum(1, since_s / 0.03) * np.minimum(1, left_s / 0.05) * (1 - 0.3 * since_s / length_s)
        level_db[inside] = loud_db + 20 * np.log10(np.maximum(shape, 3e-5))
        start_s += length_s + random.choice([0.0, 0.0, 0.15])
    f0, level = torch.from_numpy(f0_hz).float()[None], torch.from_numpy(level_db).float()[None]
    harmonic_hz = f0[..., None] * torch.arange(1, _N_HARMONICS + 1)
    octaves = (harmonic_hz / 440).log2()
    slope_db = -9.0 + 0.15 * (level[..., None] + 10).clamp(-20, 10)
    harmonic_db = level[..., None] - 14 + slope_db * octaves
    for center_hz, height_db in _FORMANTS:
        harmonic_db = harmonic_db + height_db / (1 + ((harmonic_hz / center_hz).log2() / 0.35) ** 2)
    amplitudes = 10 ** (harmonic_db / 20) * (harmonic_hz < sample_rate / 2)
    total = amplitudes.sum(-1)
    harmonics = harmonic_oscillator(f0, total, amplitudes, sample_rate=sample_rate, hop_length=hop_length)

    band_hz = torch.linspace(0.0, sample_rate / 2, _N_BANDS).clamp(min=60.0)
    octaves = (band_hz / 3000).log2()
    shape_db = torch.where(octaves < 0, 6 * octaves, -3 * octaves)
    # The same power per Hz at every rate: white noise of one level has less of it at a higher rate.
    noise_db = level[..., None] + shape_db - 20 + 10 * math.log10(sample_rate / 16_000)
    magnitudes = 10 ** (noise_db / 20)
    noise = filtered_noise(magnitudes, hop_length=hop_length, seed=seed if noise_seed is None else noise_seed)
    n = round(seconds * sample_rate)
    return Tones(harmonics[0, :n], noise[0, :n])


def apart(instrument: Instrument, sound: Tensor) -> Tones:
    """Return what an instrument's branches play alone, through its effects, with the inputs of a sound.

    Args:
        instrument: It has a harmonic oscillator and filtered noise.
        sound: Whole frames.
    """
    features = analyze(sound, instrument.sample_rate, instrument.hop_length)
    given = {name: getattr(features, name)[None] for name in ("f0_hz", "confidence", "loudness_db")}
    loud = f"{synth_part(instrument, HarmonicOscillator)[0]}.amplitude"
    noisy = f"{synth_part(instrument, FilteredNoise)[0]}.magnitudes"
    with torch.no_grad():
        controls, _ = instrument.control(instrument.conditions(sound[None], given))
        without = [controls | {name: torch.zeros_like(controls[name])} for name in (noisy, loud)]
        return Tones(*(instrument.synthesize(one)[0] for one in without))


def differences_db(
    played: Tensor, truth: Tensor, other: Tensor, sample_rate: int, lowest_hz: float = 0.0
) -> dict[int, float]:
    """Return a branch's level minus the truth's in each third octave that counts, dB by its centre in Hz.

    Args:
        played: The branch.
        truth: What it should have played.
        other: The truth of the other branch. A band does not count where it has 20 dB more.
        sample_rate: In Hz.
        lowest_hz: Bands with a lower centre do not count.
    """
    mine, wanted, masking = (energy_spectrum(one, sample_rate) for one in (played, truth, other))
    above_db = third_octave_differences_db(wanted, masking, sample_rate, sample_rate / 2)
    found = third_octave_differences_db(mine, wanted, sample_rate, sample_rate / 2)
    return {
        hz: value
        for hz, value in found.items()
        if hz >= lowest_hz and above_db.get(hz, math.inf) >= -_MASKED_DB
    }


def trained(sample_rate: int, recipe: str, steps: int, seconds: float, folder: Path) -> Instrument:
    """Return an instrument that was trained on made tones."""
    (folder / "in").mkdir(parents=True)
    made = tones(sample_rate, seconds, seed=1)
    sound = made.harmonics + made.noise
    soundfile.write(folder / "in" / "tones.wav", sound.numpy(), sample_rate, subtype="FLOAT")
    prepare(folder / "in", folder / "dataset", sample_rate=sample_rate, held_out_s=2.0, n_workers=1)
    torch.manual_seed(0)
    train(folder / "dataset", folder / "instrument", recipe=recipe, steps=steps)
    return Instrument.from_pretrained(folder / "instrument").eval()


def lines(instrument: Instrument, seconds: float) -> list[list[str]]:
    """Return the rows of an instrument's two branches, on tones of another seed than those it learned."""
    rate = instrument.sample_rate
    n = round(seconds * rate) // instrument.hop_length * instrument.hop_length
    truth = Tones(*(one[:n] for one in tones(rate, seconds, seed=2)))
    played = apart(instrument, truth.harmonics + truth.noise)
    rows = []
    for name, mine, wanted, other, lowest_hz in (
        ("harmonics", played.harmonics, truth.harmonics, truth.noise, _LOWEST_HZ / 2 ** (1 / 6)),
        ("noise", played.noise, truth.noise, truth.harmonics, 0.0),
    ):
        found = differences_db(mine, wanted, other, rate, lowest_hz)
        level_db = level_difference_db(
            energy_spectrum(mine, rate), energy_spectrum(wanted, rate), rate, 20.0, rate / 2
        )
        assert level_db is not None
        most_hz = max(found, key=lambda hz: abs(found[hz]))
        mean_db = sum(map(abs, found.values())) / len(found)
        most = f"{found[most_hz]:+.1f} ({most_hz} Hz)"
        rows.append([f"{rate}", name, f"{level_db:+.1f}", f"{mean_db:.1f}", most, f"{len(found)}"])
    return rows


def run(rates: Sequence[int], recipe: str, steps: int, seconds: float, tested_s: float) -> str:
    """Return the table."""
    rows = []
    for rate in rates:
        with tempfile.TemporaryDirectory() as folder:
            rows += lines(trained(rate, recipe, steps, seconds, Path(folder)), tested_s)
        print(*rows[-2:], sep="\n", flush=True)
    return table(["Hz", "branch", "level, dB", "1/3 octaves, mean, dB", "most, dB", "bands"], rows)


def costs(sample_rate: int = 44_100, seconds: float = 3.0) -> str:
    """Return what the spectral loss is when the branches are wrong, as a table.

    The harmonics are changed above 14 kHz, where the noise is much stronger; the noise is changed
    everywhere, and is another draw than the target's.
    """
    truth = tones(sample_rate, seconds, seed=1)
    noise = tones(sample_rate, seconds, seed=1, noise_seed=11).noise
    target, spectral = (truth.harmonics + truth.noise)[None], MultiScaleSpectralLoss(sample_rate)
    spectrum = torch.fft.rfft(truth.harmonics)
    above = torch.linspace(0.0, sample_rate / 2, len(spectrum)) > _HIGH_HZ
    rows = []
    for noise_db in (0.0, -1.0, -2.0):
        cells = []
        for harmonic_db in (-200.0, 0.0, 3.0, 6.0):
            gain = torch.where(above, 10 ** (harmonic_db / 20), 1.0)
            harmonics = torch.fft.irfft(spectrum * gain, len(truth.harmonics))
            cells.append(f"{float(spectral((harmonics + 10 ** (noise_db / 20) * noise)[None], target)):.3f}")
        rows.append([f"{noise_db:+g} dB", *cells])
    return table(["noise", "no harmonics above 14 kHz", "right", "+3 dB", "+6 dB"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rates", description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=RATES, metavar="HZ")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = run(options.rates, options.recipe, options.steps, SECONDS, TESTED_S)
    sizes = f"{options.steps} steps on {SECONDS:g} s of tones, tested on {TESTED_S:g} s of others"
    content = (
        f"{found}\n\nRecipe `{options.recipe}`, {sizes}.\n\n"
        f"The spectral loss at 44.1 kHz of branches that are wrong:\n\n{costs()}\n\n"
        f"*{machine()}, 1 thread; `python -m benchmarks.rates --write`.*"
    )
    print(content)
    if options.write:
        write_section("rates", content, PAGE)


if __name__ == "__main__":
    main()
