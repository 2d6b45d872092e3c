"""Loudness in both published definitions, and RMS power: pure, differentiable functions of audio.

All windows are centred on instants that the caller gives (``functional.framing.frame_centers``), so that a
feature describes exactly the moment at which the synthesiser reaches its control.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from oscine.functional.framing import frames_at, window_spectra
from oscine.functional.units import power_to_db


def a_weighting_db(frequency_hz: Float[Tensor, "*shape"], floor_db: float = -80.0) -> Float[Tensor, "*shape"]:
    """Return the A-weighting, in dB, that a frequency gets: 0 dB at 1 kHz.

    ``A(f) = 2 + 20 log10( 12194² f⁴ / ((f² + 20.6²) √((f² + 107.7²)(f² + 737.9²)) (f² + 12194²)) )``

    Args:
        frequency_hz: Frequencies in Hz, not negative.
        floor_db: The least value; at 0 Hz the formula gives minus infinity.

    Returns:
        The weighting in dB.

    Reference:
        IEC 61672-1:2013, Electroacoustics, sound level meters; the constants and the floor are librosa's.
    """
    squared = frequency_hz**2
    a, b, c, d = (constant**2 for constant in (12194.217, 20.598997, 107.65265, 737.86223))
    # In logarithms: the eighth power of a large frequency would leave float32's range.
    weighting = 2.0 + 20.0 * (
        torch.log10(squared) * 2.0
        + torch.log10(torch.as_tensor(a, dtype=squared.dtype))
        - torch.log10(squared + a)
        - torch.log10(squared + b)
        - 0.5 * torch.log10(squared + c)
        - 0.5 * torch.log10(squared + d)
    )
    return weighting.clamp(min=floor_db)


#: Both definitions are made for this rate.
_RATE = 16_000


def _power_spectrum(
    audio: Float[Tensor, "*batch time"], centers: Int[Tensor, " frame"], sample_rate: int, n_fft: int
) -> Float[Tensor, "*batch frame bin"]:
    """Return the power in the ``n_fft // 2 + 1`` bins up to 8 kHz, as at 16 kHz, whatever the rate."""
    length = _window_length(sample_rate, n_fft)
    window = torch.hann_window(length, dtype=audio.dtype, device=audio.device)
    spectrum = window_spectra(frames_at(audio, centers, length) * window)[..., : n_fft // 2 + 1]
    power = (spectrum.real.square() + spectrum.imag.square()) * (n_fft / length) ** 2
    return nn.functional.pad(power, (0, n_fft // 2 + 1 - power.shape[-1]))


def _window_length(sample_rate: int, n_fft: int) -> int:
    return 2 * round(n_fft * sample_rate / (2 * _RATE))


def _bin_weighting_db(sample_rate: int, n_fft: int, like: Tensor) -> Float[Tensor, " bin"]:
    bin_hz = sample_rate / _window_length(sample_rate, n_fft)
    return a_weighting_db(torch.arange(n_fft // 2 + 1, dtype=torch.float64) * bin_hz).to(like)


def loudness_db(
    audio: Float[Tensor, "*batch time"],
    centers: Int[Tensor, " frame"],
    sample_rate: int = 16000,
    n_fft: int = 512,
    floor_db: float = -80.0,
) -> Float[Tensor, "*batch frame"]:
    """Return the A-weighted loudness that the models are conditioned on (the later public definition).

    ``L[t] = 10 log10( mean over bins of |S[t, bin]|² · 10^(A(bin) / 10) )``, with a periodic Hann window.
    A full-scale sine of 1 kHz reads +19.8 dB.

    Args:
        audio: The signal, in −1 … 1.
        centers: The instants, in samples, on which the windows are centred.
        sample_rate: In Hz. The definition is made for 16000; at another rate the window lasts as long and the
            same bins up to 8 kHz count, so that a sound has the same loudness.
        n_fft: Window and transform length in samples at 16 kHz, even.
        floor_db: The least value, that of silence.

    Returns:
        Loudness in dB.

    Reference:
        Engel et al., DDSP, 2020, public code 3.7 (``spectral_ops.compute_loudness``). Ours is evaluated at
        the frames' instants instead of a grid that starts at 0.
    """
    power = _power_spectrum(audio, centers, sample_rate, n_fft)
    weight = torch.pow(10.0, _bin_weighting_db(sample_rate, n_fft, audio) / 10.0)
    return power_to_db((power @ weight) / weight.shape[0], floor_db)


def paper_loudness_db(
    audio: Float[Tensor, "*batch time"],
    centers: Int[Tensor, " frame"],
    sample_rate: int = 16000,
    n_fft: int = 2048,
    reference_db: float = 20.7,
    floor_db: float = -120.0,
) -> Float[Tensor, "*batch frame"]:
    """Return the loudness by the definition of the paper's time: the mean over bins of weighted decibels.

    ``L[t] = mean over bins of max(20 log10 |S[t, bin]| + A(bin) − 20.7, −120)``. The paper's table
    of loudness errors is by this definition, in a unit that the paper doesn't say.

    Args:
        audio: The signal, in −1 … 1.
        centers: The instants, in samples, on which the windows are centred.
        sample_rate: In Hz. The definition is made for 16000; at another rate the window lasts as long and the
            same bins up to 8 kHz count, so that a sound has the same loudness.
        n_fft: Window and transform length in samples at 16 kHz, even.
        reference_db: Subtracted from every bin.
        floor_db: The least value of a bin, that of silence.

    Returns:
        Loudness in dB.

    Reference:
        Engel et al., DDSP, 2020, public code 0.8 (``spectral_ops.compute_loudness``).
    """
    # The least power keeps the logarithm (and its gradient) finite; 1e-40 is the public code's 1e-20 squared,
    # out of float32's range, and 1e-30 is as far below every floor that A-weighting can lift it to.
    level_db = 10.0 * torch.log10(_power_spectrum(audio, centers, sample_rate, n_fft).clamp(min=1e-30))
    weighted_db = level_db + _bin_weighting_db(sample_rate, n_fft, audio) - reference_db
    return weighted_db.clamp(min=floor_db).mean(-1)


def rms_power_db(
    audio: Float[Tensor, "*batch time"],
    centers: Int[Tensor, " frame"],
    window_length: int = 1024,
    floor_db: float = -80.0,
) -> Float[Tensor, "*batch frame"]:
    """Return the mean power of a rectangular window, ``10 log10(mean x²)``: a full-scale sine reads −3.01 dB.

    Args:
        audio: The signal, in −1 … 1.
        centers: The instants, in samples, on which the windows are centred.
        window_length: Samples per window (1024 at 16 kHz is the public plug-in's).
        floor_db: The least value, that of silence.

    Returns:
        Power in dB relative to a constant of 1.
    """
    return power_to_db(frames_at(audio.square(), centers, window_length).mean(-1), floor_db)
