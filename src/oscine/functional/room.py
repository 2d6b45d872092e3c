"""The sound of a room from few numbers: noise that decays, at a rate of its own in each octave."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.noise import uniform_noise

_LOWEST_HZ = 62.5
_SEED = 60  # of the noise: any number, but always the same
_DECAY_DB = 60.0


def n_octaves(sample_rate: int) -> int:
    """Return the number of octaves of `octave_noise`: their centres are 62.5 Hz, 125 Hz, … up to Nyquist."""
    return 1 + max(0, math.floor(math.log2(sample_rate / 2 / _LOWEST_HZ)))


def octave_noise(n_samples: int, sample_rate: int) -> Float[Tensor, "octave time"]:
    """Return white noise of mean square 1, the same at every call, as a sum of octaves.

    The octaves overlap: a frequency between two centres is in both, by its distance on the logarithmic axis.
    What is below the first centre or above the last one is in that octave alone.

    Args:
        n_samples: Length of the noise.
        sample_rate: Hz.
    """
    white = math.sqrt(3) * uniform_noise(torch.tensor([_SEED]), torch.tensor([0]), n_samples, torch.float64)
    frequency_hz = torch.fft.rfftfreq(n_samples, 1 / sample_rate, dtype=torch.float64)
    number = torch.arange(n_octaves(sample_rate), dtype=torch.float64)
    octave = torch.log2(frequency_hz.clamp(min=1e-3) / _LOWEST_HZ).clamp(0.0, len(number) - 1.0)
    share = (1 - (octave - number[:, None]).abs()).clamp(min=0.0)
    return torch.fft.irfft(torch.fft.rfft(white) * share, n_samples).float()


def decaying_noise(
    noise: Float[Tensor, "octave time"],
    level: Float[Tensor, " octave"],
    decay_s: Float[Tensor, " octave"],
    sample_rate: int,
) -> Float[Tensor, " time"]:
    """Return noise whose octaves decay, each at its own rate: the late part of a room's impulse response.

    Args:
        noise: Of `octave_noise`.
        level: Square root of each octave's energy over that of the direct sound in it, if the noise lasted
            until it has decayed.
        decay_s: Time in which an octave falls by 60 dB, seconds.
        sample_rate: Hz.

    Reference:
        Moorer, About this reverberation business, Computer Music Journal 3(2), 1979.
    """
    rate = math.log(10) * _DECAY_DB / 20 / decay_s / sample_rate
    time = torch.arange(noise.shape[-1], device=noise.device)
    # The energy of exp(−rate · n) over all n is about 1 / (2 · rate).
    gain = level * (2 * rate).sqrt()
    return ((gain[:, None] * torch.exp(-rate[:, None] * time)) * noise).sum(0)
