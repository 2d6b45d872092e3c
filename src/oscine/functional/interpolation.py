"""From a slow grid to the frames' grid, causally."""

import torch
from jaxtyping import Float
from torch import Tensor


def refine_frames(
    values: Float[Tensor, "batch coarse channel"], factor: int, n_frames: int
) -> Float[Tensor, "batch frame channel"]:
    """Return values given every ``factor`` frames on every frame, linearly in between.

    ``y[t] = x[s − 1] + (x[s] − x[s − 1]) · ((t mod factor) + 1) / factor`` with ``s = t div factor``: value s
    is reached at the end of its stretch, like every control here; before the first one it is the first.

    Args:
        values: One value for each stretch of ``factor`` frames.
        factor: Frames per value, at least 1.
        n_frames: Frames to return, at most ``coarse · factor``.
    """
    before = torch.cat([values[:, :1], values[:, :-1]], dim=1)
    share = torch.arange(1, factor + 1, dtype=values.dtype, device=values.device) / factor
    fine = before[:, :, None] + (values - before)[:, :, None] * share[:, None]
    return fine.flatten(1, 2)[:, :n_frames]
