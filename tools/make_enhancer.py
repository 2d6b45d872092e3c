"""Train `oscine.voices.Enhancer` on a folder of clean speech.

    python -m tools.make_enhancer SPEECH -o MODEL.safetensors [--noise FOLDER] [--minutes M] [--device cuda]

The speech is analysed once (pitch, envelope, noise ratio), at three speeds. Noise is made by code
(`tools.noises`), to which recordings in FOLDER are added. The network gets the speech in noise at −5 … 20 dB,
and learns the clean speech's density, its ratio of noise, and a mask. Every Nth recording is held out: the
loss on it decides which of the weights are kept.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
import torch
from tools.noises import Noises
from torch import Tensor

from oscine.analysis import continuous_f0, spectral_envelope
from oscine.audio import sound_blocks
from oscine.functional import envelope_grid_hz, read_envelope
from oscine.transfer.streaming import features_of
from oscine.voices import Enhancer, EnhancerConfig
from oscine.voices.enhancer import CleanSpeech, band_density_db, windowed_spectrum

SUFFIXES = (".wav", ".flac")
CROP_S, LEARNING_RATE = 3.0, 2e-3
LOWEST_SNR_DB, HIGHEST_SNR_DB = -5.0, 20.0
#: Below a crop's highest density, what the network says of the speech does not matter, dB.
RANGE_DB = 55.0
#: Slower and faster speech has another pitch and other formants: it counts as other speakers.
SPEEDS = (0.88, 1.0, 1.13)
#: Power to which magnitudes are raised before they are compared.
COMPRESSION = 0.3
#: Of the correlation of levels in third octaves: frames of a stretch, and from one to the next.
STRETCH, STRETCH_HOP = 38, 8
N_VALIDATION = 8


class Speech(NamedTuple):
    """Clean speech, one recording after another, and what it does every frame."""

    audio: Tensor
    density_db: Tensor
    noise_ratio_db: Tensor

    def to(self, device: torch.device) -> "Speech":
        """Return it on a device."""
        return Speech(*(tensor.to(device) for tensor in self))


class Mixture(NamedTuple):
    """Crops of speech in noise, and what is right of them."""

    noisy: Tensor
    speech: Tensor
    right: CleanSpeech


def read(path: Path, sample_rate: int) -> np.ndarray:
    """Return a recording at a rate, mono."""
    return np.concatenate(list(sound_blocks(path, sample_rate)))


def at_speeds(audio: np.ndarray, f0_hz: Tensor, config: EnhancerConfig) -> list[Speech]:
    """Return a recording with its analysis at each speed."""
    rate, hop, analysed = config.sample_rate, config.hop_length, []
    for speed in SPEEDS:
        sound = audio if speed == 1 else soxr.resample(audio, rate * speed, rate, "HQ").astype(np.float32)
        n_frames = len(sound) // hop
        at = np.arange(1, n_frames + 1) * speed - 1
        pitch = torch.from_numpy(speed * np.interp(at, np.arange(len(f0_hz)), f0_hz.numpy())).float()
        both = spectral_envelope(sound, pitch, rate, hop, config.n_bands).half()
        analysed.append(Speech(torch.from_numpy(sound[: n_frames * hop]).half(), *both.chunk(2, 1)))
    return analysed


def joined(parts: Sequence[Speech]) -> Speech:
    """Return recordings one after another."""
    return Speech(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))


def analysed(paths: Sequence[Path], config: EnhancerConfig) -> Speech:
    """Return the speech of some files."""
    parts = []
    for path in paths:
        audio = read(path, config.sample_rate)
        features = features_of(iter([audio]), config.sample_rate, config.hop_length, "swift-f0")
        parts += at_speeds(audio, continuous_f0(features), config)
    return joined(parts)


class Mixer:
    """Makes batches of crops in noise.

    Args:
        speech: On the device of the training.
        recorded: Recordings of noise, one after another; may be empty.
        config: Of the network.
        seed: Of everything random.
    """

    def __init__(self, speech: Speech, recorded: Tensor, config: EnhancerConfig, seed: int) -> None:
        self.speech, self.config = speech, config
        self.noises = Noises(speech.audio, recorded, config.sample_rate, seed)
        self.n_frames = round(CROP_S * config.sample_rate / config.hop_length)

    def batch(self, n_crops: int) -> Mixture:
        """Return crops, each at a level and a signal-to-noise ratio of its own, some of them equalised."""
        config, noises = self.config, self.noises
        sizes = config.sample_rate, config.hop_length, config.n_bands
        first = noises.places(self.speech.density_db[:, 0], n_crops, self.n_frames)
        frames = first[:, None] + torch.arange(self.n_frames, device=first.device)
        n_samples = self.n_frames * config.hop_length
        samples = first[:, None] * config.hop_length + torch.arange(n_samples, device=first.device)
        audio = self.speech.audio[samples].float()
        density_db = self.speech.density_db[frames].float()
        tilt_db = noises.uniform(n_crops, 1, low=-8, high=8) / (config.sample_rate / 2)
        level_db = noises.uniform(n_crops, 1, low=-12, high=12)
        spectrum = torch.fft.rfft(audio)
        at = torch.linspace(0, config.sample_rate / 2, spectrum.shape[1], device=first.device)
        audio = torch.fft.irfft(spectrum * 10 ** ((level_db + tilt_db * at) / 20), n_samples)
        grid = envelope_grid_hz(config.n_bands, config.sample_rate).to(density_db)
        density_db = density_db + (level_db + tilt_db * grid)[:, None]
        ratio_db = noises.uniform(n_crops, 1, low=LOWEST_SNR_DB, high=HIGHEST_SNR_DB)
        level = audio.square().mean(1, keepdim=True).sqrt() * 10 ** (-ratio_db / 20)
        noise = noises.batch(n_crops, n_samples) * level
        powers = [10 ** (band_density_db(x, *sizes) / 10) for x in (audio, noise)]
        gain = (powers[0] / (powers[0] + powers[1])).sqrt()
        right = CleanSpeech(density_db, self.speech.noise_ratio_db[frames].float(), gain)
        return Mixture(audio + noise, audio, right)


class Distance:
    """The distance of what was found from what is right.

    It has five parts: the density and the noise ratio in dB, the mask, the compressed spectrum of the masked
    sound, and the correlation of the levels in third octaves over 0.4 s, of the masked sound and of the
    density. The last is what STOI is the mean of (Taal et al., 2011).
    """

    def __init__(self, config: EnhancerConfig, device: torch.device, correlation: float = 1.0) -> None:
        self.config, self.correlation = config, correlation
        n_bins = 3 * config.hop_length // 2 + 1
        bins = torch.linspace(0, config.sample_rate / 2, n_bins)
        unit = torch.eye(config.n_bands)
        self.to_bins = read_envelope(unit, bins.expand(config.n_bands, -1), config.sample_rate).to(device)
        centers = 150 * 2 ** (torch.arange(15) / 3)
        low, high = centers[:, None] * 2 ** (-1 / 6), centers[:, None] * 2 ** (1 / 6)
        self.thirds = ((bins >= low) & (bins < high)).float().T.to(device)

    def __call__(self, found: CleanSpeech, mixture: Mixture) -> Tensor:
        """Return one number."""
        right, hop = mixture.right, self.config.hop_length
        floor = right.density_db.amax((1, 2), keepdim=True) - RANGE_DB
        difference = torch.maximum(found.density_db, floor) - torch.maximum(right.density_db, floor)
        heard = ((right.density_db - floor) / 20).clamp(0, 1)
        ratio = (found.noise_ratio_db - right.noise_ratio_db.clamp(-25, 25)).abs() * heard
        gain = (found.gain - right.gain).square()
        # A quiet band that is heard as loud is below its floor no more: its slope is kept small, not zero.
        quiet = torch.relu(found.density_db - floor).mean() * 0.01
        total = difference.abs().mean() / 10 + ratio.mean() / 10 + 3 * gain.mean() + quiet
        noisy, speech = (windowed_spectrum(x, hop) for x in (mixture.noisy, mixture.speech))
        level = speech.abs().square().mean((1, 2), keepdim=True).sqrt().clamp_min(1e-6)
        noisy, speech = noisy / level, speech / level
        masked = noisy.abs() * (found.gain @ self.to_bins)
        a, b = ((x + 1e-3) ** COMPRESSION for x in (masked, speech.abs()))
        agreement = torch.cos(noisy.angle() - speech.angle())
        total = total + 2 * (a - b).square().mean() + (a * a + b * b - 2 * a * b * agreement).mean()
        if self.correlation:
            density = 10 ** ((found.density_db - 20 * torch.log10(level)) / 10)
            levels = [masked.square(), density @ self.to_bins]
            right_levels = speech.abs().square() @ self.thirds
            for one in levels:
                total = total + self.correlation * _decorrelation(one @ self.thirds, right_levels)
        return total


def _decorrelation(found: Tensor, right: Tensor) -> Tensor:
    """Return 1 minus the mean correlation of levels over stretches of frames, where there is speech."""
    found, right = ((x + 1e-5 * right.mean() + 1e-9).sqrt() for x in (found, right))
    loud = right.square().sum(-1).unfold(1, STRETCH, STRETCH_HOP).mean(-1)
    weight = (loud > 1e-3 * loud.amax(1, keepdim=True)).float()
    found, right = (x.unfold(1, STRETCH, STRETCH_HOP) for x in (found, right))
    found, right = (x - x.mean(-1, keepdim=True) for x in (found, right))
    norm = (found.square().sum(-1) * right.square().sum(-1) + 1e-9).sqrt()
    correlation = ((found * right).sum(-1) / norm).mean(-1)
    return 1 - (correlation * weight).sum() / weight.sum().clamp_min(1)


def train(
    enhancer: Enhancer,
    mixer: Mixer,
    validate: Callable[[], float],
    distance: Distance,
    seconds: float,
    batch: int,
    output: Path,
) -> int:
    """Train for so many seconds, keep the best weights in a file, and return the steps.

    On a processor, its own time counts; with another device, the clock's.
    """
    on_cpu = next(enhancer.parameters()).device.type == "cpu"
    clock = time.process_time if on_cpu else time.monotonic
    optimizer = torch.optim.Adam(enhancer.parameters(), LEARNING_RATE)
    began, n_steps, mean, best, next_report = clock(), 0, None, float("inf"), 60.0
    while True:
        passed = clock() - began
        share = passed / seconds
        if share >= 1 or passed >= next_report:
            next_report += 60
            value = validate()
            print(f"{passed:.0f} s, step {n_steps}: loss {mean or 0:.4f}, held out {value:.4f}", flush=True)
            if value < best:
                best = value
                enhancer.save(output)
        if share >= 1:
            return n_steps
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (n_steps + 1) / 50) * (0.02 + 0.98 * (1 - share))
        mixture = mixer.batch(batch)
        loss = distance(enhancer(mixture.noisy), mixture)
        optimizer.zero_grad()
        loss.backward()
        if bool(torch.nn.utils.clip_grad_norm_(enhancer.parameters(), 1.0).isfinite()):
            optimizer.step()
        n_steps += 1
        if n_steps % 50 == 0:
            mean = float(loss.detach()) if mean is None else 0.9 * mean + 0.1 * float(loss.detach())


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tools.make_enhancer", description=__doc__)
    parser.add_argument("speech", type=Path, help="a folder of clean speech")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL")
    parser.add_argument("--noise", type=Path, metavar="FOLDER", help="recordings of noise, beside the made")
    parser.add_argument("--minutes", type=float, default=4.0, help="%(default)g; on a CPU, of its own time")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    parser.add_argument("--batch", type=int, default=8, help="crops of a step (%(default)d)")
    parser.add_argument("--width", type=int, default=EnhancerConfig().width, help="%(default)d channels")
    parser.add_argument("--layers", type=int, default=EnhancerConfig().n_layers, help="%(default)d")
    parser.add_argument(
        "--hold-out", type=int, default=5, metavar="N", help="hold out every Nth file (%(default)d)"
    )
    parser.add_argument("--cache", type=Path, metavar="FILE", help="keep the analysis here")
    parser.add_argument("--correlation", type=float, default=1.0, help="its weight in the loss (%(default)g)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    if device.type == "cpu":
        torch.set_num_threads(1)
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(options.seed)
    config = EnhancerConfig(width=options.width, n_layers=options.layers)
    if options.cache is not None and options.cache.exists():
        training, held_out = (Speech(*one) for one in torch.load(options.cache, weights_only=True))
    else:
        paths = sorted(path for path in options.speech.rglob("*") if path.suffix.lower() in SUFFIXES)
        last = options.hold_out - 1
        training, held_out = (
            analysed([path for i, path in enumerate(paths) if (i % options.hold_out == last) is held], config)
            for held in (False, True)
        )
        if options.cache is not None:
            torch.save([tuple(training), tuple(held_out)], options.cache)
    recorded = torch.zeros(0)
    if options.noise is not None:
        files = sorted(path for path in options.noise.rglob("*") if path.suffix.lower() in SUFFIXES)
        parts = [read(path, config.sample_rate) for path in files]
        recorded = torch.from_numpy(np.concatenate([x / np.sqrt(np.mean(x**2) + 1e-9) for x in parts])).half()
    training, held_out, recorded = training.to(device), held_out.to(device), recorded.to(device)
    enhancer = Enhancer(config).to(device)
    distance = Distance(config, device, options.correlation)

    def validate() -> float:
        mixer = Mixer(held_out, recorded, config, 1)
        with torch.no_grad():
            mixtures = (mixer.batch(options.batch) for _ in range(N_VALIDATION))
            return float(np.mean([float(distance(enhancer(one.noisy), one)) for one in mixtures]))

    mixer = Mixer(training, recorded, config, options.seed)
    seconds = 60 * options.minutes
    n_steps = train(enhancer, mixer, validate, distance, seconds, options.batch, options.output)
    n_minutes = len(training.density_db) * config.hop_length / config.sample_rate / 60
    print(f"{options.output}: {n_steps} steps on {n_minutes:.0f} minutes of speech")


if __name__ == "__main__":
    main()
