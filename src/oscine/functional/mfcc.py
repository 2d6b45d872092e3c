"""Mel filterbank, power in mel bands, log-mel spectrogram and MFCC (cepstral coefficients) in plain torch."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.checks import require_whole
from oscine.functional.framing import frame_centers, frames_at, window_spectra


def hz_to_mel(frequency_hz: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return ``2595 log10(1 + f / 700)``, the HTK mel scale."""
    return 2595.0 * torch.log10(1.0 + frequency_hz / 700.0)


def mel_to_hz(mel: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return ``700 (10^(m / 2595) − 1)``, the inverse of ``hz_to_mel``."""
    return 700.0 * (torch.pow(10.0, mel / 2595.0) - 1.0)


def mel_filterbank(
    sample_rate: int, n_fft: int, n_mels: int = 128, f_min_hz: float = 20.0, f_max_hz: float = 8000.0
) -> Float[Tensor, "mel bin"]:
    """Return triangular filters, equally wide in mel, each with a peak of 1.

    ``W[m, b] = max(0, min((f_b − e_m) / (e_{m+1} − e_m), (e_{m+2} − f_b) / (e_{m+2} − e_{m+1})))``, where
    ``e`` are n_mels + 2 edges equally spaced in mel from ``f_min_hz`` to ``f_max_hz``.

    Args:
        sample_rate: In Hz.
        n_fft: Transform length in samples; there are ``n_fft // 2 + 1`` bins.
        n_mels: Number of filters.
        f_min_hz: Where the first filter begins.
        f_max_hz: Where the last filter ends.

    Returns:
        The weights, float64; a filter narrower than a bin may be empty.
    """
    bin_hz = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * (sample_rate / n_fft)
    limits = hz_to_mel(torch.tensor([f_min_hz, f_max_hz], dtype=torch.float64))
    edge_hz = mel_to_hz(torch.linspace(float(limits[0]), float(limits[1]), n_mels + 2, dtype=torch.float64))
    low, peak, high = (edge_hz[i : i + n_mels, None] for i in range(3))
    rising = (bin_hz - low) / (peak - low)
    falling = (high - bin_hz) / (high - peak)
    return torch.minimum(rising, falling).clamp(min=0.0)


class MelBands(NamedTuple):
    """A window, and the weights that turn the energies of its spectrum's bins into the power in mel bands."""

    window: Float[Tensor, " time"]
    weights: Float[Tensor, "bin mel"]


def mel_bands(sample_rate: int, n_window: int, n_mels: int, f_min_hz: float, f_max_hz: float) -> MelBands:
    """Return what `mel_power` needs: a Hann window and the bands (`mel_filterbank`) of its spectrum.

    Args:
        sample_rate: In Hz.
        n_window: Length of the windows in samples.
        n_mels: Number of bands.
        f_min_hz: Where the first band begins.
        f_max_hz: Where the last band ends.

    Returns:
        Both in float64.
    """
    # Bins no wider than half of the lowest bands, which are about 40 Hz wide.
    n_fft = 1 << (max(n_window, round(sample_rate / 20)) - 1).bit_length()
    window = torch.hann_window(n_window, dtype=torch.float64)
    scale = 2.0 / (n_fft * window.square().sum())
    return MelBands(window, scale * mel_filterbank(sample_rate, n_fft, n_mels, f_min_hz, f_max_hz).T)


def mel_power(windows: Float[Tensor, "*batch frame time"], bands: MelBands) -> Float[Tensor, "..."]:
    """Return the power of windows in mel bands: each band's share of the mean square of a window.

    Full-scale sines read 0.5 in all bands together.

    Args:
        windows: Parts of a signal, as long as the window and not yet multiplied by it.
        bands: From `mel_bands`, of the signal's dtype.

    Returns:
        (*batch, frame, mel).
    """
    n_fft = 2 * (len(bands.weights) - 1)
    padded = torch.nn.functional.pad(windows * bands.window, (0, n_fft - len(bands.window)))
    spectrum = window_spectra(padded)
    return (spectrum.real.square() + spectrum.imag.square()) @ bands.weights


def log_mel_spectrogram(
    audio: Float[Tensor, "batch time"],
    sample_rate: int,
    hop_length: int,
    n_fft: int = 1024,
    n_mels: int = 128,
    f_min_hz: float = 20.0,
    f_max_hz: float = 8000.0,
    eps: float = 1e-5,
) -> Float[Tensor, "batch frame mel"]:
    """Return ``ln(W |S| + eps)``: each mel band's magnitude, Hann window, centred on the frame's instant.

    Args:
        audio: The signal, in −1 … 1.
        sample_rate: In Hz.
        hop_length: Samples from frame to frame; frame t is centred on ``(t + 1) · hop_length``.
        n_fft: Window and transform length in samples.
        n_mels: Number of bands.
        f_min_hz: Lower end of the first band.
        f_max_hz: Upper end of the last band.
        eps: Added to a band's magnitude (a full-scale sine has ``n_fft / 4``), so that silence stays finite.

    Returns:
        Natural logarithm of magnitude; ceil(time / hop_length) frames.

    Raises:
        ValueError: When the rate or the hop is not a whole number of at least 1.
    """
    require_whole(sample_rate=sample_rate, hop_length=hop_length)
    n_frames = -(-audio.shape[-1] // hop_length)
    centers = frame_centers(n_frames, hop_length, sample_rate, sample_rate).to(audio.device)
    window = torch.hann_window(n_fft, dtype=audio.dtype, device=audio.device)
    spectrum = window_spectra(frames_at(audio, centers, n_fft) * window)
    # sqrt has an infinite slope at 0; the constant is far below eps and keeps the gradient of silence finite.
    magnitude = torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-20)
    bank = mel_filterbank(sample_rate, n_fft, n_mels, f_min_hz, f_max_hz).to(audio)
    return torch.log(magnitude @ bank.T + eps)


def dct_matrix(n_coefficients: int, n_inputs: int) -> Float[Tensor, "coefficient input"]:
    """Return the first rows of the orthonormal DCT-II, ``√(2/N) cos(π k (n + ½) / N)``, row 0 over √2."""
    k = torch.arange(n_coefficients, dtype=torch.float64)[:, None]
    n = torch.arange(n_inputs, dtype=torch.float64)
    matrix = math.sqrt(2.0 / n_inputs) * torch.cos(math.pi * k * (n + 0.5) / n_inputs)
    matrix[0] /= math.sqrt(2.0)
    return matrix


def mfcc(
    audio: Float[Tensor, "batch time"],
    sample_rate: int,
    hop_length: int,
    n_mfcc: int = 30,
    n_fft: int = 1024,
    n_mels: int = 128,
    f_min_hz: float = 20.0,
    f_max_hz: float = 8000.0,
    eps: float = 1e-5,
) -> Float[Tensor, "batch frame coefficient"]:
    """Return mel-frequency cepstral coefficients: the orthonormal DCT-II of the log-mel spectrogram.

    Args:
        audio: The signal, in −1 … 1.
        sample_rate: In Hz.
        hop_length: Samples from frame to frame; frame t is centred on ``(t + 1) · hop_length``.
        n_mfcc: Coefficients kept, at most ``n_mels``.
        n_fft: Window and transform length in samples.
        n_mels: Number of mel bands.
        f_min_hz: Lower end of the first band.
        f_max_hz: Upper end of the last band.
        eps: See ``log_mel_spectrogram``.

    Returns:
        Dimensionless coefficients; coefficient 0 carries the level.

    Raises:
        ValueError: When the rate or the hop is not a whole number of at least 1.

    Reference:
        Davis and Mermelstein, Comparison of parametric representations, 1980; sizes as in Engel et al.,
        DDSP, 2020. Triangles in Hz as librosa draws them, where the public code draws them in mel.
    """
    log_mel = log_mel_spectrogram(audio, sample_rate, hop_length, n_fft, n_mels, f_min_hz, f_max_hz, eps)
    return log_mel @ dct_matrix(n_mfcc, n_mels).to(audio).T
