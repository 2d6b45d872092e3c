"""The sum of harmonics as the formula says it, every sine by itself: the tests' yardstick."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def harmonic_sum(
    phase: Float[Tensor, "batch frame hop"],
    start: Float[Tensor, "batch frame harmonic"],
    end: Float[Tensor, "batch frame harmonic"],
) -> Float[Tensor, "batch frame hop"]:
    """Return what `oscine.kernels.factored.harmonic_sum` returns, with time × harmonic held in memory."""
    hop_length, n_harmonics = phase.shape[-1], start.shape[-1]
    number = torch.arange(1, n_harmonics + 1, dtype=phase.dtype, device=phase.device)
    weight = (torch.arange(hop_length, dtype=phase.dtype, device=phase.device) / hop_length).unsqueeze(-1)
    sines = torch.sin(2 * math.pi * (phase.unsqueeze(-1) * number))
    amplitudes = start.unsqueeze(2) + weight * (end - start).unsqueeze(2)
    return (sines * amplitudes).sum(dim=-1).to(start.dtype)
