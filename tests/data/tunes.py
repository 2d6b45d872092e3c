"""A synthesised recording that can be learned."""

import numpy as np

_SCALE = (0, 2, 4, 5, 7, 9, 11, 12)


def tune(
    seconds: float, sample_rate: int = 16_000, lowest_midi: float = 60, note_s: float = 0.5
) -> np.ndarray:
    """Return a scale up and down as a bowed string might play it: a rest after each phrase."""
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    number = (t / note_s).astype(int)
    steps = np.array([*_SCALE, *_SCALE[::-1]])
    f0_hz = 440 * 2 ** ((lowest_midi + steps[number % 16] - 69) / 12)
    phase = 2 * np.pi * np.cumsum(f0_hz) / sample_rate
    within = t - number * note_s
    envelope = np.minimum(1, np.minimum(within, note_s - within) / 0.02) * (0.3 + 0.7 * (number % 4) / 3)
    partials = [np.sin(k * phase) / k for k in range(1, 13) if k * f0_hz.max() < sample_rate / 2]
    audio = 0.25 * envelope * np.sum(partials, axis=0) * (number % 16 != 15)
    return audio.astype(np.float32)
