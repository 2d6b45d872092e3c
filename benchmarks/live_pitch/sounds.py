"""What the live tracker learns from: recordings that the offline tracker labels, and sounds made by code."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr

import oscine
from oscine.analysis import VOICED
from oscine.audio import rate_of, sound_blocks

RATE = 16000
HOP = 64


class Sound(NamedTuple):
    """A sound at 16 kHz, and what it is at the instants 64 · t."""

    audio: np.ndarray
    f0_hz: np.ndarray
    voiced: np.ndarray
    counts: np.ndarray
    """Which frames' voicing is known."""


def read(path: Path) -> np.ndarray:
    """Return a recording at 16 kHz, its peak at 1."""
    rate = rate_of(path)
    audio = np.concatenate(list(sound_blocks(path)))
    audio = soxr.resample(audio, rate, RATE) if rate != RATE else audio
    return (audio / max(1e-3, np.abs(audio).max())).astype(np.float32)


def labelled(audio: np.ndarray) -> Sound:
    """Return a recording with the labels of the offline tracker."""
    features = oscine.analyze(audio, RATE, HOP)
    # Frame t of the features is the instant 64 (t + 1).
    f0_hz = np.concatenate([features.f0_hz[:1].numpy(), features.f0_hz.numpy()])
    voiced = np.concatenate([[False], (features.confidence >= VOICED).numpy()])
    return Sound(audio, f0_hz, voiced, np.ones(len(voiced), bool))


def transposed(audio: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a recording played faster or slower."""
    factor = 2.0 ** random.uniform(-0.6, 0.8)
    return soxr.resample(audio, RATE * factor, RATE).astype(np.float32)


def in_a_room(sound: Sound, random: np.random.Generator) -> Sound:
    """Return the sound with reverberation and noise; the voicing of what rings on is left open."""
    rt60 = random.uniform(0.2, 2.5)
    time = np.arange(int(rt60 * RATE)) / RATE
    tail = random.standard_normal(len(time)) * 10.0 ** (-3 * time / rt60)
    tail[: int(random.uniform(0.001, 0.02) * RATE)] = 0.0
    # Rooms swallow the highs.
    tail = np.convolve(tail, np.exp(-np.arange(16) / random.uniform(0.3, 3.0)), "same")
    tail *= 10.0 ** (random.uniform(-16.0, 2.0) / 20) / np.sqrt((tail**2).sum() + 1e-9)
    tail[0] += 1.0
    n = 1 << int(np.ceil(np.log2(len(sound.audio) + len(tail))))
    wet = np.fft.irfft(np.fft.rfft(sound.audio, n) * np.fft.rfft(tail, n), n)[: len(sound.audio)]
    counts = sound.counts.copy()
    recently = np.convolve(sound.voiced, np.ones(150), "full")[: len(sound.voiced)] > 0
    counts[recently & ~sound.voiced] = False
    return Sound((wet / np.abs(wet).max()).astype(np.float32), sound.f0_hz, sound.voiced, counts)


def with_noise(sound: Sound, random: np.random.Generator) -> Sound:
    """Return the sound with coloured noise, 20 to 60 dB below, and a hum in some."""
    n = len(sound.audio)
    frequency = np.fft.rfftfreq(n, 1 / RATE) + 20.0
    spectrum = np.fft.rfft(random.standard_normal(n)) * frequency ** random.uniform(-1.0, 0.3)
    noise = np.fft.irfft(spectrum, n)
    noise *= 10.0 ** (-random.uniform(20.0, 60.0) / 20) * sound.audio.std() / noise.std()
    if random.random() < 0.2:
        noise += 10.0 ** (-random.uniform(40, 60) / 20) * np.sin(2 * np.pi * 50 * np.arange(n) / RATE)
    return sound._replace(audio=(sound.audio + noise).astype(np.float32))


def made(random: np.random.Generator, length_s: float) -> Sound:
    """Return notes, glides, vibrato, breath, noise and silence, with exact labels."""
    n_frames = int(length_s * RATE) // HOP
    octave, gain_db = np.zeros(n_frames), np.full(n_frames, -120.0)
    voiced = np.zeros(n_frames, bool)
    breath_db = np.full(n_frames, -120.0)
    brightness, formants = np.zeros(n_frames), random.uniform(200, 3500, 4)
    at, pitch = 0, np.log2(random.uniform(80, 900))
    while at < n_frames:
        n = min(int(random.uniform(0.05, 0.9) * 250), n_frames - at)
        here = slice(at, at + n)
        kind = random.random()
        if kind < 0.72:
            legato = at > 0 and voiced[at - 1] and random.random() < 0.7
            pitch += random.choice([-12, -7, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 7, 12]) / 12
            pitch = (
                np.log2(random.uniform(50, 2000)) if random.random() < 0.1 or not 5.7 < pitch < 11 else pitch
            )
            time = np.arange(n) / 250
            curve = np.full(n, pitch)
            if random.random() < 0.5:
                curve += random.uniform(0, 0.08) * np.sin(2 * np.pi * random.uniform(3, 8) * time)
            if random.random() < 0.2:
                curve += random.uniform(-0.5, 0.5) * time
            if legato:
                curve += (octave[at - 1] - pitch) * np.exp(-time / random.uniform(0.002, 0.05))
            octave[here], voiced[here] = curve, True
            envelope = random.uniform(-20, 0) - random.uniform(0, 25) * time
            attack = random.uniform(0.003, 0.1)
            gain_db[here] = (
                envelope if legato else envelope + 20 * np.log10(np.minimum(1, time / attack) + 0.03)
            )
            brightness[here] = random.uniform(-18, -1)
            breath_db[here] = random.uniform(-70, -15)
        elif kind < 0.9:
            breath_db[here] = random.uniform(-50, -5)
        at += n
    return _rendered(random, octave, gain_db, voiced, breath_db, brightness, formants)


def _rendered(
    random: np.random.Generator,
    octave: np.ndarray,
    gain_db: np.ndarray,
    voiced: np.ndarray,
    breath_db: np.ndarray,
    brightness: np.ndarray,
    formants: np.ndarray,
) -> Sound:
    n = len(octave) * HOP
    position = np.arange(n) / HOP
    grid = np.arange(len(octave))
    f0_hz = 2.0 ** np.interp(position, grid, np.where(voiced, octave, 8.0))
    gain = 10.0 ** (np.interp(position, grid, gain_db) / 20) * (np.interp(position, grid, voiced) > 0)
    slope = np.interp(position, grid, brightness) / 6.02
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    kind = random.choice(["all", "all", "odd", "no first", "few"])
    audio = np.zeros(n)
    weights = 10.0 ** (random.uniform(-12, 6, 41) / 20)
    is_sung = random.random() < 0.5
    for k in range(1, 41):
        if (kind == "odd" and k % 2 == 0) or (kind == "no first" and k == 1) or (kind == "few" and k > 3):
            continue
        frequency = k * f0_hz
        if frequency.min() > RATE / 2:
            break
        level = weights[k] * k**slope * (frequency < 0.47 * RATE)
        if is_sung:
            level = level * (0.1 + sum(1 / (1 + ((frequency - f) / (0.12 * f + 40)) ** 2) for f in formants))
        audio += level * np.sin(k * phase + random.uniform(0, 2 * np.pi))
    audio *= gain
    power = np.sqrt((audio[gain > 0.03] ** 2).mean()) if (gain > 0.03).any() else 1.0
    noise = random.standard_normal(n)
    noise = np.convolve(noise, np.exp(-np.arange(12) / random.uniform(0.2, 3.0)), "same")
    breath = noise / noise.std() * 10.0 ** (np.interp(position, grid, breath_db) / 20)
    audio = audio / max(power, 1e-6) + breath
    # A pitch 15 dB below its breath, or 55 dB below the rest, is left open.
    counts = ~voiced | (gain_db > np.maximum(breath_db, -45) - 5)
    peak = max(np.abs(audio).max(), 1e-6)
    return Sound((audio / peak).astype(np.float32), 2.0**octave, voiced & counts, counts)
