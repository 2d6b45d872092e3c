"""Frame-rate controls at the sample rate: causal linear interpolation, the one that every processor uses.

Frame ``t`` is reached at its end, the instant ``(t + 1) · hop_length``; inside frame ``t`` a control goes in
a straight line from its value ``t − 1`` to its value ``t``. Nothing looks ahead, so the only memory is the
last frame.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.functional.checks import require_whole
from oscine.kernels.frames import ramp


class UpsampleState(NamedTuple):
    """The state of the interpolation of a control between two blocks."""

    last: Float[Tensor, "batch *channel"]
    """Value at the last frame."""
    started: Bool[Tensor, " batch"]
    """False until the first frame, which is held from the start."""


def upsample_state(
    batch_size: int, *channels: int, device: torch.device | str | None = None
) -> UpsampleState:
    """Return the state before the first frame of a control of this many channels (none: batch and frames)."""
    return UpsampleState(
        last=torch.zeros(batch_size, *channels, device=device),
        started=torch.zeros(batch_size, dtype=torch.bool, device=device),
    )


def previous_frames(
    controls: Float[Tensor, "batch frame *channel"],
    last: Float[Tensor, "batch *channel"],
    started: Bool[Tensor, " batch"],
) -> Float[Tensor, "batch frame *channel"]:
    """Return the controls one frame earlier.

    Args:
        controls: Values at the frames of this block.
        last: The last frame of the block before.
        started: False where there is no block before; the first frame is then preceded by itself, so that a
            constant control is constant from the first sample on.

    Raises:
        ValueError: When there is no frame, no frame axis, or ``last`` is of another batch or other channels.
    """
    _require_frames(controls)
    wanted = (controls.shape[0], *controls.shape[2:])
    if tuple(last.shape) != wanted:
        raise ValueError(
            f"The last frame is {tuple(last.shape)}; before controls of {tuple(controls.shape)} give "
            f"{wanted}."
        )
    mask = started.reshape(-1, *[1] * (controls.ndim - 2))
    first = torch.where(mask, last.to(controls.dtype), controls[:, 0])
    return torch.cat([first.unsqueeze(1), controls[:, :-1]], dim=1)


def upsample(
    controls: Float[Tensor, "batch frame *channel"],
    hop_length: int,
    previous: Float[Tensor, "batch frame *channel"] | None = None,
) -> Float[Tensor, "batch time *channel"]:
    """Return frame-rate controls at every sample, by causal linear interpolation.

    ``c[t · hop + i] = c[t − 1] + (i / hop) · (c[t] − c[t − 1])``, i = 0 … hop − 1: frame t's value is reached
    at the first sample of frame t + 1.

    Args:
        controls: Values at the frames' ends.
        hop_length: Samples per frame.
        previous: Values one frame earlier (see `previous_frames`); the first frame is held when left out.

    Raises:
        ValueError: When there is no frame, no frame axis, or no whole hop.

    Examples:
        >>> upsample(torch.tensor([[0.0, 4.0]]), hop_length=4).tolist()
        [[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0]]
    """
    _require_frames(controls)
    require_whole(hop_length=hop_length)
    if previous is None:
        previous = torch.cat([controls[:, :1], controls[:, :-1]], dim=1)
    weight = ramp(hop_length, controls).reshape(-1, *[1] * (controls.ndim - 2))
    blended = previous.unsqueeze(2) + weight * (controls - previous).unsqueeze(2)
    return blended.flatten(1, 2)


def upsample_step(
    controls: Float[Tensor, "batch frame *channel"], state: UpsampleState, *, hop_length: int
) -> tuple[Float[Tensor, "batch time *channel"], UpsampleState]:
    """Return the next block's values at every sample and the state: `upsample` where it left off.

    Args:
        controls: Values at the frames' ends.
        state: From the block before, or from `upsample_state`.
        hop_length: Samples per frame.

    Raises:
        ValueError: As `upsample`.
    """
    previous = previous_frames(controls, state.last, state.started)
    after = UpsampleState(controls[:, -1], torch.ones_like(state.started))
    return upsample(controls, hop_length, previous), after


def _require_frames(controls: Tensor) -> None:
    if controls.ndim < 2 or controls.shape[1] == 0:
        raise ValueError(f"controls is {tuple(controls.shape)}; give (batch, frame, …), one frame or more.")
