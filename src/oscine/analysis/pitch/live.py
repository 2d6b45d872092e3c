"""The live tracker: f0 and voicing from 54 ms of sound, of which 16 ms lie ahead of the instant.

Every 4 ms the normalised difference function (McLeod and Wyvill, 2005) says how well the sound repeats
itself after each lag. From lags that are spaced like pitches, a small convolutional network estimates the
probability of each pitch, and that of having one. It computes the same at each lag, so it treats all pitches
alike. A Bayesian filter follows the pitch from frame to frame. f0 is then the lag near the most probable one,
between two samples, at which the sound repeats itself best. Where the network doubts that there is a pitch,
f0 is that of the last frame in which it did not, so a note that is cut off is held at its own pitch.

The runtime computes the same (runtime/native/tracker.h), from the same weights.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors.torch
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from oscine import weights
from oscine.analysis.signal import ANALYSIS_RATE

HOP = 64
"""Samples at 16 kHz from one decision to the next, 4 ms."""

AHEAD = 256
"""Samples after the instant that are used, 16 ms."""

LONG, SHORT, SHORTEST_LAG, LAGS = 512, 256, 4, 352
LENGTH = LONG + LAGS

BINS_PER_OCTAVE, N_BINS, HIGHEST_HZ = 24, 132, 2093.0045

_LEAST_POWER = 1e-10  # −100 dB
_BATCH = 4096  # frames
_N_TAPS = 8  # of the interpolation between samples
_REACH = 14  # frames that the network's convolutions reach back over
SIDE = 4  # lags on either side, for the refinement
NEAR = 1.045  # three quarters of a semitone
RECENT = 60  # frames: what the level is compared with

BIN_LAGS = ANALYSIS_RATE / HIGHEST_HZ * 2.0 ** (np.arange(N_BINS) / BINS_PER_OCTAVE)
"""The lag of each bin, in samples at 16 kHz."""


class Periodicity(NamedTuple):
    """The input of the network."""

    difference: Float[np.ndarray, "frame window bin"]
    """The normalised difference function over the newest 32 ms and the newest 16 ms, −1 … 1."""
    scalars: Float[np.ndarray, "frame scalar"]
    """Level below the loudest of late, level above silence, and the function at the shortest lag, twice."""


def normalised_difference(
    audio: Float[np.ndarray, " time"], centers: Int[np.ndarray, " frame"]
) -> tuple[Float[np.ndarray, "window frame lag"], Float[np.ndarray, " frame"]]:
    """Return the normalised difference functions at whole lags, and the power of 32 ms.

    ``n(τ) = 2 Σ_j x[j] x[j − τ] / (Σ_j x[j]² + Σ_j x[j − τ]²)``; j runs over the newest 32 ms, or 16 ms of
    them. The newest sample is the 256th from the instant on; beyond the ends of the audio there is silence.
    """
    padded = np.pad(audio.astype(np.float32, copy=False), (LENGTH, LENGTH))
    start = np.clip(centers, -LENGTH, len(audio) + LAGS) + AHEAD
    frames = padded[start[:, None] + np.arange(LENGTH)].astype(np.float64)
    frames -= frames.mean(-1, keepdims=True)
    spectrum = np.fft.rfft(frames).conj()
    energy = np.concatenate([np.zeros((len(frames), 1)), np.cumsum(frames**2, -1)], -1)
    functions = []
    for length in (LONG, SHORT):
        newest = frames.copy()
        newest[:, : LENGTH - length] = 0.0
        product = np.fft.irfft(np.fft.rfft(newest) * spectrum, LENGTH)[:, : LAGS + 1]
        shifted = np.arange(LENGTH, LENGTH - LAGS - 1, -1)
        of_shifted = energy[:, shifted] - energy[:, shifted - length]
        total = of_shifted[:, :1] + of_shifted + 2 * _LEAST_POWER * length
        functions.append(2.0 * product / total)
    power = (energy[:, LENGTH] - energy[:, LENGTH - LONG]) / LONG
    return np.stack(functions), power


def windowed_sinc(u: np.ndarray) -> np.ndarray:
    """Return the weights of samples at these distances, in samples: a sinc under a window of 8 samples."""
    return np.sinc(u) * np.cos(np.pi * u / _N_TAPS) ** 2 * (np.abs(u) < _N_TAPS / 2)


@cache
def interpolation() -> tuple[int, np.ndarray]:
    """Return the number of bins that lie closer than a sample, and the matrix from whole lags to these."""
    n_close = int((BIN_LAGS * (2 ** (1 / 48) - 2 ** (-1 / 48)) < 1.0).sum())
    matrix = np.zeros((n_close, LAGS + 1))
    for row, lag in enumerate(BIN_LAGS[:n_close]):
        tap = int(np.floor(lag)) - _N_TAPS // 2 + 1 + np.arange(_N_TAPS)
        matrix[row, tap] = windowed_sinc(tap - lag)
    return n_close, matrix


def to_bins(functions: Float[np.ndarray, "*shape lag"]) -> Float[np.ndarray, "*shape bin"]:
    """Return a function of whole lags at the bins: interpolated, or the highest value inside the bin."""
    n_close, matrix = interpolation()
    far = BIN_LAGS[n_close:]
    edges = np.ceil(far * 2.0 ** (-1 / 48)).astype(int), np.floor(far * 2.0 ** (1 / 48)).astype(int) + 1
    highest = [functions[..., a:b].max(-1, keepdims=True) for a, b in zip(*edges, strict=True)]
    return np.concatenate([functions @ matrix.T, *highest], -1)


def periodicity(
    audio: Float[np.ndarray, " time"], centers: Int[np.ndarray, " frame"], n_recent: int = RECENT
) -> Periodicity:
    """Return what the network is given.

    Args:
        audio: Mono at 16 kHz.
        centers: Consecutive instants, ``HOP`` samples apart.
        n_recent: The level is compared with the loudest of so many frames.
    """
    parts, shortest, power = [], [], []
    for begin in range(0, len(centers), _BATCH):
        functions, one = normalised_difference(audio, centers[begin : begin + _BATCH])
        parts.append(to_bins(functions).transpose(1, 0, 2).astype(np.float32))
        shortest.append(functions[:, :, SHORTEST_LAG].T)
        power.append(one)
    level_db = 10.0 * np.log10(np.concatenate(power) + _LEAST_POWER)
    recent_db = np.lib.stride_tricks.sliding_window_view(
        np.pad(level_db, (n_recent - 1, 0), constant_values=-100.0), n_recent
    ).max(-1)
    levels = np.stack([(level_db - recent_db) / 20.0, np.clip((level_db + 80.0) / 25.0, 0.0, 1.0)], -1)
    scalars = np.concatenate([levels, np.concatenate(shortest)], -1).astype(np.float32)
    return Periodicity(np.concatenate(parts), scalars)


class LiveNetwork(nn.Module):
    """Periodicity → the logit of each pitch, and of having one.

    Its convolutions are causal in time. Every second one reaches two octaves up and down in steps of half an
    octave, which tells a period from its multiples.

    Args:
        channels: Of every convolution.
        n_voicing: Width of the layer before the logit of voicing.
    """

    KERNELS = ((3, 5), (1, 9), (3, 3), (1, 9), (3, 3))
    DILATIONS = ((1, 1), (1, 12), (2, 1), (1, 12), (4, 1))
    """Of each convolution, over time and over the lags."""

    def __init__(self, channels: int = 12, n_voicing: int = 16) -> None:
        super().__init__()
        inputs = (2, *(channels for _ in self.KERNELS[1:]))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(n, channels, kernel, dilation=dilation)
            for n, kernel, dilation in zip(inputs, self.KERNELS, self.DILATIONS, strict=True)
        )
        self.pitch = nn.Linear(channels, 1)
        self.hidden = nn.Linear(2 * channels + 5, n_voicing)
        self.voicing = nn.Linear(n_voicing, 1)

    def forward(
        self,
        difference: Float[Tensor, "batch frame window bin"],
        scalars: Float[Tensor, "batch frame scalar"],
    ) -> tuple[Float[Tensor, "batch frame bin"], Float[Tensor, "batch frame"]]:
        """Return the logits of the pitches and of voicing; the frames before the first one are all zero."""
        x = difference.transpose(1, 2).contiguous(memory_format=torch.channels_last)
        for convolution, kernel, dilation in zip(
            self.convolutions, self.KERNELS, self.DILATIONS, strict=True
        ):
            reach = (kernel[1] - 1) * dilation[1] // 2
            x = convolution(nn.functional.pad(x, (reach, reach, (kernel[0] - 1) * dilation[0], 0))).relu()
        hidden = x.permute(0, 2, 3, 1)
        logits = self.pitch(hidden).squeeze(-1)
        probability = logits.softmax(-1)
        at_pitch = (probability[..., None] * hidden).sum(-2)
        highest = probability.amax(-1, keepdim=True)
        features = torch.cat([at_pitch, hidden.mean(-2), highest, scalars], -1)
        return logits, self.voicing(self.hidden(features).relu()).squeeze(-1)


@cache
def load_network() -> LiveNetwork:
    """Return the network with the package's weights."""
    return network_from(weights.path("live_pitch"))


def network_from(path: Path) -> LiveNetwork:
    """Return a network with the weights of a safetensors file."""
    tensors = safetensors.torch.load_file(path)
    network = LiveNetwork(tensors["pitch.weight"].shape[1], tensors["hidden.weight"].shape[0])
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return network.eval()


LEAP, MOVE, CHANGE = 0.1, 0.2, 0.1
"""Probability, in 4 ms, that the pitch leaps, moves to the next bin, begins or ends."""

CLEAR, CLEAR_AFTER_A_LEAP, LEAST_LEAP = 0.5, 0.9, 13
"""From which probability of voicing on f0 follows the sound, and does so over that many bins or more."""

LEAST_LEVEL = 0.2
"""Of the level that the network gets: below it, at −75 dB of full scale, there is no pitch."""

NO_PITCH_HZ = 440.0
"""f0 before the first pitch."""


def audible(
    voicing: Float[np.ndarray, " frame"], scalars: Float[np.ndarray, "frame scalar"]
) -> Float[np.ndarray, " frame"]:
    """Return the probability of having a pitch, 0 in frames that are as good as silent.

    A fading tone repeats itself exactly down to the last bit, so the network alone follows it far too long.
    """
    return np.where(scalars[:, 1] < LEAST_LEVEL, 0.0, voicing)


class Followed(NamedTuple):
    """The results of the filters, frame by frame."""

    bins: Int[np.ndarray, " frame"]
    """The most probable bin of the last clear frame."""
    confidence: Float[np.ndarray, " frame"]
    """The probability of having a pitch, given all frames so far."""
    clear: Int[np.ndarray, " frame"]
    """The last clear frame up to this one, or −1."""


def follow(pitch: Float[np.ndarray, "frame bin"], voicing: Float[np.ndarray, " frame"]) -> Followed:
    """Follow the pitch by two Bayesian filters that use only the past.

    A frame that the network calls unvoiced says nothing about the pitch. A frame is clear where there is a
    pitch and the network sees it in this very frame: with a probability of 0.5, or of 0.9 where the pitch has
    leapt by more than half an octave, because a hard cut looks like a very high pitch for a few frames.

    Args:
        pitch: Probabilities of the network, whose sum is 1 in each frame.
        voicing: Its probability of having a pitch.
    """
    pitch_probabilities, confidence, held, last = np.full(N_BINS, 1.0 / N_BINS), 0.0, 0, -1
    bins, clear = np.empty(len(pitch), np.int64), np.empty(len(pitch), np.int64)
    confidences = np.empty(len(pitch))
    for frame, (likely, voiced) in enumerate(zip(pitch, voicing, strict=True)):
        before = confidence * (1.0 - CHANGE) + (1.0 - confidence) * CHANGE
        yes, no = before * voiced, (1.0 - before) * (1.0 - voiced)
        confidence = yes / (yes + no)
        stays = (1.0 - 2.0 * MOVE) * pitch_probabilities
        stays[1:] += MOVE * pitch_probabilities[:-1]
        stays[:-1] += MOVE * pitch_probabilities[1:]
        pitch_probabilities = (1.0 - LEAP) * stays + LEAP / N_BINS
        if voiced >= CLEAR:
            pitch_probabilities *= likely
        pitch_probabilities /= pitch_probabilities.sum()
        best = int(pitch_probabilities.argmax())
        is_leap = last >= 0 and abs(best - held) >= LEAST_LEAP
        if confidence >= 0.5 and voiced >= (CLEAR_AFTER_A_LEAP if is_leap else CLEAR):
            held, last = best, frame
        bins[frame], confidences[frame], clear[frame] = held, confidence, last
    return Followed(bins, confidences, clear)


def refined_hz(
    audio: Float[np.ndarray, " time"], centers: Int[np.ndarray, " frame"], bins: Int[np.ndarray, " frame"]
) -> Float[np.ndarray, " frame"]:
    """Return the f0 of the best lag within three quarters of a semitone of a bin, between two samples.

    Between whole lags the function is interpolated to quarters of a sample, and between those by a parabola.
    Without a peak there, f0 is that of the bin.
    """
    lag = BIN_LAGS[bins]
    low = np.maximum((lag / NEAR).astype(int) - 1, SHORTEST_LAG)
    high = np.minimum((lag * NEAR).astype(int) + 2, LAGS - SIDE)
    whole, side = np.arange(LAGS + 1), np.arange(-SIDE, SIDE + 1)
    quarter = np.arange(-4, 5) / 4
    to_quarters = windowed_sinc(side[:, None] - quarter)
    refined = lag.copy()
    for begin in range(0, len(centers), _BATCH):
        part = slice(begin, begin + _BATCH)
        (function, _), _ = normalised_difference(audio, centers[part])
        inside = (whole > low[part, None]) & (whole < high[part, None])
        best = np.where(inside, function, -2.0).argmax(-1)
        row = np.arange(len(best))
        around = function[row[:, None], best[:, None] + side]
        is_peak = (around[:, SIDE - 1] <= around[:, SIDE]) & (around[:, SIDE + 1] <= around[:, SIDE])
        fine = around @ to_quarters
        highest = fine[:, 1:-1].argmax(-1) + 1
        fall = fine[row, highest - 1] - fine[row, highest]
        rise = fine[row, highest + 1] - fine[row, highest]
        bend = np.where(fall + rise < -1e-12, fall + rise, -np.inf)
        offset = np.clip(0.5 * (fall - rise) / bend, -0.5, 0.5)
        found = best + (highest + offset) / 4 - 1.0
        is_near = (found > lag[part] / NEAR) & (found < lag[part] * NEAR)
        refined[part] = np.where(is_peak & is_near, found, lag[part])
    return ANALYSIS_RATE / refined


def live_pitch(
    audio: Float[np.ndarray, " time"], centers: Int[np.ndarray, " frame"]
) -> tuple[Float[np.ndarray, " frame"], Float[np.ndarray, " frame"]]:
    """Return the live tracker's f0 and confidence at given instants.

    The decision at an instant is that of the multiple of ``HOP`` at or before it. f0 is refined at the
    instant itself where that decision is clear, and otherwise held.

    Args:
        audio: Mono at 16 kHz, in −1 … 1; beyond its ends there is silence.
        centers: The instants in samples.

    Returns:
        ``f0_hz`` (46 … 2200; 440 before the first pitch) and ``confidence`` (0 … 1).
    """
    if len(centers) == 0:
        return np.zeros(0), np.zeros(0)
    decided = np.maximum(centers, 0) // HOP
    given = periodicity(audio, np.arange(decided.max() + 1) * HOP)
    pitch, voicing = [], []
    network = load_network()
    with torch.inference_mode():
        # Each part is preceded by what the convolutions reach back over.
        for begin in range(0, len(given.scalars), _BATCH):
            lead = min(begin, _REACH)
            part = slice(begin - lead, begin + _BATCH)
            logits, voiced = network(
                torch.from_numpy(given.difference[part])[None], torch.from_numpy(given.scalars[part])[None]
            )
            pitch.append(logits[0, lead:].double().softmax(-1).numpy())
            voicing.append(audible(voiced[0, lead:].double().sigmoid().numpy(), given.scalars[part][lead:]))
    bins, confidence, clear = (one[decided] for one in follow(np.concatenate(pitch), np.concatenate(voicing)))
    f0_hz = refined_hz(audio, np.where(clear == decided, centers, clear * HOP), bins)
    return np.where(clear < 0, NO_PITCH_HZ, f0_hz), confidence
