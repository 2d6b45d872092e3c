"""The spectral centroid: where, on the pitch axis, the middle of a sound's spectrum lies."""

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.checks import require_whole
from oscine.functional.framing import frame_centers, frames_at, window_spectra
from oscine.functional.units import hz_to_midi

_WINDOW_S = 0.032
_LOWEST_HZ = 20.0


def spectral_centroid_midi(
    audio: Float[Tensor, "batch time"], sample_rate: int, hop_length: int, eps: float = 1e-4
) -> Float[Tensor, "batch frame"]:
    """Return ``hz_to_midi((Σ f |S| + 440 eps) / (Σ |S| + eps))`` at each frame's instant.

    The window is Hann's, 32 ms long.

    Args:
        audio: The signal, in −1 … 1.
        sample_rate: In Hz.
        hop_length: Samples from frame to frame; frame t is centred on ``(t + 1) · hop_length``.
        eps: Magnitude that is added at 440 Hz, so that silence has the centroid 69 (a full-scale sine has
            about half the window's length in samples over 2).

    Returns:
        Semitones, A4 = 69; never below that of 20 Hz. ``ceil(time / hop_length)`` frames.

    Raises:
        ValueError: When the rate or the hop is not a whole number of at least 1.

    Reference: Grey and Gordon, Perceptual effects of spectral modifications on musical timbres, 1978.
    """
    require_whole(sample_rate=sample_rate, hop_length=hop_length)
    n_fft = 2 * round(_WINDOW_S * sample_rate / 2)
    n_frames = -(-audio.shape[-1] // hop_length)
    centers = frame_centers(n_frames, hop_length, sample_rate, sample_rate).to(audio.device)
    window = torch.hann_window(n_fft, dtype=audio.dtype, device=audio.device)
    frequency_hz = torch.fft.rfftfreq(n_fft, 1 / sample_rate, dtype=audio.dtype, device=audio.device)
    moments = []
    # In parts: a window of 32 ms every 4 is eight times the audio.
    for part in centers.split(4096):
        magnitude = window_spectra(frames_at(audio, part, n_fft) * window).abs()
        first, total = magnitude @ frequency_hz, magnitude.sum(-1)
        moments.append((first + 440.0 * eps) / (total + eps))
    return hz_to_midi(torch.cat(moments, dim=-1).clamp(min=_LOWEST_HZ))
