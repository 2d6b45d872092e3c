"""Phase from frequency, in turns, kept in float64 and wrapped to [0, 1)."""

import torch
from jaxtyping import Float
from torch import Tensor


def phase_polynomial(
    frequency_hz: Float[Tensor, "batch frame *channel"],
    previous_hz: Float[Tensor, "batch frame *channel"],
    start: Float[Tensor, "batch *channel"],
    sample_rate: int,
    hop_length: int,
) -> tuple[Float[Tensor, "batch frame *coefficient"], Float[Tensor, "batch *channel"]]:
    """Return each frame's phase as a quadratic in its sample, and the phase at which the next block starts.

    The frequency is linear inside a frame, so its integral, the phase, is exactly

    ``φ(t, i) = φ(t, 0) + (f[t−1] · i + (f[t] − f[t−1]) · i² / (2 · hop)) / sample_rate``

    A float32 running sum is a full turn-scale wrong after 4 s at 440 Hz. Here the frames' own turns, ``hop ·
    (f[t−1] + f[t]) / 2 / sample_rate``, are wrapped before they are summed, in float64, so that an hour is as
    exact as a second.

    Args:
        frequency_hz: Frequency at the frames' ends, Hz.
        previous_hz: The same one frame earlier (see `oscine.functional.previous_frames`).
        start: Phase at the first sample, turns, float64.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Returns:
        The coefficients of 1, i and i², last in the shape, in turns, float64; phase at the sample after the
        last, in [0, 1), the next ``start``.

    Raises:
        ValueError: When there is no frame.
    """
    if frequency_hz.shape[1] == 0:
        raise ValueError(f"frequency_hz is {tuple(frequency_hz.shape)}; give one frame or more.")
    current = frequency_hz.to(torch.float64) / sample_rate
    previous = previous_hz.to(torch.float64) / sample_rate
    turns = wrap(hop_length * (previous + current) / 2)
    ends = torch.cumsum(turns, dim=1) + start.to(torch.float64).unsqueeze(1)
    coefficients = (wrap(ends - turns), previous, (current - previous) / (2 * hop_length))
    return torch.stack(coefficients, dim=-1), wrap(ends[:, -1])


def accumulate_phase(
    frequency_hz: Float[Tensor, "batch frame *channel"],
    previous_hz: Float[Tensor, "batch frame *channel"],
    start: Float[Tensor, "batch *channel"],
    sample_rate: int,
    hop_length: int,
) -> tuple[Float[Tensor, "batch frame hop *channel"], Float[Tensor, "batch *channel"]]:
    """Return `phase_polynomial` at every sample, wrapped to [0, 1), and the next ``start``."""
    polynomial, end = phase_polynomial(frequency_hz, previous_hz, start, sample_rate, hop_length)
    sample = torch.arange(hop_length, dtype=torch.float64, device=polynomial.device)
    sample = sample.reshape(-1, *[1] * (frequency_hz.ndim - 2))
    a, b, c = polynomial.unsqueeze(2).unbind(-1)
    return wrap(a + sample * (b + sample * c)), end


def wrap(turns: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return turns modulo one, in [0, 1)."""
    return turns - torch.floor(turns)
