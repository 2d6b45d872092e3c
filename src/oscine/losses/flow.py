"""The loss of a rectified flow: the squared error of the velocity at a random place of a straight path."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from oscine.functional.flow import flow_path, flow_start


def flow_loss(
    velocity: Callable[[Tensor, Tensor], Tensor],
    target: Float[Tensor, "batch frame channel"],
    smooth: Float[Tensor, "batch frame channel"],
    noise: Float[Tensor, "batch frame channel"],
    place: Float[Tensor, " batch"],
    *,
    t_start: float,
) -> Float[Tensor, ""]:
    """Return ``mean (velocity(x, t) − (target − start) / (1 − t_start))²``, a scalar.

    The start is ``t_start · smooth + (1 − t_start) · noise``, t lies at the share ``place`` of the way from
    ``t_start`` to 1, and x at that time on the straight path from the start to the target. With noise and
    place drawn anew in every step, the minimum is the mean velocity of all paths through x, and its flow
    turns the distribution of the starts into the distribution of the targets.

    Args:
        velocity: The network, a function of a point (batch, frame, channel) and times (batch,).
        target: The wanted end of the flow.
        smooth: The predictor's output for the same frames.
        noise: Normal, of variance 1.
        place: 0 … 1, one of each item.
        t_start: Time of the start, 0 … 1 without 1.

    Raises:
        ValueError: When the start's time is out of range.

    Reference: Liu, Gong, Liu: Flow Straight and Fast, ICLR 2023; see `oscine.functional.euler_flow`.
    """
    start = flow_start(smooth, noise, t_start)
    time = t_start + (1.0 - t_start) * place
    x, expected = flow_path(start, target, time, t_start)
    return (velocity(x, time) - expected).square().mean()
