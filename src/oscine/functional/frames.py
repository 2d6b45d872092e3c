"""Frame-rate controls at the sample rate: causal linear interpolation, the one that every processor uses.

Frame ``t`` is reached at its end, the instant ``(t + 1) · hop_length``; inside frame ``t`` a control goes in
a straight line from its value ``t − 1`` to its value ``t``. Nothing looks ahead, so the only memory is the
last frame.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.kernels.frames import ramp


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
    """
    mask = started.reshape(-1, *[1] * (controls.ndim - 2))
    first = torch.where(mask, last.to(controls.dtype), controls[:, 0])
    return torch.cat([first.unsqueeze(1), controls[:, :-1]], dim=1)


def upsample(
    controls: Float[Tensor, "batch frame *channel"],
    hop_length: int,
    previous: Float[Tensor, "batch frame *channel"] | None = None,
) -> Float[Tensor, "batch time *channel"]:
    """Return frame-rate controls at every sample, by causal linear interpolation.

    ``c[t · hop + i] = c[t − 1] + (i / hop) · (c[t] − c[t − 1])``

    Args:
        controls: Values at the frames' ends.
        hop_length: Samples per frame.
        previous: Values one frame earlier (see `previous_frames`); the first frame is held when left out.

    Example:
        >>> upsample(torch.tensor([[0.0, 4.0]]), hop_length=4).tolist()
        [[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0]]
    """
    if previous is None:
        previous = torch.cat([controls[:, :1], controls[:, :-1]], dim=1)
    weight = ramp(hop_length, controls).reshape(-1, *[1] * (controls.ndim - 2))
    blended = previous.unsqueeze(2) + weight * (controls - previous).unsqueeze(2)
    return blended.flatten(1, 2)
