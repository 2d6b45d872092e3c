"""Sounds whose pitch is known at every instant."""

import numpy as np


def vibrato_tone(f0_hz, cents=50.0, rate_hz=6.0, seconds=2.0, sample_rate=16000, highest_hz=7000.0, seed=0):
    """Return a tone of 1/k partials, float64, and the function from time in seconds to its pitch in Hz.

    With ``f = f0 2^(c/1200 sin(2π r t))`` the phase is the integral of f, here in steps of 1/8 sample.
    """
    fine = 8
    time_s = (np.arange(round(seconds * sample_rate) * fine) + 0.5) / (fine * sample_rate)

    def pitch(at_s):
        return f0_hz * 2 ** (cents / 1200 * np.sin(2 * np.pi * rate_hz * np.asarray(at_s)))

    turns = np.concatenate([[0.0], np.cumsum(pitch(time_s)) / (fine * sample_rate)])[:-1:fine]
    start = np.random.default_rng(seed).uniform(size=200)
    partials = range(1, max(1, int(highest_hz / (f0_hz * 2 ** (cents / 1200)))) + 1)
    tone = np.sum([np.sin(2 * np.pi * (k * turns + start[k])) / k for k in partials if k < 200], axis=0)
    return 0.4 * tone / np.abs(tone).max(), pitch
