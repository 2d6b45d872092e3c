"""Holding the last good value of a signal over frames that have none."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def hold_valid(
    values: Float[Tensor, "batch frame *channel"],
    valid: Bool[Tensor, "batch frame *channel"],
    last: Float[Tensor, "batch *channel"],
) -> tuple[Float[Tensor, "batch frame *channel"], Float[Tensor, "batch *channel"]]:
    """Return the values with the last valid one in place of every invalid one, and the next ``last``.

    Args:
        values: Any numbers; the invalid ones may be NaN.
        valid: Which of them count.
        last: The value that stands before the first valid frame; without frames it stays.

    Examples:
        >>> values, valid = torch.tensor([[5.0, 7.0, 0.0]]), torch.tensor([[False, True, False]])
        >>> hold_valid(values, valid, torch.tensor([1.0]))[0].tolist()
        [[1.0, 7.0, 7.0]]
    """
    if values.shape[1] == 0:
        return values, last
    all_values = torch.cat([last.unsqueeze(1).to(values.dtype), values], dim=1)
    # The number of the last valid frame; number 0 is `last`.
    shape = (1, values.shape[1], *[1] * (values.ndim - 2))
    number = torch.arange(1, values.shape[1] + 1, device=values.device).reshape(shape)
    source = torch.where(valid, number, torch.zeros_like(number)).cummax(dim=1).values
    held = all_values.gather(1, source)
    return held, held[:, -1]
