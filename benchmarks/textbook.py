"""The textbook form of an instrument and of its training: the paper's sizes, eager torch, nothing fused.

Same parameters as `oscine.models.Instrument` with the recipe `solo`, so that what it has learned is evaluated
by the same code. The arithmetic of the step is the textbook's, and so is the reverb, every tap of it free.
"""

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from oscine.data import Split
from oscine.functional import upsample
from oscine.models import Instrument, load_recipe
from oscine.processors import Reverb

FFT_SIZES = (2048, 1024, 512, 256, 128, 64)
BATCH_SIZE, CROP_S, LEARNING_RATE, GRADIENT_CLIP = 16, 4.0, 1e-3, 3.0


def oscillator(
    f0_hz: Tensor, amplitude: Tensor, distribution: Tensor, sample_rate: int, hop_length: int
) -> Tensor:
    """Return the sum of sines with time × harmonic in memory; the phase is a running sum, by trapezoids."""
    number = torch.arange(1, distribution.shape[-1] + 1, dtype=f0_hz.dtype, device=f0_hz.device)
    audible = (f0_hz.unsqueeze(-1) * number < sample_rate / 2).to(f0_hz.dtype)
    weights = distribution * audible
    amplitudes = amplitude.unsqueeze(-1) * weights / weights.sum(-1, keepdim=True).clamp(min=1e-7)
    increments = 2 * math.pi * upsample(f0_hz, hop_length) / sample_rate
    phase = torch.cumsum(increments, dim=1) - (increments + increments[:, :1]) / 2
    return (torch.sin(phase.unsqueeze(-1) * number) * upsample(amplitudes, hop_length)).sum(dim=-1)


def filtered_noise(magnitudes: Tensor, hop_length: int) -> Tensor:
    """Return frames of noise, each convolved with its windowed impulse response and overlap-added."""
    batch, n_frames, n_bands = magnitudes.shape
    taps = torch.fft.irfft(magnitudes.to(torch.complex64))
    taps = torch.roll(taps, n_bands - 1, dims=-1) * torch.hann_window(taps.shape[-1])
    noise = torch.rand(batch, n_frames, hop_length) * 2 - 1
    n_fft = 1 << (hop_length + taps.shape[-1] - 2).bit_length()
    frames = torch.fft.irfft(torch.fft.rfft(noise, n_fft) * torch.fft.rfft(taps, n_fft), n_fft)
    total = (n_frames - 1) * hop_length + n_fft
    audio = torch.nn.functional.fold(
        frames.transpose(1, 2), (1, total), kernel_size=(1, n_fft), stride=(1, hop_length)
    ).reshape(batch, total)
    delay = n_bands - 1
    return audio[:, delay : delay + n_frames * hop_length]


def room(audio: Tensor, taps: Tensor) -> Tensor:
    """Return the convolution by an FFT of the next power of two."""
    n_fft = 1 << (audio.shape[-1] + taps.shape[-1] - 2).bit_length()
    return torch.fft.irfft(torch.fft.rfft(audio, n_fft) * torch.fft.rfft(taps, n_fft), n_fft)[
        ..., : audio.shape[-1]
    ]


def play(instrument: Instrument, f0_hz: Tensor, loudness_db: Tensor) -> Tensor:
    """Return the instrument's audio by the textbook's arithmetic."""
    controls, _ = instrument.control({"f0_hz": f0_hz, "loudness_db": loudness_db})
    tone = oscillator(
        f0_hz,
        controls["harmonic.amplitude"],
        controls["harmonic.harmonic_distribution"],
        instrument.sample_rate,
        instrument.hop_length,
    )
    audio = tone + filtered_noise(controls["noise.magnitudes"], instrument.hop_length)
    effect = reverb(instrument)
    return audio if effect is None else room(audio, effect.taps())


def reverb(instrument: Instrument) -> Reverb | None:
    """Return the instrument's reverb, if it has one."""
    return next((module for module in instrument.modules() if isinstance(module, Reverb)), None)


def spectral_loss(audio: Tensor, target: Tensor, fft_sizes: Sequence[int] = FFT_SIZES) -> Tensor:
    """Return the multi-scale spectral loss by `torch.stft` and autograd."""
    total = audio.new_zeros(())
    for n_fft in fft_sizes:
        window = torch.hann_window(n_fft, dtype=audio.dtype)
        ours, theirs = (
            torch.stft(x, n_fft, n_fft // 4, window=window, return_complex=True).abs()
            for x in (audio, target)
        )
        total = (
            total
            + (ours - theirs).abs().mean()
            + (torch.log(ours + 1e-5) - torch.log(theirs + 1e-5)).abs().mean()
        )
    return total


def build(sample_rate: int, hop_length: int, free_room: bool = True) -> Instrument:
    """Return the model before training.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame.
        free_room: Every tap of the reverb learns at the full rate, as in the textbook; else it decays, as
            Oscine's does.
    """
    rates = {"instrument.sample_rate": sample_rate, "instrument.hop_length": hop_length}
    torch.manual_seed(0)
    instrument = Instrument(load_recipe("solo", rates).instrument)
    effect = reverb(instrument)
    if free_room and effect is not None:
        effect.envelope.fill_(1.0)
    return instrument


def train(instrument: Instrument, split: Split, minutes: float, seed: int = 0) -> int:
    """Train in place for so many minutes; return the number of steps."""
    optimizer = torch.optim.Adam(instrument.parameters(), lr=LEARNING_RATE)
    n_frames = round(CROP_S * instrument.sample_rate / instrument.hop_length)
    end, step = time.monotonic() + 60 * minutes, 0
    while time.monotonic() < end:
        batch = split.batch(seed, step, BATCH_SIZE, n_frames)
        loss = spectral_loss(play(instrument, batch.f0_hz, batch.loudness_db), batch.audio)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(instrument.parameters(), GRADIENT_CLIP)
        optimizer.step()
        step += 1
    return step
