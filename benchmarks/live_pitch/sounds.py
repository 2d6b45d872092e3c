"""What the live tracker learns from: recordings that the offline tracker labels, and sounds made by code."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr

import oscine
from oscine.analysis import VOICED
from oscine.audio import rate_of, sound_blocks

RATE = 16000
HOP = 64

_IN_DOUBT = 0.25  # a confidence of the offline tracker from here to where a pitch begins: mostly a chord
_NOTE_DELAY_S = 0.05  # from a note in a score to its sound
_RINGS_DB, _RINGS_FRAMES = -25.0, 150


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


def labelled(audio: np.ndarray, is_instrument: bool = False) -> Sound:
    """Return a recording with the labels of the offline tracker.

    Of an instrument, the voicing is left open where that tracker is in doubt, which is mostly in a chord.
    """
    features = oscine.analyze(audio, RATE, HOP)
    # Frame t of the features is the instant 64 (t + 1).
    f0_hz = np.concatenate([features.f0_hz[:1].numpy(), features.f0_hz.numpy()])
    confidence = np.concatenate([[0.0], features.confidence.numpy()])
    voiced = confidence >= VOICED
    counts = voiced | (confidence < _IN_DOUBT) if is_instrument else np.ones(len(voiced), bool)
    return Sound(audio, f0_hz, voiced, counts)


def with_octaves_of(score: Path, sound: Sound, begin: int) -> Sound:
    """Return the sound with its labels in the octaves of a score.

    Args:
        score: A table with the columns ``onset_s``, ``dur_s`` and ``midi``.
        sound: Of the same recording.
        begin: The recording's sample with which the sound begins.
    """
    note = np.full(len(sound.voiced), np.nan)
    with score.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            on = (float(row["onset_s"]) + _NOTE_DELAY_S) * RATE - begin
            off = on + float(row["dur_s"]) * RATE
            note[max(0, int(on / HOP)) : max(0, int(off / HOP))] = float(row["midi"])
    off = 69.0 + 12.0 * np.log2(np.maximum(sound.f0_hz, 1.0) / 440.0) - note
    octaves = np.round(off / 12.0)
    is_other = (octaves != 0) & (np.abs(off - 12.0 * octaves) < 0.6)  # not where there is no note
    return sound._replace(f0_hz=np.where(is_other, sound.f0_hz / 2.0 ** np.nan_to_num(octaves), sound.f0_hz))


def transposed(sound: Sound, random: np.random.Generator) -> Sound:
    """Return the sound played faster or slower."""
    factor = 2.0 ** random.uniform(-0.6, 0.8)
    audio = soxr.resample(sound.audio, RATE * factor, RATE).astype(np.float32)
    at = np.round(np.arange(int(len(sound.voiced) / factor)) * factor).astype(int)
    at = np.minimum(at, len(sound.voiced) - 1)
    return Sound(audio, sound.f0_hz[at] * factor, sound.voiced[at], sound.counts[at])


def with_pauses(sound: Sound, random: np.random.Generator) -> Sound:
    """Return the sound with pauses of 50 to 600 ms in it, that begin and end at once or within 80 ms.

    There is no pitch where the sound is 30 dB softer; from 10 dB on this is left open.
    """
    n = len(sound.voiced)
    gain_db, at = np.zeros(n), 0
    while (at := at + int(random.uniform(0.3, 2.5) * RATE / HOP)) < n:
        length = int(random.uniform(0.05, 0.6) * RATE / HOP)
        depth = random.uniform(-90.0, -40.0)
        time = np.arange(length)
        fade = np.minimum(time / random.uniform(1.0, 20.0), (length - 1 - time) / random.uniform(1.0, 10.0))
        gain_db[at : at + length] = (depth * np.minimum(1.0, fade))[: n - at]
        at += length
    gain = 10.0 ** (np.interp(np.arange(len(sound.audio)) / HOP, np.arange(n), gain_db) / 20)
    voiced = sound.voiced & (gain_db > -30.0)
    counts = sound.counts & ((gain_db > -10.0) | (gain_db <= -30.0)) | (gain_db <= -30.0)
    return Sound((sound.audio * gain).astype(np.float32), sound.f0_hz, voiced, counts)


def in_a_room(sound: Sound, random: np.random.Generator) -> Sound:
    """Return the sound with reverberation; the voicing of what rings on is left open.

    Nothing rings on where the level is 25 dB below the loudest of the last 0.6 s, or after these.
    """
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
    n_frames = len(sound.voiced)
    recently = np.convolve(sound.voiced, np.ones(_RINGS_FRAMES), "full")[:n_frames] > 0
    level_db = _levels_db(wet, n_frames)
    lately = np.pad(level_db, (_RINGS_FRAMES - 1, 0), constant_values=-200.0)
    loudest_db = np.lib.stride_tricks.sliding_window_view(lately, _RINGS_FRAMES).max(-1)
    rings = recently & ~sound.voiced & (level_db > loudest_db + _RINGS_DB)
    wet /= max(np.abs(wet).max(), 1e-6)
    return Sound(wet.astype(np.float32), sound.f0_hz, sound.voiced, sound.counts & ~rings)


def _levels_db(audio: np.ndarray, n_frames: int) -> np.ndarray:
    """Return the level of the 32 ms around each instant."""
    reach = 4 * HOP
    power = np.concatenate([[0.0], np.cumsum(np.pad(audio.astype(np.float64), (reach, reach + HOP)) ** 2)])
    at = np.minimum(np.arange(n_frames) * HOP, len(audio))
    return 10.0 * np.log10((power[at + 2 * reach] - power[at]) / (2 * reach) + 1e-12)


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
    if kind == "no first":
        # Without overtones its second harmonic is the pitch.
        slope = np.maximum(slope, -1.0)
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
