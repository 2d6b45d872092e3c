"""The long-term spectrum of a sound: where its band ends, its level, its third octaves; and mel bands.

What lies above the recording's own cut-off is left out everywhere: an MP3 file has nothing there, so nothing
can be right or wrong there.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.framing import frame_centers, frames_at
from oscine.functional.mfcc import MelBands, mel_bands
from oscine.functional.mfcc import mel_power as power_of_windows
from oscine.functional.units import power_to_db

N_MELS, MEL_LOWEST_HZ, MEL_HIGHEST_HZ = 64, 40.0, 15_500.0
"""Bands of every mel spectrogram of an evaluation, and their range; it ends earlier at a cut-off."""

_LONG_S = 0.15
_CELL_HZ, _BELOW_HZ, _ACROSS_HZ = 50.0, 1000.0, 500.0
_CLIFF_DB, _EDGE_DB = 20.0, 10.0
_LOWEST_CUTOFF_HZ = 3_000.0
_THIRD_OCTAVES = range(-13, 14)
_AUDIBLE_DB = 60.0
_MEL_S = 0.05
_FRAMES_AT_ONCE = 512


def energy_spectrum(audio: Float[Tensor, " time"], sample_rate: int) -> Float[Tensor, " bin"]:
    """Return a sound's energy in equal bands from 0 Hz to Nyquist; they sum to ``Σ x²`` (Welch's method).

    Energies of several stretches add up to that of all. Windows (Hann) are 0.15 s long or a little longer.

    Args:
        audio: The sound.
        sample_rate: In Hz.

    Returns:
        float64; bin i lies at ``i · sample_rate / (2 · (n_bins − 1))`` Hz.
    """
    n_fft = 1 << (int(_LONG_S * sample_rate) - 1).bit_length()
    window = torch.hann_window(n_fft, dtype=torch.float64)
    # With a quarter of overlap left and right of each window, the squares of a Hann window sum to 3/2.
    padded = torch.nn.functional.pad(audio, (n_fft, n_fft))
    frames = padded.unfold(0, n_fft, n_fft // 4)
    energy = torch.zeros(n_fft // 2 + 1, dtype=torch.float64)
    for part in frames.split(_FRAMES_AT_ONCE):
        energy += torch.fft.rfft(part.double() * window).abs().square().sum(0)
    energy[1:-1] *= 2.0
    return energy / (1.5 * n_fft)


def cutoff_hz(energy: Float[Tensor, " bin"], sample_rate: int) -> float:
    """Return the frequency at which a recording's band ends: that of an MP3's low-pass, or Nyquist.

    The band ends where the spectrum falls by 20 dB or more within 500 Hz, from its mean over the 1000 Hz
    below (in dB, so that the partials of a clean tone alone make no band), and nothing above comes back. The
    steepest such place above 3 kHz counts; the edge is where the spectrum is 10 dB down.

    Args:
        energy: From `energy_spectrum`.
        sample_rate: In Hz.
    """
    nyquist_hz = sample_rate / 2
    edges_hz = torch.arange(0.0, nyquist_hz + 1e-6, _CELL_HZ, dtype=torch.float64)
    cells_db = 10.0 * torch.log10(band_energy(energy, sample_rate, edges_hz).clamp(min=1e-30))
    n_below, n_across = round(_BELOW_HZ / _CELL_HZ), round(_ACROSS_HZ / _CELL_HZ)
    first = round(_LOWEST_CUTOFF_HZ / _CELL_HZ)
    highest_above_db = cells_db.flip(0).cummax(0).values.flip(0)
    # Entry j: the edge below cell first + j, from the mean below it to the highest cell beyond 500 Hz.
    below_db = cells_db.unfold(0, n_below, 1).mean(-1)[first - n_below :]
    above_db = highest_above_db[first + n_across :]
    if not len(above_db) or not float(energy.sum()) > 0:
        return nyquist_hz
    drop_db = below_db[: len(above_db)] - above_db
    steepest = int(drop_db.argmax())
    if float(drop_db[steepest]) < _CLIFF_DB:
        return nyquist_hz
    down = highest_above_db[first + steepest :] < below_db[steepest] - _EDGE_DB
    return min(nyquist_hz, _CELL_HZ * (first + steepest + int(down.int().argmax())))


def band_energy(
    energy: Float[Tensor, " bin"], sample_rate: int, edges_hz: Float[Tensor, " edge"]
) -> Float[Tensor, " band"]:
    """Return the energy between each two neighbouring edges; a bin that an edge divides is shared.

    Args:
        energy: From `energy_spectrum`.
        sample_rate: In Hz.
        edges_hz: Rising, float64; energy above Nyquist is 0.
    """
    # Bin i covers i − ½ … i + ½; the sum up to a frequency is linear in between.
    upto = torch.cat([energy.new_zeros(1), energy.cumsum(0)])
    position = (edges_hz * (2 * (len(energy) - 1) / sample_rate) + 0.5).clamp(0.0, float(len(energy)))
    left = position.floor().long().clamp(max=len(energy) - 1)
    sums = upto[left] + (position - left) * energy[left]
    return sums.diff()


def level_difference_db(
    output: Float[Tensor, " bin"],
    target: Float[Tensor, "..."],
    sample_rate: int,
    lowest_hz: float,
    highest_hz: float,
) -> float | None:
    """Return the output's level minus the target's between two frequencies, in dB.

    Args:
        output: Its energy, from `energy_spectrum`.
        target: The same of the target.
        sample_rate: In Hz.
        lowest_hz: Where the band begins.
        highest_hz: Where it ends.

    Returns:
        dB; None when the band is empty, or either sound is silent there.
    """
    if highest_hz <= lowest_hz:
        return None
    edges_hz = torch.tensor([lowest_hz, highest_hz], dtype=torch.float64)
    one, other = (float(band_energy(x, sample_rate, edges_hz)[0]) for x in (output, target))
    if min(one, other) <= 0.0:
        return None
    return 10.0 * math.log10(one / other)


def third_octave_differences_db(
    output: Float[Tensor, " bin"], target: Float[Tensor, "..."], sample_rate: int, highest_hz: float
) -> dict[int, float]:
    """Return the output's level minus the target's in each third octave, in dB.

    The bands are those of IEC 61260, centred on ``1000 · 10^(k / 10)`` Hz, from 50 Hz on. Bands that reach
    above ``highest_hz`` are left out, and so are those in which the target has 60 dB less than in its
    loudest band.

    Args:
        output: Its energy, from `energy_spectrum`.
        target: The same of the target.
        sample_rate: In Hz.
        highest_hz: The target's cut-off.

    Returns:
        dB by the band's centre in Hz, to the nearest.
    """
    numbers = torch.tensor(_THIRD_OCTAVES, dtype=torch.float64)
    edges_hz = 1000.0 * 10.0 ** (torch.cat([numbers - 0.5, numbers[-1:] + 0.5]) / 10.0)
    played, wanted = (band_energy(x, sample_rate, edges_hz) for x in (output, target))
    counts = (edges_hz[1:] <= highest_hz) & (wanted > wanted.max() * 10.0 ** (-_AUDIBLE_DB / 10.0))
    # What the output lacks altogether counts as 60 dB less than the target's, no more.
    least = wanted * 10.0 ** (-_AUDIBLE_DB / 10.0)
    difference_db = 10.0 * torch.log10(torch.maximum(played, least) / wanted)
    return {
        round(1000.0 * 10.0 ** (k / 10.0)): float(value)
        for k, value, kept in zip(_THIRD_OCTAVES, difference_db, counts, strict=True)
        if kept
    }


def mel_power(
    audio: Float[Tensor, " time"], sample_rate: int, window_s: float, hop_s: float, highest_hz: float
) -> Float[Tensor, "frame mel"]:
    """Return the power in 64 mel bands from 40 Hz on: each band's share of the mean square of a window.

    Args:
        audio: The sound.
        sample_rate: In Hz.
        window_s: Length of the Hann windows.
        hop_s: From one to the next; frame t is centred on ``(t + ½) · hop_s``.
        highest_hz: Where the last band ends: 15.5 kHz, or the cut-off where that is lower.

    Returns:
        One frame for each whole hop.
    """
    length = round(window_s * sample_rate)
    n_frames = int(len(audio) / sample_rate / hop_s + 1e-9)
    # Frame t of `frame_centers` is at (t + 1) hops of half the length; every second one is wanted.
    centers = frame_centers(2 * n_frames, 1, round(2 / hop_s), sample_rate)[::2]
    bands = mel_bands(sample_rate, length, N_MELS, MEL_LOWEST_HZ, min(highest_hz, MEL_HIGHEST_HZ))
    bands = MelBands(*(one.to(audio.dtype) for one in bands))
    power = audio.new_empty(n_frames, N_MELS)
    for start in range(0, n_frames, _FRAMES_AT_ONCE):
        frames = frames_at(audio, centers[start : start + _FRAMES_AT_ONCE], length)
        power[start : start + len(frames)] = power_of_windows(frames, bands)
    return power


def log_mel_db(
    audio: Float[Tensor, " time"], sample_rate: int, highest_hz: float, floor_db: float
) -> Float[Tensor, "frame mel"]:
    """Return the log-mel spectrogram over windows of 50 ms, every 25 ms: `mel_power` in dB.

    Args:
        audio: The sound.
        sample_rate: In Hz.
        highest_hz: The recording's cut-off.
        floor_db: Level, in dB of a mean square of 1, below which the power of a band counts as this.
    """
    return power_to_db(mel_power(audio, sample_rate, _MEL_S, _MEL_S / 2, highest_hz), floor_db)


def floor_below_db(power: float) -> float:
    """Return the level that counts as silence in a recording of this mean square: 60 dB below, dB."""
    return 10.0 * math.log10(max(power, 1e-20)) - _AUDIBLE_DB
