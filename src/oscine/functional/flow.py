"""A rectified flow from an over-smoothed start: noise by frame number, the start, the path, Euler's steps."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from oscine.functional.checks import require_whole
from oscine.functional.noise import uniform_noise

#: Largest float32 below 1: the inverse of the error function is finite there.
_BELOW_ONE = 1.0 - 2.0**-24


def frame_noise(
    seed: Int[Tensor, " batch"], start: Int[Tensor, " batch"], n_frames: int, n_channels: int
) -> Float[Tensor, "batch frame channel"]:
    """Return normal noise of mean 0 and variance 1 that depends only on the seed and the number of the frame.

    ``n = √2 · erf⁻¹(u)``, with u from `uniform_noise`, so any cut into pieces gives the same.

    Args:
        seed: One per item, any integer.
        start: Number of the first frame.
        n_frames: How many.
        n_channels: Values of a frame.

    Examples:
        >>> import torch
        >>> zero = torch.zeros(1, dtype=torch.int64)
        >>> whole, later = frame_noise(zero, zero, 5, 80), frame_noise(zero, zero + 3, 2, 80)
        >>> bool((whole[:, 3:] == later).all())
        True
    """
    uniform = uniform_noise(seed, start.to(torch.int64) * n_channels, n_frames * n_channels)
    normal = math.sqrt(2.0) * torch.erfinv(uniform.clamp(-_BELOW_ONE, _BELOW_ONE))
    return normal.unflatten(1, (n_frames, n_channels))


def flow_start(
    smooth: Float[Tensor, "batch frame channel"],
    noise: Float[Tensor, "batch frame channel"],
    t_start: float,
) -> Float[Tensor, "batch frame channel"]:
    """Return where a flow starts: ``t_start · smooth + (1 − t_start) · noise``.

    Args:
        smooth: The output of a predictor, which varies too little.
        noise: Normal, of variance 1.
        t_start: Time of the start, 0 … 1 without 1; at 0 the flow starts from noise alone.

    Raises:
        ValueError: When the time is out of range.
    """
    _check_start(t_start)
    return t_start * smooth + (1.0 - t_start) * noise


def flow_path(
    start: Float[Tensor, "batch frame channel"],
    target: Float[Tensor, "batch frame channel"],
    time: Float[Tensor, " batch"],
    t_start: float,
) -> tuple[Float[Tensor, "batch frame channel"], Float[Tensor, "batch frame channel"]]:
    """Return the point of the straight path from a start to its target at a time, and the velocity there.

    ``x = start + s · (target − start)``, ``s = (t − t_start) / (1 − t_start)``, and
    ``dx/dt = (target − start) / (1 − t_start)``, which does not depend on the time.

    Args:
        start: At the time ``t_start`` (`flow_start`).
        target: At the time 1.
        time: From ``t_start`` to 1, one of each item.
        t_start: Time of the start, 0 … 1 without 1.

    Raises:
        ValueError: When the start's time is out of range.
    """
    _check_start(t_start)
    velocity = (target - start) / (1.0 - t_start)
    return start + (time - t_start)[:, None, None] * velocity, velocity


def euler_flow(
    velocity: Callable[[Tensor, Tensor], Tensor],
    start: Float[Tensor, "batch frame channel"],
    *,
    t_start: float,
    n_steps: int,
) -> Float[Tensor, "batch frame channel"]:
    """Return the end of a flow from a start: the solution of ``dx/dt = velocity(x, t)`` at the time 1.

    Euler's steps, all of the same length. They are exact where paths are straight, that is where the
    velocity does not change along a path.

    Args:
        velocity: Of a point (batch, frame, channel) and times (batch,).
        start: The point at the time ``t_start``.
        t_start: 0 … 1 without 1.
        n_steps: At least 1.

    Raises:
        ValueError: When the start's time is out of range, or there is no step.

    Reference: Liu, Gong, Liu: Flow Straight and Fast, ICLR 2023. The start from a predictor at a late time
    is that of DDSP-SVC 6 (yxlllc, 2025); there the network learns the last part of the paths from noise to
    targets, ours learns the paths from such starts, so training and use agree.

    Examples:
        >>> import torch
        >>> euler_flow(lambda x, t: torch.full_like(x, 2.0), torch.zeros(1, 1, 1), t_start=0.5, n_steps=4)
        tensor([[[1.]]])
    """
    _check_start(t_start)
    require_whole(n_steps=n_steps)
    step = (1.0 - t_start) / n_steps
    x = start
    for i in range(n_steps):
        x = x + step * velocity(x, x.new_full((len(x),), t_start + i * step))
    return x


def _check_start(t_start: float) -> None:
    if not 0.0 <= t_start < 1.0:
        raise ValueError(f"A flow can't start at the time {t_start:g}; give one from 0 to below 1.")
