"""The frames before a block: what a causal layer needs of the past."""

import torch
from jaxtyping import Float
from torch import Tensor


def with_past(
    past: Float[Tensor, "batch past channel"], frames: Float[Tensor, "batch frame channel"]
) -> tuple[Float[Tensor, "batch both channel"], Float[Tensor, "batch past channel"]]:
    """Return the past with the block behind it, and the past of the next block, which is as long.

    Args:
        past: The last frames before the block.
        frames: The block, of any length.
    """
    both = torch.cat([past, frames], dim=1)
    return both, both[:, both.shape[1] - past.shape[1] :]
