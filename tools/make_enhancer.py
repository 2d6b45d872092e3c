"""Train `oscine.voices.Enhancer` on a folder of clean speech.

    python -m tools.make_enhancer SPEECH -o MODEL.safetensors [--noise FOLDER] [--minutes M] [--cache FILE]

The speech is analysed once (`oscine.voices.analyze_voice`). Noise is generated: coloured noise with a moving
level, babble of the same speakers, harmonic hums, trains of clicks; or it is cut from the recordings in
FOLDER. The network gets the speech in noise at −5 … 20 dB, and learns the clean speech's density, its ratio
of noise, and a mask.
"""

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from oscine.audio import sound_blocks
from oscine.voices import analyze_voice
from oscine.voices.enhancer import CleanSpeech, Enhancer, EnhancerConfig, band_density_db

SUFFIXES = (".wav", ".flac")
CROP_S, BATCH, LEARNING_RATE = 2.0, 8, 2e-3
LOWEST_SNR_DB, HIGHEST_SNR_DB = -5.0, 20.0
#: Below a crop's highest density, what the network says of the speech does not matter, dB.
RANGE_DB = 55.0


class Utterance(NamedTuple):
    """Clean speech, and what it does every frame."""

    audio: Tensor
    density_db: Tensor
    noise_ratio_db: Tensor


def read(path: Path, sample_rate: int) -> Tensor:
    """Return a recording at a rate, mono."""
    return torch.from_numpy(np.concatenate(list(sound_blocks(path, sample_rate))))


def analysed(paths: Sequence[Path], config: EnhancerConfig) -> list[Utterance]:
    """Return the utterances of some files, analysed."""
    utterances = []
    for path in paths:
        audio, voice = read(path, config.sample_rate), analyze_voice(path)
        if voice.sample_rate != config.sample_rate or config.hop_length % voice.hop_length:
            raise SystemExit(
                f"{path} is at {voice.sample_rate} Hz; give recordings at {config.sample_rate} Hz."
            )
        step = config.hop_length // voice.hop_length
        density_db, ratio_db = voice.density_db[step - 1 :: step], voice.noise_ratio_db[step - 1 :: step]
        utterances.append(Utterance(audio.half(), density_db.half(), ratio_db.half()))
    return utterances


def generated(n_samples: int, speech: Sequence[Utterance], rate: int, rng: np.random.Generator) -> Tensor:
    """Return noise of one of four kinds, or of two of them."""
    kinds = (_coloured, _babble, _hum, _clicks)
    weights = (0.45, 0.3, 0.1, 0.15)
    total = torch.zeros(n_samples)
    for _ in range(1 + (rng.random() < 0.35)):
        make = kinds[rng.choice(len(kinds), p=weights)]
        one = make(n_samples, speech, rate, rng)
        total += one / one.square().mean().sqrt().clamp_min(1e-5) * 10 ** (rng.uniform(-6, 0) / 20)
    return total


def _shaped(noise: Tensor, rng: np.random.Generator, spread_db: float) -> Tensor:
    """Return a sound with a random smooth spectrum: a tilt and cosines over log frequency."""
    spectrum = torch.fft.rfft(noise)
    place = torch.log2(torch.linspace(0.004, 1, len(spectrum))) / 8 + 1
    level = rng.uniform(-50, 15) * place
    for k in range(1, 7):
        level = level + rng.normal() * spread_db / k * torch.cos(math.pi * k * place + rng.uniform(0, 6.28))
    return torch.fft.irfft(spectrum * 10 ** (level / 20), len(noise))


def _coloured(n_samples: int, speech: Sequence[Utterance], rate: int, rng: np.random.Generator) -> Tensor:
    noise = _shaped(torch.from_numpy(rng.standard_normal(n_samples).astype(np.float32)), rng, 10.0)
    n_points = max(2, int(n_samples / rate * rng.uniform(0.5, 12)))
    walk = torch.from_numpy(rng.standard_normal(n_points).astype(np.float32)) * rng.uniform(0, 8)
    moving = torch.nn.functional.interpolate(walk[None, None], n_samples, mode="linear")[0, 0]
    return noise * 10 ** (moving / 20)


def _babble(n_samples: int, speech: Sequence[Utterance], rate: int, rng: np.random.Generator) -> Tensor:
    total = torch.zeros(n_samples)
    for _ in range(rng.integers(3, 8)):
        total += _cut(speech[int(rng.integers(len(speech)))].audio, n_samples, rng) * rng.uniform(0.4, 1)
    return total


def _hum(n_samples: int, speech: Sequence[Utterance], rate: int, rng: np.random.Generator) -> Tensor:
    time_s = torch.arange(n_samples) / rate
    total = torch.zeros(n_samples)
    for _ in range(rng.integers(1, 4)):
        f0 = 2 ** rng.uniform(5.6, 10)
        for k in range(1, int(min(20, rate / 2 / f0)) + 1):
            total += rng.uniform(0, 1) / k * torch.sin(2 * math.pi * (k * f0 * time_s + rng.random()))
    return total


def _clicks(n_samples: int, speech: Sequence[Utterance], rate: int, rng: np.random.Generator) -> Tensor:
    impulses = torch.zeros(n_samples)
    for _ in range(max(1, int(n_samples / rate * rng.uniform(1, 12)))):
        impulses[rng.integers(n_samples)] += rng.normal()
    length = rate // 2
    decay = torch.exp(-torch.arange(length) / (rate * 10 ** rng.uniform(-2.7, -0.8)))
    response = _shaped(torch.from_numpy(rng.standard_normal(length).astype(np.float32)), rng, 12.0) * decay
    size = n_samples + length
    return torch.fft.irfft(torch.fft.rfft(impulses, size) * torch.fft.rfft(response, size), size)[:n_samples]


def _cut(audio: Tensor, n_samples: int, rng: np.random.Generator) -> Tensor:
    """Return a random stretch of a sound, repeated where it is short."""
    audio = audio.float().repeat(-(-n_samples // len(audio)) + 1)
    start = rng.integers(len(audio) - n_samples)
    return audio[start : start + n_samples]


def loss_of(found: CleanSpeech, clean: CleanSpeech) -> Tensor:
    """Return the distance of what was found from what is right."""
    density_db = clean.density_db
    floor = density_db.amax((1, 2), keepdim=True) - RANGE_DB
    density = (torch.maximum(found.density_db, floor) - torch.maximum(density_db, floor)).abs()
    heard = ((density_db - floor) / 20).clamp(0, 1)
    ratio = (found.noise_ratio_db - clean.noise_ratio_db.clamp(-25, 25)).abs() * heard
    gain = (found.gain - clean.gain).square()
    # A quiet band that is heard as loud is below its floor no more: its slope is kept small, not zero.
    quiet = torch.relu(found.density_db - floor).mean() * 0.01
    return density.mean() / 10 + ratio.mean() / 10 + 6 * gain.mean() + quiet


class Mixer:
    """Makes batches of crops in noise."""

    def __init__(
        self, speech: list[Utterance], noises: list[Tensor], config: EnhancerConfig, seed: int
    ) -> None:
        self.speech, self.noises, self.config = speech, noises, config
        self.rng = np.random.default_rng(seed)
        self.n_frames = round(CROP_S * config.sample_rate / config.hop_length)

    def batch(self) -> tuple[Tensor, CleanSpeech]:
        """Return noisy crops and what is right of them."""
        config, rng, noisy, density, ratio, clean, noise = self.config, self.rng, [], [], [], [], []
        n_samples = self.n_frames * config.hop_length
        while len(clean) < BATCH:
            one = self.speech[rng.integers(len(self.speech))]
            if len(one.density_db) <= self.n_frames:
                continue
            first = int(rng.integers(len(one.density_db) - self.n_frames))
            part = slice(first, first + self.n_frames)
            audio = one.audio[first * config.hop_length :][:n_samples].float()
            if len(audio) < n_samples:
                continue
            disturbance = (
                _cut(self.noises[rng.integers(len(self.noises))], n_samples, rng)
                if self.noises
                else generated(n_samples, self.speech, config.sample_rate, rng)
            )
            level = audio.square().mean().sqrt() / disturbance.square().mean().sqrt().clamp_min(1e-6)
            disturbance = disturbance * level * 10 ** (-rng.uniform(LOWEST_SNR_DB, HIGHEST_SNR_DB) / 20)
            gain_db = rng.uniform(-12, 12)
            clean.append(audio * 10 ** (gain_db / 20))
            noise.append(disturbance * 10 ** (gain_db / 20))
            density.append(one.density_db[part].float() + gain_db)
            ratio.append(one.noise_ratio_db[part].float())
        speech, disturbances = torch.stack(clean), torch.stack(noise)
        noisy = speech + disturbances
        powers = [
            10 ** (band_density_db(x, config.sample_rate, config.hop_length, config.n_bands) / 10)
            for x in (speech, disturbances)
        ]
        gain = (powers[0] / (powers[0] + powers[1])).sqrt()
        return noisy, CleanSpeech(torch.stack(density), torch.stack(ratio), gain)


def train(enhancer: Enhancer, mixer: Mixer, seconds: float) -> int:
    """Train for so many seconds of processor time, and return the steps."""
    optimizer = torch.optim.Adam(enhancer.parameters(), LEARNING_RATE)
    began, n_steps, mean = time.process_time(), 0, None
    while (share := (time.process_time() - began) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (n_steps + 1) / 50) * (0.02 + 0.98 * (1 - share))
        noisy, clean = mixer.batch()
        loss = loss_of(enhancer(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(enhancer.parameters(), 1.0)
        optimizer.step()
        mean = float(loss.detach()) if mean is None else 0.98 * mean + 0.02 * float(loss.detach())
        n_steps += 1
        if n_steps % 100 == 0:
            print(f"step {n_steps}: loss {mean:.3f}", flush=True)
    return n_steps


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tools.make_enhancer", description=__doc__)
    parser.add_argument("speech", type=Path, help="a folder of clean speech at 16 kHz")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL")
    parser.add_argument(
        "--noise", type=Path, metavar="FOLDER", help="recordings of noise; generated if left out"
    )
    parser.add_argument("--minutes", type=float, default=4.0, help="of processor time (%(default)g)")
    parser.add_argument(
        "--hold-out", type=int, default=5, metavar="N", help="leave out every Nth file (%(default)d)"
    )
    parser.add_argument("--cache", type=Path, metavar="FILE", help="keep the analysis here")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    config = EnhancerConfig()
    if options.cache is not None and options.cache.exists():
        tensors = torch.load(options.cache, weights_only=True)
        speech = [Utterance(*one) for one in tensors]
    else:
        paths = sorted(path for path in options.speech.rglob("*") if path.suffix.lower() in SUFFIXES)
        speech = analysed(
            [path for i, path in enumerate(paths) if i % options.hold_out != options.hold_out - 1], config
        )
        if options.cache is not None:
            torch.save([tuple(one) for one in speech], options.cache)
    noises = []
    if options.noise is not None:
        files = sorted(path for path in options.noise.rglob("*") if path.suffix.lower() in SUFFIXES)
        noises = [read(path, config.sample_rate) for path in files]
    enhancer = Enhancer(config)
    n_steps = train(enhancer, Mixer(speech, noises, config, options.seed), 60 * options.minutes)
    enhancer.save(options.output)
    print(f"{options.output}: {n_steps} steps on {len(speech)} utterances")


if __name__ == "__main__":
    main()
