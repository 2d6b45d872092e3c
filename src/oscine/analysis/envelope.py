"""The spectral envelope of a sound with a pitch, and how much of it does not repeat from period to period.

A frame is four periods of the sound, resampled so that every period has the same number of samples: vibrato
and glides are gone. With a Hann window over N periods, the spectrum of a sound that repeats has its partials
at bins N, 2 N, …, and is zero half-way between two of them when N is 4. What is there is noise.

* *Power density.* Three periods: the three bins around partial k have the power of the band that is f0 wide.
* *Aperiodicity.* Four periods: the power half-way to the next partials over the power at the partial. Changes
  of level from period to period count as noise too, so the ratio is squared: on studio speech the
  result is then as close as WORLD's (docs/background/laboratory/voice.md).

Reference: Morise, CheapTrick, Speech Communication 67, 2015, which smooths over two thirds of f0 what a
window of three periods sees; Kawahara et al., STRAIGHT, for periods of equal length.
"""

import math

import numpy as np
import soxr
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from oscine.analysis.features import VOICED, Features
from oscine.functional.envelope import envelope_grid_hz

_POWER_PERIODS, _NOISE_PERIODS = 3, 4
#: Power density that no 16-bit sound is below, dB per Hz.
FLOOR_DB = -140.0
#: Ratio of noise to partials at which only one of them is heard, dB.
MOST_RATIO_DB = 60.0
_OVERSAMPLING = 2
_BATCH = 128
_LOWEST_F0_HZ = 40.0
#: Partials over which the aperiodicity is averaged.
_PARTIALS = 5
#: Hann's window squared over its mean squared, in bins: the power of a sine is spread over so many.
_HANN_BINS = 1.5
#: Steepest glide that the frames follow, octaves per second.
_STEEPEST = 12.0
_LAGRANGE = range(-2, 4)


def continuous_f0(features: Features) -> Float[Tensor, " frame"]:
    """Return the pitch with its gaps filled (`fill_f0`), Hz."""
    return fill_f0(features.f0_hz, features.confidence)


def fill_f0(f0_hz: Float[Tensor, " frame"], confidence: Float[Tensor, " frame"]) -> Float[Tensor, " frame"]:
    """Return a pitch with its gaps filled, in a straight line over semitones, Hz.

    Where the tracker finds no pitch, a voice may still have one; the aperiodicity shows it.
    """
    voiced = np.flatnonzero(confidence.numpy() >= VOICED)
    if len(voiced) == 0:
        return f0_hz
    known = np.log(f0_hz.double().numpy()[voiced])
    return torch.from_numpy(np.exp(np.interp(np.arange(len(f0_hz)), voiced, known))).to(f0_hz.dtype)


def spectral_envelope(
    audio: Float32[np.ndarray, " time"],
    f0_hz: Float[Tensor, " frame"],
    sample_rate: int,
    hop_length: int,
    n_bands: int,
) -> Float[Tensor, "frame bands"]:
    """Return the envelope and the ratio of noise at the frames' instants, for `envelope_oscillator`.

    Args:
        audio: Mono; beyond its ends there is silence.
        f0_hz: Fundamental at the instants ``(t + 1) · hop_length``, without gaps (`continuous_f0`); below
            40 Hz it counts as 40 Hz.
        sample_rate: Hz.
        hop_length: Samples per frame.
        n_bands: Points of an envelope, at `oscine.functional.envelope_grid_hz`.

    Returns:
        ``n_bands`` power densities, dB of full scale squared per Hz, at least −140; then as many ratios of
        noise to partials, −60 … 60 dB.

    Raises:
        ValueError: When there is no frame, or there are fewer than 2 bands.
    """
    if len(f0_hz) == 0 or n_bands < 2:
        raise ValueError(
            f"There are {len(f0_hz)} frames and {n_bands} bands; give a frame and 2 bands or more."
        )
    f0 = f0_hz.double().clamp(_LOWEST_F0_HZ, sample_rate / 4).numpy()
    instants_s = np.arange(1, len(f0) + 1) * (hop_length / sample_rate)
    slopes = np.gradient(f0, hop_length / sample_rate) if len(f0) > 1 else np.zeros(1)
    slopes = slopes.clip(-_STEEPEST * f0, _STEEPEST * f0)
    fine_rate = sample_rate * _OVERSAMPLING
    fine = soxr.resample(audio, sample_rate, fine_rate, "VHQ") if len(audio) else np.zeros(1, np.float32)
    # Three periods or four reach two periods to each side of an instant.
    margin = int(fine_rate * 4 / _LOWEST_F0_HZ) + 8
    behind = max(0, int(instants_s[-1] * fine_rate) + margin - len(fine))
    fine = np.pad(fine.astype(np.float64), (margin, behind + margin))
    envelopes = []
    for first in range(0, len(f0), _BATCH):
        part = slice(first, first + _BATCH)
        n_samples = 1 << math.ceil(math.log2(1.1 * sample_rate / f0[part].min()))
        frames = _equal_periods(
            fine, margin + instants_s[part] * fine_rate, f0[part], slopes[part], n_samples, fine_rate
        )
        envelopes.append(_envelopes(frames, f0[part], n_samples, sample_rate, n_bands))
    return torch.from_numpy(np.concatenate(envelopes)).to(torch.float32)


def _equal_periods(
    fine: np.ndarray, centers: np.ndarray, f0: np.ndarray, slopes: np.ndarray, n_samples: int, rate: int
) -> np.ndarray:
    """Return four periods around each instant, ``n_samples`` each, (frame, time).

    Their samples lie where the phase ``f0 t + slope t² / 2`` is a multiple of ``1 / n_samples``; six points
    around each give its value (Lagrange).
    """
    turns = (np.arange(_NOISE_PERIODS * n_samples) - _NOISE_PERIODS * n_samples / 2) / n_samples
    root = np.sqrt(np.maximum(f0[:, None] ** 2 + 2 * slopes[:, None] * turns, (0.25 * f0[:, None]) ** 2))
    times = 2 * turns / (f0[:, None] + root)
    places = (centers[:, None] + times * rate).clip(2, len(fine) - 4)
    below = places.astype(np.int64)
    share = places - below
    values = np.zeros_like(places)
    for i in _LAGRANGE:
        weight = np.ones_like(share)
        for j in _LAGRANGE:
            if j != i:
                weight *= (share - j) / (i - j)
        values += weight * fine[below + i]
    return values


def _power(frames: np.ndarray, n_periods: int, n_samples: int) -> np.ndarray:
    """Return the squared magnitudes of the middle periods; a sine of amplitude a reads (a / 2)²."""
    cut = (_NOISE_PERIODS - n_periods) * n_samples // 2
    middle = frames[:, cut : frames.shape[1] - cut]
    window = np.hanning(middle.shape[1] + 1)[:-1]
    return np.abs(np.fft.rfft(middle * window, axis=1) / window.sum()) ** 2


def _envelopes(
    frames: np.ndarray, f0: np.ndarray, n_samples: int, sample_rate: int, n_bands: int
) -> np.ndarray:
    wide, narrow = (_power(frames, n_periods, n_samples) for n_periods in (_POWER_PERIODS, _NOISE_PERIODS))
    number = np.arange(1, n_samples // 2 - 1)
    partials = _POWER_PERIODS * number
    power = wide[:, partials - 1] + wide[:, partials] + wide[:, partials + 1]
    density = 2 * power / _HANN_BINS / f0[:, None]
    step = _NOISE_PERIODS * number
    between = (narrow[:, step - 2] + narrow[:, step + 2]) / 2
    aperiodicity = (_running_mean(between) / np.maximum(_running_mean(narrow[:, step]), 1e-30)).clip(
        0, 1
    ) ** 2
    bands = _bands(n_bands, sample_rate)
    total, noise = (
        np.stack([_at_bands(row, f, bands) for row, f in zip(one, f0, strict=True)])
        for one in (density, density * aperiodicity)
    )
    ratio = noise / np.maximum(total - noise, 1e-30)
    density_db = 10 * np.log10(np.maximum(total, 10 ** (FLOOR_DB / 10)))
    ratio_db = (10 * np.log10(np.maximum(ratio, 1e-30))).clip(-MOST_RATIO_DB, MOST_RATIO_DB)
    return np.concatenate([density_db, ratio_db], axis=1)


def _running_mean(x: np.ndarray) -> np.ndarray:
    half = _PARTIALS // 2
    total = np.cumsum(np.pad(x, ((0, 0), (half + 1, half)), mode="edge"), axis=1)
    return (total[:, _PARTIALS:] - total[:, :-_PARTIALS]) / _PARTIALS


_STEP_HZ = 8.0


def _bands(n_bands: int, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Return evenly spaced frequencies, and the weights of their mean around each of an envelope's points."""
    grid = envelope_grid_hz(n_bands, sample_rate).numpy()
    even = np.arange(0, sample_rate / 2 + _STEP_HZ, _STEP_HZ)
    edges = np.concatenate([[2 * grid[0] - grid[1]], grid, [2 * grid[-1] - grid[-2]]])
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = np.minimum((even - low) / (peak - low), (high - even) / (high - peak)).clip(0)
    nearest = np.abs(even[None] - peak) <= _STEP_HZ / 2
    weights = np.where(weights.sum(1, keepdims=True) > 0, weights, nearest)
    return even, weights / weights.sum(1, keepdims=True)


def _at_bands(density: np.ndarray, f0: float, bands: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the mean density around each point; between two partials its logarithm is a straight line."""
    even, weights = bands
    known = f0 * np.arange(1, len(density) + 1)
    return weights @ np.exp(np.interp(even, known, np.log(np.maximum(density, 1e-18))))
