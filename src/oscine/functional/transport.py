"""Optimal transport along a line: how far, on average, one spectrum's mass must move to become another's.

On a line the cheapest plan keeps the order, so it is known without a search for it: the mass at quantile u of
the one goes to quantile u of the other. With F and G the cumulative sums of the two distributions,

    W_p^p = ∫₀¹ |F⁻¹(u) − G⁻¹(u)|^p du,        and for p = 1 also        W_1 = ∫ |F(x) − G(x)| dx.

The distance of two tones is thus how far apart they are, whether or not their spectra overlap. A difference
bin by bin is the same for all that do not overlap, and so it has no direction there.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.functional.checks import comparable_sounds
from oscine.functional.stft import frame

# Least power of a bin: far below the rounding of any audio, it makes silence a uniform spectrum, not 0 / 0.
_LEAST_POWER = 1e-30


def wasserstein_distance(
    weights: Float[Tensor, "*batch bin"],
    target: Float[Tensor, "*batch bin"],
    positions: Float[Tensor, " bin"],
) -> Float[Tensor, "*batch"]:
    """Return the mean way of the mass, ``W_1 = Σ_j |F_j − G_j| · (x_{j+1} − x_j)``.

    Args:
        weights: Distribution over the bins, non-negative, of sum 1.
        target: The same of what it is compared with.
        positions: Where the bins lie, ascending, x.

    Returns:
        In the unit of ``positions``.

    Reference: Vallender, Calculation of the Wasserstein distance between probability distributions on the
        line, 1974.

    Examples:
        >>> one, other = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.5, 0.5])
        >>> float(wasserstein_distance(one, other, torch.tensor([0.0, 2.0, 3.0])))
        2.5
    """
    # The difference first: it stays small where the two agree, and so does its running sum's rounding.
    ahead = (weights - target).cumsum(-1)[..., :-1]
    return ahead.abs() @ positions.diff()


def wasserstein_power(
    weights: Float[Tensor, "*batch bin"],
    target: Float[Tensor, "*batch bin"],
    positions: Float[Tensor, " bin"],
    power: int | float = 2.0,
) -> Float[Tensor, "*batch"]:
    """Return the mean of the mass's way to a power, ``W_p^p = Σ_i φ_i a_i + Σ_j ψ_j b_j``, p > 1.

    φ and ψ are what a unit of mass costs where it leaves and where it arrives (Kantorovich's potentials).
    Mass at the upper edge of bin i, quantile F_i, is taken to ``T_i = G⁻¹(F_i)``; a step further along it
    would cost ``φ_{i+1} − φ_i = |x_{i+1} − T_i|^p − |x_i − T_i|^p``, and the sum of these steps is φ. The
    distance is linear in the mass wherever no quantile passes another one, so φ and ψ are also its gradient,
    and neither the plan nor a sort of the quantiles is needed.

    Args:
        weights: Distribution over the bins, non-negative, of sum 1: a.
        target: The same of what it is compared with: b.
        positions: Where the bins lie, ascending, x.
        power: p; 2 weighs a long way more than many short ones.

    Returns:
        In the unit of ``positions`` to the power.

    Reference: Santambrogio, Optimal Transport for Applied Mathematicians, 2015, chapter 2.
    """
    # The potentials are as large as the longest way's cost, and all but cancel: too much for float32.
    a, b = (x.double() / x.double().sum(-1, keepdim=True) for x in (weights, target))
    with torch.no_grad():
        from_here, to_there = _potentials(a.detach(), b.detach(), positions.double(), power)
    return ((a * from_here).sum(-1) + (b * to_there).sum(-1)).to(weights.dtype)


def _potentials(a: Tensor, b: Tensor, positions: Tensor, power: int | float) -> tuple[Tensor, Tensor]:
    below_a, below_b = a.cumsum(-1), b.cumsum(-1)
    # Where two quantiles are the same, each may be said to come first, but both potentials must say the same.
    potential_a = _climb(below_a, below_b, positions, power, right=False)
    potential_b = _climb(below_b, below_a, positions, power, right=True)
    # Each is known but for a constant. Where the first mass of both meets, the two add up to what it costs.
    first_a = (below_a > 0).int().argmax(-1, keepdim=True)
    first_b = (below_b > 0).int().argmax(-1, keepdim=True)
    cost = (positions[first_a] - positions[first_b]).abs() ** power
    potential_b -= potential_a.gather(-1, first_a) + potential_b.gather(-1, first_b) - cost
    return potential_a, potential_b


def _climb(below: Tensor, below_other: Tensor, positions: Tensor, power: int | float, right: bool) -> Tensor:
    """Return the potential, 0 at the first bin: the running sum of the steps' costs."""
    goal = torch.searchsorted(below_other, below[..., :-1].contiguous(), right=right)
    there = positions[goal.clamp_(max=len(positions) - 1)]
    step = (positions[1:] - there).abs() ** power - (positions[:-1] - there).abs() ** power
    return torch.nn.functional.pad(step.cumsum(-1), (1, 0))


def spectral_transport(
    audio: Float[Tensor, "*batch time"],
    target: Float[Tensor, "..."],
    *,
    window: Float[Tensor, " sample"],
    hop_length: int,
    positions: Float[Tensor, " bin"],
    order: int | float = 1.0,
    exponent: int | float = 2.0,
    floor_db: int | float = -60.0,
) -> Float[Tensor, ""]:
    """Return how far the spectra are from the target's, ``Σ_i v_i g_i W_p^p(a_i, b_i) / Σ_i v_i``.

    ``a_i = |X̂_i|^e / Σ |X̂_i|^e`` and ``b_i`` are the spectra of frame i as distributions, so level has no
    say. ``v_i = 1 − level_i / floor``, within 0 … 1, weighs a frame by the target's level in dB: 1 at full
    scale, 0 from the floor down. ``g_i = P̂_i / (P̂_i + P_floor)`` tells sound from silence in the prediction:
    near 1 above the floor; far below it the slope of the distribution, which grows without bound as the power
    P̂ falls, has no say.

    Frames lie inside the signal. In one that is cut by the signal's edge, what leaks between the harmonics
    beats with the phase that they have run up since the start. That beat has the steepest slope of all over
    f0, and its sign is chance.

    Args:
        audio: The prediction; the gradient goes to it.
        target: The truth, of the same shape; no gradient.
        window: Weights of a frame. A signal shorter than one frame is centred in zeros.
        hop_length: Samples from frame to frame.
        positions: Where the *last* bins of the spectrum lie, ascending; bins before them (DC at least, on a
            logarithmic axis) are left out.
        order: p: 1, or more for W_p^p.
        exponent: e: 1 for magnitudes, 2 for power.
        floor_db: Level of a frame, in dB of a full-scale sine, below which it is silence.

    Returns:
        A scalar in the unit of ``positions`` to the power ``order``; 0 when the target is silent throughout.

    Raises:
        InputError: When the shapes differ, there is no sample, the target requires a gradient, or the order
            is below 1.
    """
    audio, target = comparable_sounds(audio, target)
    if target.requires_grad:
        raise InputError("target requires a gradient, but only audio receives one; pass target.detach().")
    if not order >= 1:
        raise InputError(f"order is {order}; give 1 or more.")
    window, positions = window.to(audio), positions.to(audio)
    n_bins = len(positions)
    power, true_power = (_power(x, window, hop_length)[..., -n_bins:] for x in (audio, target))
    full_scale = len(window) * window.square().sum() / 4
    floor = full_scale * 10.0 ** (floor_db / 10.0)
    level_db = 10.0 * torch.log10(true_power.sum(-1).clamp(min=_LEAST_POWER) / full_scale)
    audibility = (1.0 - level_db / floor_db).clamp(0.0, 1.0)
    sound = power.sum(-1)
    weights, true_weights = (_distribution(x, exponent) for x in (power, true_power))
    if order == 1:
        way = wasserstein_distance(weights, true_weights, positions)
    else:
        way = wasserstein_power(weights, true_weights, positions, order)
    way = way * sound / (sound + floor)
    return (audibility * way).sum() / audibility.sum().clamp(min=_LEAST_POWER)


def _power(audio: Tensor, window: Tensor, hop_length: int) -> Tensor:
    missing = max(0, len(window) - audio.shape[-1])
    padded = torch.nn.functional.pad(audio, (missing // 2, missing - missing // 2))
    spectrum = torch.view_as_real(torch.fft.rfft(frame(padded, len(window), hop_length) * window))
    return spectrum.square().sum(-1)


def _distribution(power: Tensor, exponent: int | float) -> Tensor:
    mass = power.clamp(min=_LEAST_POWER)
    mass = mass if exponent == 2 else mass ** (exponent / 2)
    return mass / mass.sum(-1, keepdim=True)
