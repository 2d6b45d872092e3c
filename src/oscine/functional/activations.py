"""Activations that bring a network's unbounded output into a control's range."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.kernels.frames import divisor


def exp_sigmoid(
    x: Float[Tensor, "*shape"], exponent: float = 10.0, maximum: float = 2.0, threshold: float = 1e-7
) -> Float[Tensor, "*shape"]:
    """Return a positive amplitude that is exponential for small and bounded for large ``x``.

    ``y = maximum · σ(x)^ln(exponent) + threshold``

    Reference: Engel et al., DDSP, 2020, appendix B.5.

    Examples:
        >>> exp_sigmoid(torch.tensor([-10.0, 0.0, 10.0]))
        tensor([1.0020e-07, 4.0540e-01, 1.9998e+00])
    """
    # σ(x)^p = exp(−p softplus(−x)): one transcendental less, and no pow of a number that underflowed.
    return maximum * torch.exp(-math.log(exponent) * torch.nn.functional.softplus(-x)) + threshold


def inverse_exp_sigmoid(y: float, exponent: float = 10.0, maximum: float = 2.0) -> float:
    """Return the number whose exponential sigmoid is ``y``, a threshold of 0 assumed.

    Args:
        y: Above 0 and below ``maximum``.
        exponent: As in `exp_sigmoid`.
        maximum: As in `exp_sigmoid`.

    Examples:
        >>> round(float(exp_sigmoid(torch.tensor(inverse_exp_sigmoid(0.25)))), 6)
        0.25
    """
    share = (y / maximum) ** (1 / math.log(exponent))
    return math.log(share / (1 - share))


def scaled_sigmoid(x: Float[Tensor, "*shape"], minimum: float, maximum: float) -> Float[Tensor, "*shape"]:
    """Return ``minimum + (maximum − minimum) σ(x)``: a linear range, saturating at both ends."""
    return minimum + (maximum - minimum) * torch.sigmoid(x)


def log_sigmoid_range(x: Float[Tensor, "*shape"], minimum: float, maximum: float) -> Float[Tensor, "*shape"]:
    """Return ``minimum · (maximum / minimum)^σ(x)``: equal steps of ``σ(x)`` are equal ratios."""
    return minimum * torch.exp(math.log(maximum / minimum) * torch.sigmoid(x))


def normalize_distribution(weights: Float[Tensor, "*shape channel"]) -> Float[Tensor, "*shape channel"]:
    """Return non-negative weights divided by their sum.

    A row whose sum is at most 1e-30 is silent and stays as it is; one whose sum overflows becomes zeros.
    """
    return weights / divisor(weights.sum(dim=-1, keepdim=True))
