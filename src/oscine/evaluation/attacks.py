"""How notes begin: the steepness of the rise above 3 kHz, and the time of the rise."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from oscine.analysis import Features
from oscine.functional.onset import RISE_DB, RISE_S, time_since_onset_s
from oscine.functional.units import power_to_db

BRIGHT_HZ = 3_000.0
"""The steepness is that of what lies above."""

_STEP_S = 0.001
_SMOOTH_S = 0.01
_OVER_S = 0.01
_FILTER_S = 0.004
_BEFORE_S, _AFTER_S, _LATE_S = 0.06, 0.15, 0.04
_LOW, _HIGH = 0.1, 0.9
#: A level further below the loudest of an attack does not count as its beginning.
_RANGE_DB = 20.0


class Attacks(NamedTuple):
    """One value for each onset of the recording."""

    steepness_db: Float[Tensor, " onset"]
    """The largest rise within 10 ms above 3 kHz, dB."""
    rise_s: Float[Tensor, " onset"]
    """From 10 to 90 % of the largest amplitude; NaN where it begins at more than 10 %."""


def onsets(features: Features) -> Int[Tensor, " onset"]:
    """Return the samples at which notes begin (`time_since_onset_s`).

    The start of the sound is one if the loudness rises there as much as at any other onset: recordings of
    single notes begin with the note.

    Args:
        features: Of the recording.
    """
    loudness_db = features.loudness_db
    since_s = time_since_onset_s(features.confidence[None], loudness_db[None], features.frame_rate)
    frames = (since_s[0, 1:] == 0).nonzero().flatten() + 1
    begun = loudness_db[: 1 + math.ceil(RISE_S * features.frame_rate)]
    starts = len(begun) > 0 and bool(begun.max() - begun[0] >= RISE_DB)
    return torch.cat([frames.new_zeros(int(starts)), (frames + 1) * features.hop_length])


def attacks(
    audio: Float[Tensor, " time"],
    onsets: Int[Tensor, " onset"],
    sample_rate: int,
    *,
    highest_hz: float,
    floor_db: float,
) -> Attacks:
    """Return the attacks of a sound near given onsets.

    Envelopes are mean squares over 10 ms (Hann), every millisecond: of the band from 3 kHz to the cut-off for
    the steepness, of everything for the rise. An attack may lie from 60 ms before an onset to 150 ms after;
    before the sound there is silence. What is over 20 dB below the loudest of these 210 ms does not count.

    Args:
        audio: The recording or an output.
        onsets: Samples at which the notes begin, of the recording for both.
        sample_rate: In Hz.
        highest_hz: The recording's cut-off.
        floor_db: Level, in dB of a mean square of 1, below which there is silence.

    Returns:
        Of each onset that is 150 ms or more before the end of the sound.
    """
    audio = torch.nn.functional.pad(audio, (round(_BEFORE_S * sample_rate), 0))
    before, after = round(_BEFORE_S / _STEP_S), round(_AFTER_S / _STEP_S)
    n_steps = int(len(audio) / sample_rate / _STEP_S + 1e-9)
    steps = torch.round(onsets.double() / sample_rate / _STEP_S).long() + before
    steps = steps[steps + after < n_steps]
    around = steps[:, None] + torch.arange(-before, after)
    bright = band_pass(audio, sample_rate, BRIGHT_HZ, highest_hz)
    bright_db = power_to_db(_envelope(bright, sample_rate), floor_db)
    over = round(_OVER_S / _STEP_S)
    everything = _envelope(audio, sample_rate).clamp(min=10.0 ** (floor_db / 10.0)).sqrt()[around]
    if not len(steps):
        return Attacks(bright_db.new_zeros(0), _rise_s(everything))
    near_db = bright_db[around]
    near_db = near_db.clamp(min=near_db.amax(-1, keepdim=True) - _RANGE_DB)
    return Attacks((near_db[:, over:] - near_db[:, :-over]).amax(-1), _rise_s(everything))


def band_pass(
    audio: Float[Tensor, " time"], sample_rate: int, lowest_hz: float, highest_hz: float
) -> Float[Tensor, " time"]:
    """Return what lies between two frequencies, in phase: a linear-phase FIR of 4 ms.

    Args:
        audio: A sound.
        sample_rate: In Hz.
        lowest_hz: Where the band begins (−6 dB).
        highest_hz: Where it ends (−6 dB).
    """
    half = round(_FILTER_S * sample_rate / 2)
    n = torch.arange(-half, half + 1, dtype=torch.float64)

    def low_pass(frequency_hz: float) -> Tensor:
        share = min(1.0, 2.0 * frequency_hz / sample_rate)
        return share * torch.sinc(share * n)

    taps = (low_pass(highest_hz) - low_pass(lowest_hz)) * torch.hann_window(2 * half + 1, periodic=False)
    n_fft = 1 << (len(audio) + 2 * half).bit_length()
    spectrum = torch.fft.rfft(audio, n_fft) * torch.fft.rfft(taps.to(audio.dtype), n_fft)
    return torch.fft.irfft(spectrum, n_fft)[half : half + len(audio)]


def _envelope(audio: Tensor, sample_rate: int) -> Float[Tensor, " step"]:
    """Return the mean square over 10 ms, at each millisecond."""
    half = round(_SMOOTH_S * sample_rate / 2)
    window = torch.hann_window(2 * half + 1, periodic=False, dtype=audio.dtype)
    squares = torch.nn.functional.pad(audio.square(), (half, half))
    n_steps = int(len(audio) / sample_rate / _STEP_S + 1e-9)
    starts = torch.round(torch.arange(n_steps, dtype=torch.float64) * (_STEP_S * sample_rate)).long()
    return squares.unfold(0, 2 * half + 1, 1)[starts] @ (window / window.sum())


def _rise_s(amplitude: Float[Tensor, "onset step"]) -> Float[Tensor, " onset"]:
    """Return the time from 10 to 90 % of each row's largest amplitude after its least one.

    The least one may lie up to 40 ms after the onset; what is before it belongs to the note before.
    """
    if not len(amplitude):
        return amplitude.new_zeros(0)
    number = torch.arange(amplitude.shape[-1])
    least = amplitude[:, : round((_BEFORE_S + _LATE_S) / _STEP_S)].argmin(-1)
    after = amplitude * (number >= least[:, None])
    share = after / after.amax(-1, keepdim=True)
    reached = (share >= _HIGH).int().argmax(-1)
    is_low = (share <= _LOW) & (number >= least[:, None]) & (number < reached[:, None])
    low = torch.where(is_low, number, -1).amax(-1)
    return torch.where(low >= 0, (reached - low) * _STEP_S, torch.nan).to(amplitude.dtype)
