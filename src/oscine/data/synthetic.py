"""Synthetic tones with the controls that made them: endless, licensed by nobody, and the truth is known.

Notes of many kinds, held and plucked, nasal and hollow, breathy and clean, gliding and trembling, played by
the library's own oscillator and noise. Instruments differ in what is drawn here; what they share, partials at
the multiples of f0 below resonances that stay where they are while f0 moves, is built in. So a network that
learns pitch from these tones can extract it from new recordings.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.functional.activations import normalize_distribution
from oscine.functional.units import midi_to_hz
from oscine.processors import FilteredNoise, HarmonicOscillator

LOWEST_MIDI, HIGHEST_MIDI = 24.0, 96.0
_SILENT_DB = -100.0

Random = np.random.Generator


class SyntheticTones(NamedTuple):
    """A batch of tones and how they were made."""

    controls: dict[str, Tensor]
    """By the names that `HarmonicOscillator` and `FilteredNoise` declare: f0_hz (batch, frame), amplitude
    (batch, frame), harmonic_distribution (batch, frame, harmonic), of sum 1 below Nyquist, and
    noise_magnitudes (batch, frame, band)."""
    audio: Float[Tensor, "batch time"]

    def map(self, function: Callable[[Tensor], Tensor]) -> "SyntheticTones":
        """Return tones of what the function makes of each tensor."""
        controls = {name: function(control) for name, control in self.controls.items()}
        return SyntheticTones(controls, function(self.audio))


class _Melody(NamedTuple):
    """Pitch and loudness of one item, frame by frame."""

    midi: np.ndarray
    level_db: np.ndarray
    since_onset_s: np.ndarray


def synthetic_tones(
    seed: int,
    step: int,
    batch_size: int,
    n_frames: int,
    *,
    sample_rate: int = 16000,
    hop_length: int = 64,
    n_harmonics: int = 100,
    n_bands: int = 65,
) -> SyntheticTones:
    """Return the batch of one training step: a pure function of the arguments.

    Pitch is uniform over MIDI 24 … 96, before vibrato; levels reach from −60 dB to full scale, with silence
    between some of the notes, where f0 rests at the pitch before.

    Args:
        seed: Of the training run, 0 or more.
        step: Number of the training step, 0 or more.
        batch_size: Items, each a few notes of one instrument.
        n_frames: Frames of each item.
        sample_rate: Hz.
        hop_length: Samples per frame.
        n_harmonics: Channels of the harmonic distribution.
        n_bands: Channels of the noise magnitudes.

    Raises:
        InputError: When a size is not positive, or seed or step negative.

    Reference: Engel et al., Self-supervised Pitch Detection by Inverse Audio Synthesis, ICML 2020 workshop.
        There the spectra are random; ours have tilts, resonances and missing partials, as instruments do.

    Examples:
        >>> tones = synthetic_tones(0, 0, 2, 250)
        >>> tones.audio.shape, sorted(tones.controls)
        (torch.Size([2, 16000]), ['amplitude', 'f0_hz', 'harmonic_distribution', 'noise_magnitudes'])
    """
    sizes = (batch_size, n_frames, sample_rate, hop_length, n_harmonics)
    if min(sizes) < 1 or n_bands < 2 or min(seed, step) < 0:
        raise InputError(
            f"{batch_size} × {n_frames} frames at {sample_rate} Hz, hop {hop_length}, {n_harmonics} "
            f"harmonics, {n_bands} bands, seed {seed}, step {step} can't be made; give positive sizes, two "
            "bands at least, and a seed and a step of 0 or more."
        )
    random = np.random.Generator(np.random.Philox(key=[seed, step]))
    frame_rate = sample_rate / hop_length
    rows = [_item(random, n_frames, frame_rate, sample_rate, n_harmonics, n_bands) for _ in range(batch_size)]
    f0_hz, amplitude, distribution, magnitudes = (
        torch.from_numpy(np.stack(part).astype(np.float32)) for part in zip(*rows, strict=True)
    )
    number = torch.arange(1, n_harmonics + 1)
    distribution = normalize_distribution(distribution * (f0_hz.unsqueeze(-1) * number < sample_rate / 2))
    controls = {
        "f0_hz": f0_hz,
        "amplitude": amplitude,
        "harmonic_distribution": distribution,
        "noise_magnitudes": magnitudes,
    }
    noise = FilteredNoise(n_bands, hop_length)
    noise_seed = int(random.integers(2**62))
    with torch.no_grad():
        audio = HarmonicOscillator(n_harmonics, sample_rate, hop_length)(f0_hz, amplitude, distribution)
        audio = audio + noise.step(magnitudes, state=noise.init_state(batch_size, noise_seed))[0]
    return SyntheticTones(controls, audio)


def _item(
    random: Random, n_frames: int, frame_rate: float, sample_rate: int, n_harmonics: int, n_bands: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return f0 in Hz, amplitude, weights of the harmonics and magnitudes of the noise of one item."""
    plucked = random.random() < 0.35
    melody = _melody(random, n_frames, frame_rate, plucked)
    f0_hz = midi_to_hz(torch.from_numpy(melody.midi)).numpy()
    amplitude = _linear(melody.level_db)
    weights_db = _timbre_db(random, f0_hz, melody, n_harmonics, plucked)
    weights = np.exp((weights_db - weights_db.max(-1, keepdims=True)).astype(np.float32) * np.log(10) / 20)
    return f0_hz, amplitude, weights, _noise(random, melody, sample_rate, n_bands)


def _linear(level_db: np.ndarray) -> np.ndarray:
    """Return the amplitude, exactly 0 from the level of silence down."""
    return np.where(level_db > _SILENT_DB, 10.0 ** (level_db / 20), 0.0)


def _sometimes(random: Random, share: float, low: float, high: float) -> float:
    """Return a uniform number in a share of the cases, else 0; it draws the same count of numbers always."""
    chosen, value = random.random() < share, random.uniform(low, high)
    return value if chosen else 0.0


def _melody(random: Random, n_frames: int, frame_rate: float, plucked: bool) -> _Melody:
    midi, level_db = np.empty(n_frames), np.full(n_frames, _SILENT_DB)
    since_onset_s = np.zeros(n_frames)
    loudest_db = random.uniform(-35.0, 0.0)
    detached, gliding_s = _sometimes(random, 0.5, 0.02, 0.4), _sometimes(random, 0.5, 0.02, 0.25)
    length_s = 10.0 ** random.uniform(-0.9, 0.6)
    start, before = 0, None
    while start < n_frames:
        # The first note may have begun before the crop.
        age_s = random.uniform(0.0, length_s) if start == 0 and random.random() < 0.5 else 0.0
        held = max(2, round((length_s * random.uniform(0.5, 1.5) - age_s) * frame_rate))
        pause = round(detached * random.uniform(0.5, 1.5) * frame_rate)
        stop = min(n_frames, start + held + pause)
        time_s = np.arange(1, stop - start + 1) / frame_rate
        note = random.uniform(LOWEST_MIDI, HIGHEST_MIDI)
        if before is not None and random.random() < 0.7:
            # A step or a leap from the note before, mirrored at the ends of the range.
            note = LOWEST_MIDI + abs(before + random.normal(0.0, 5.0) - LOWEST_MIDI)
            note = HIGHEST_MIDI - abs(HIGHEST_MIDI - note)
        midi[start:stop] = note
        if before is not None and gliding_s and not pause:
            arrived = np.clip(time_s / gliding_s, 0.0, 1.0)
            midi[start:stop] -= (note - before) * (0.5 + 0.5 * np.cos(np.pi * arrived))
        loud_db = loudest_db + random.uniform(-15.0, 0.0)
        tail_s = pause / frame_rate
        level_db[start:stop] = (
            _envelope_db(random, time_s, age_s, held / frame_rate, tail_s, plucked) + loud_db
        )
        since_onset_s[start:stop] = time_s + age_s
        start, before = stop, note
    midi += _vibrato(random, since_onset_s, frame_rate)
    level_db = np.where(level_db > _SILENT_DB, level_db, _SILENT_DB)
    return _Melody(midi, level_db, since_onset_s)


def _envelope_db(
    random: Random, time_s: np.ndarray, age_s: float, held_s: float, tail_s: float, plucked: bool
) -> np.ndarray:
    """Return attack, decay or swell, and release of one note, dB, 0 at its height."""
    attack_s = random.uniform(0.002, 0.02) if plucked else 10.0 ** random.uniform(-2.0, -0.6)
    decay = 10.0 ** random.uniform(0.7, 2.0) if plucked else random.uniform(-5.0, 15.0)
    release_s = min(10.0 ** random.uniform(-1.7, -0.5), tail_s)
    swell_db = 0.0 if plucked else _sometimes(random, 0.4, 2.0, 12.0)
    age = time_s + age_s
    rising = np.clip(age / attack_s, 1e-3, 1.0)
    middle = np.clip(time_s / held_s, 0.0, 1.0)
    level_db = 20.0 * np.log10(rising) - decay * age - swell_db * (1.0 - np.sin(np.pi * middle))
    if not tail_s:
        return np.minimum(level_db, 0.0)
    after_s = np.clip(time_s - held_s, 0.0, None)
    level_db = np.minimum(level_db, 0.0) - 60.0 * after_s / max(release_s, 1e-3)
    return np.where(after_s > release_s, -np.inf, level_db)


def _vibrato(random: Random, since_onset_s: np.ndarray, frame_rate: float) -> np.ndarray:
    """Return what is added to the pitch, semitones: a vibrato that sets in, and a slow unsteadiness."""
    depth = _sometimes(random, 0.5, 0.05, 0.8)
    rate_hz, delay_s = random.uniform(4.0, 8.0), random.uniform(0.0, 0.5)
    n_frames = len(since_onset_s)
    phase = 2 * np.pi * (rate_hz * np.arange(n_frames) / frame_rate + random.random())
    grown = np.clip((since_onset_s - delay_s) / 0.3, 0.0, 1.0)
    return depth * grown * np.sin(phase) + random.uniform(0.0, 0.1) * _wander(random, n_frames, frame_rate)


def _wander(random: Random, n_frames: int, frame_rate: float, rate_hz: float = 4.0) -> np.ndarray:
    """Return a smooth random curve of about unit size: random knots, straight lines between them."""
    knots = random.normal(size=int(n_frames * rate_hz / frame_rate) + 2)
    return np.interp(np.arange(n_frames) * rate_hz / frame_rate, np.arange(len(knots)), knots)


def _timbre_db(
    random: Random, f0_hz: np.ndarray, melody: _Melody, n_harmonics: int, plucked: bool
) -> np.ndarray:
    """Return the levels of the harmonics, dB, (frame, harmonic), one instrument's over its notes."""
    number = np.arange(1, n_harmonics + 1)
    octave = np.log2(number)
    fixed_db = random.normal(size=n_harmonics) * random.uniform(0.0, 8.0)
    fixed_db[1::2] -= _sometimes(random, 0.25, 5.0, 60.0)  # hollow: the even harmonics are weak
    fixed_db[0] -= _sometimes(random, 0.15, 10.0, 60.0)  # a small body hardly sounds the fundamental
    where = _sometimes(random, 0.25, 0.05, 0.5)
    if where:  # plucked, struck or bowed at a point of the string
        fixed_db += 20.0 * np.log10(np.abs(np.sin(np.pi * number * where)) + 0.03)
    last = _sometimes(random, 0.4, 0.0, 1.0)
    if last:
        fixed_db -= 60.0 * np.clip(number / n_harmonics**last - 1.0, 0.0, 1.0)
    # Louder is brighter, and the high partials of a string die first.
    slope_db = -random.uniform(-3.0, 12.0) + random.uniform(0.0, 0.1) * np.clip(melody.level_db, -60.0, 0.0)
    if plucked:
        slope_db = slope_db - random.uniform(0.0, 15.0) * np.minimum(melody.since_onset_s, 2.0)
    level_db = fixed_db + slope_db[:, None] * octave
    log_hz = np.log2(f0_hz)[:, None] + octave
    for _ in range(int(random.integers(0, 5))):
        center, width = np.log2(10.0 ** random.uniform(2.3, 3.8)), random.uniform(0.1, 0.8)
        height_db = random.uniform(3.0, 25.0)
        # A vowel's resonances move, a body's do not.
        center = center + _sometimes(random, 0.3, 0.0, 0.3) * _wander(random, len(f0_hz), 250.0)
        level_db += height_db / (1.0 + ((log_hz - center[:, None]) / width) ** 2)
    return level_db


def _noise(random: Random, melody: _Melody, sample_rate: int, n_bands: int) -> np.ndarray:
    """Return magnitudes (frame, band): breath that follows the tone, a burst at its onset, and the room."""
    band_hz = np.linspace(0.0, sample_rate / 2, n_bands)
    octave = np.log2(np.maximum(band_hz, 50.0) / 1000.0)
    shapes_db = random.uniform(-9.0, 4.0, size=(2, 1)) * octave
    center, width = np.log2(10.0 ** random.uniform(2.5, 3.8) / 1000.0), random.uniform(0.3, 1.5)
    shapes_db[0] += _sometimes(random, 0.5, 5.0, 20.0) / (1.0 + ((octave - center) / width) ** 2)
    shapes_db -= shapes_db.max(-1, keepdims=True)
    breath_db = -12.0 - 60.0 * random.beta(1.5, 1.5)
    follows = random.uniform(0.5, 1.0)
    burst_db, burst_s = _sometimes(random, 0.4, 10.0, 30.0), 10.0 ** random.uniform(-2.0, -1.0)
    room_db = -_sometimes(random, 0.7, 55.0, 95.0)
    tone_db = melody.level_db
    level_db = tone_db.max() + follows * (tone_db - tone_db.max()) + breath_db
    level_db = level_db + burst_db * np.exp(-melody.since_onset_s / burst_s)
    level_db = np.where(tone_db > _SILENT_DB, np.minimum(level_db, -10.0), _SILENT_DB)
    power = 10.0 ** ((level_db[:, None] + shapes_db[0]) / 10.0)
    if room_db:
        power = power + 10.0 ** ((room_db + shapes_db[1]) / 10.0)
    return np.sqrt(power)
