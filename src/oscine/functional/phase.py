"""Phase from frequency, in turns, kept in float64 and wrapped to [0, 1)."""

import torch
from jaxtyping import Float
from torch import Tensor


def accumulate_phase(
    frequency_hz: Float[Tensor, "batch frame *channel"],
    previous_hz: Float[Tensor, "batch frame *channel"],
    start: Float[Tensor, "batch *channel"],
    sample_rate: int,
    hop_length: int,
) -> tuple[Float[Tensor, "batch frame hop *channel"], Float[Tensor, "batch *channel"]]:
    """Return the phase at every sample, and the phase at which the next block starts.

    The frequency is linear inside a frame, so the phase is a parabola there and its integral is exact:

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
        Phase at every sample, turns, float64, in [0, 1); phase at the sample after the last, the next
        ``start``.
    """
    current = frequency_hz.to(torch.float64) / sample_rate
    previous = previous_hz.to(torch.float64) / sample_rate
    turns = wrap(hop_length * (previous + current) / 2)
    ends = torch.cumsum(turns, dim=1) + start.to(torch.float64).unsqueeze(1)
    starts = wrap(ends - turns)
    sample = torch.arange(hop_length, dtype=torch.float64, device=current.device)
    sample = sample.reshape(-1, *[1] * (current.ndim - 2))
    inside = previous.unsqueeze(2) * sample + (current - previous).unsqueeze(2) * (
        sample**2 / (2 * hop_length)
    )
    return wrap(starts.unsqueeze(2) + inside), wrap(ends[:, -1])


def wrap(turns: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return turns modulo one, in [0, 1)."""
    return turns - torch.floor(turns)
