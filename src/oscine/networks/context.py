"""The frames before a block, which a causal layer needs."""

import torch
from jaxtyping import Float
from torch import Tensor


def with_past(
    past: Float[Tensor, "batch past channel"], frames: Float[Tensor, "batch frame channel"]
) -> tuple[Float[Tensor, "batch both channel"], Float[Tensor, "batch past channel"]]:
    """Return the past followed by the block, and the past of the next block, which has the same length.

    Args:
        past: The last frames before the block.
        frames: The block, of any length.
    """
    both = torch.cat([past, frames], dim=1)
    return both, both[:, both.shape[1] - past.shape[1] :]
