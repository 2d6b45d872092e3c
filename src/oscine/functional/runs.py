"""Unbroken stretches of frames."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def runs(mask: Bool[Tensor, " frame"], at_least: int | float = 1) -> Int[Tensor, "run 2"]:
    """Return the first frame, and the frame after the last, of every unbroken stretch of ``True``.

    Args:
        mask: One value a frame.
        at_least: Shorter stretches, in frames, are left out.

    Examples:
        >>> runs(torch.tensor([True, True, False, True])).tolist()
        [[0, 2], [3, 4]]
    """
    edges = torch.diff(mask.to(torch.int8), prepend=mask.new_zeros(1), append=mask.new_zeros(1))
    found = torch.stack([torch.nonzero(edges == 1)[:, 0], torch.nonzero(edges == -1)[:, 0]], dim=1)
    return found[found[:, 1] - found[:, 0] >= at_least]
