"""Smooth noise: random curves over frames, each of its own speed, a function of seed and position."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from oscine.functional.noise import uniform_noise

#: The numbers of a curve's random values begin here, times its own number: samples' numbers never reach them.
CURVE_NUMBERS = 1 << 48


def smooth_noise(
    seed: Int[Tensor, " batch"], start: Int[Tensor, " batch"], n_frames: int, periods: Sequence[int]
) -> Float[Tensor, "batch frame curve"]:
    """Return random curves of mean 0 and variance 1 at every frame.

    Curve k has random values u, uniform in ±√3, every ``P = periods[k]`` frames; between two of them

        ``x[t] = cos(θ) u[i] + sin(θ) u[i + 1]``,  ``i = t div P``,  ``θ = π/2 · (t mod P) / P``,

    so the variance is the same everywhere. A curve of period 1 is white noise. The value that comes next is
    known, being a function of its number, so nothing is late; and any cut into blocks gives the same curves.

    Args:
        seed: One per item, any integer.
        start: Number of the first frame, not negative.
        n_frames: How many.
        periods: Frames between two random values of each curve, at least 1.

    Example:
        >>> import torch
        >>> zero = torch.zeros(1, dtype=torch.int64)
        >>> smooth_noise(zero, zero, 100, [1, 8, 64]).shape
        torch.Size([1, 100, 3])
    """
    curves = [
        _curve(seed, start, n_frames, period, CURVE_NUMBERS * (number + 1))
        for number, period in enumerate(periods)
    ]
    return torch.stack(curves, dim=-1)


def _curve(
    seed: Int[Tensor, " batch"], start: Int[Tensor, " batch"], n_frames: int, period: int, first: int
) -> Float[Tensor, "batch frame"]:
    frame = start.to(torch.int64)[:, None] + torch.arange(n_frames, device=start.device)
    begin = start.to(torch.int64) // period
    values = uniform_noise(seed, begin + first, n_frames // period + 3) * math.sqrt(3.0)
    index = frame // period - begin[:, None]
    angle = (frame % period).to(values.dtype) * (math.pi / 2 / period)
    return torch.cos(angle) * values.gather(1, index) + torch.sin(angle) * values.gather(1, index + 1)
