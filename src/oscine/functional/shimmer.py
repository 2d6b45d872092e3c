"""Shimmer: small random movement of many values, each by itself, that is a function of seed and position."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from oscine.functional.noise import uniform_noise

#: A period's random values have numbers from here on, times its own number; samples' never reach them.
PERIOD_NUMBERS = 1 << 48


def shimmer(
    depths: Float[Tensor, "period channel"],
    periods: Sequence[int],
    seed: Int[Tensor, " batch"],
    start: Int[Tensor, " batch"],
    n_frames: int,
) -> Float[Tensor, "batch frame channel"]:
    """Return random movement around 0, smooth over frames and independent in every channel.

    For each period P there are random values u, uniform in ±√3, of variance 1, every P frames, and

        ``x[t] = Σ_P depth_P · (cos(θ) u_P[i] + sin(θ) u_P[i + 1])``,
        ``i = t div P``,  ``θ = π/2 · (t mod P) / P``,

    so the variance is ``Σ_P depth_P²`` at every frame. A period of 1 is white noise. The value that comes
    next is known, being a function of its number, so nothing is late; and any cut into blocks gives the same.

    Args:
        depths: Standard deviation of each channel's movement of each period.
        periods: Frames between two random values, at least 1.
        seed: One per item, any integer.
        start: Number of the first frame, not negative.
        n_frames: How many.

    Examples:
        >>> import torch
        >>> zero = torch.zeros(1, dtype=torch.int64)
        >>> shimmer(torch.ones(2, 5), [3, 10], zero, zero, 100).shape
        torch.Size([1, 100, 5])
    """
    start = start.to(torch.int64)
    total = torch.zeros(len(start), n_frames, depths.shape[1], dtype=depths.dtype, device=depths.device)
    if not len(start):
        return total
    for number, (period, depth) in enumerate(zip(periods, depths, strict=True)):
        n_channels, n_values, begin = len(depth), n_frames // period + 3, start // period
        first = PERIOD_NUMBERS * (number + 1) + begin * n_channels
        values = uniform_noise(seed, first, n_values * n_channels, depths.dtype) * math.sqrt(3.0)
        values = values.unflatten(1, (n_values, 1, n_channels))
        angle = torch.arange(period, dtype=depths.dtype, device=depths.device)[:, None] * (
            math.pi / 2 / period
        )
        moved = torch.cos(angle) * values[:, :-1] + torch.sin(angle) * values[:, 1:]
        places = (start % period).tolist()
        total = total + depth * torch.stack(
            [item[place : place + n_frames] for item, place in zip(moved.flatten(1, 2), places, strict=True)]
        )
    return total
