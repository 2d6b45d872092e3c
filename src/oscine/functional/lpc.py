"""Linear prediction: reflection coefficients, the filter's polynomial, and the formants in it."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.checks import require_whole

_LEAST_HZ = 90.0


def reflection_to_lpc(reflection: Float[Tensor, "*frame section"]) -> Float[Tensor, "*frame section"]:
    """Return a_1 … a_M of ``A(z) = 1 + Σ_i a_i z^−i`` from reflection coefficients.

    Levinson's recursion, for m = 1 … M: ``a_i ← a_i + k_m a_{m−i}`` for i < m, ``a_m ← k_m``. All roots of A
    are inside the unit circle if all ``|k_m| < 1``.

    Args:
        reflection: k_1 … k_M.

    Examples:
        >>> reflection_to_lpc(torch.tensor([-0.5, 0.25]))
        tensor([-0.6250,  0.2500])
    """
    coefficients = reflection[..., :0]
    for k in reflection.split(1, -1):
        coefficients = torch.cat([coefficients + k * coefficients.flip(-1), k], -1)
    return coefficients


def lpc_to_reflection(coefficients: Float[Tensor, "*frame section"]) -> Float[Tensor, "*frame section"]:
    """Return the reflection coefficients of a filter, the inverse of `reflection_to_lpc`.

    Args:
        coefficients: a_1 … a_M; A's roots have to be inside the unit circle.

    Examples:
        >>> lpc_to_reflection(torch.tensor([-0.625, 0.25]))
        tensor([-0.5000,  0.2500])
    """
    reflection = []
    for _ in range(coefficients.shape[-1]):
        rest, k = coefficients[..., :-1], coefficients[..., -1:]
        reflection.append(k)
        coefficients = (rest - k * rest.flip(-1)) / (1 - k * k)
    return torch.cat(reflection[::-1], -1)


def formants(
    reflection: Float[Tensor, "*frame section"], *, sample_rate: int, widest_hz: float = 500.0
) -> tuple[Float[Tensor, "*frame formant"], Float[Tensor, "*frame formant"]]:
    """Return the formants' frequencies and bandwidths, Hz, lowest first.

    A pole ``r e^{jω}`` has the frequency ``ω · sample_rate / 2π`` and the bandwidth
    ``−ln r · sample_rate / π``.

    Args:
        reflection: Reflection coefficients of the filter.
        sample_rate: Hz.
        widest_hz: Poles of a larger bandwidth are not formants; nor are poles below 90 Hz and real ones.

    Returns:
        ``M // 2`` of each; those that a frame does not have are NaN.

    Examples:
        >>> radius, angle = 0.97, 2 * torch.pi * 500 / 16000
        >>> a = torch.tensor([-2 * radius * math.cos(angle), radius**2], dtype=torch.float64)
        >>> tuple(round(float(x)) for x in formants(lpc_to_reflection(a), sample_rate=16000))
        (500, 155)
    """
    require_whole(sample_rate=sample_rate)
    poles, is_formant = _poles(reflection, sample_rate, widest_hz)
    hz, width = _hz_and_width(poles, sample_rate)
    nothing = torch.full_like(hz, torch.nan)
    hz, order = torch.where(is_formant, hz, nothing + torch.inf).sort(-1)
    n = reflection.shape[-1] // 2
    width = torch.where(is_formant, width, nothing).gather(-1, order)
    return torch.where(hz.isfinite(), hz, nothing)[..., :n], width[..., :n]


def move_formant(
    reflection: Float[Tensor, "*frame section"],
    number: int,
    factor: float,
    *,
    sample_rate: int,
    widest_hz: float = 500.0,
) -> Float[Tensor, "*frame section"]:
    """Return reflection coefficients with one formant at another frequency, its bandwidth kept.

    The angle of the formant's pair of poles is multiplied by the factor, at most to 0.98 of Nyquist. All
    other poles stay. No gradient goes through. A frame that does not have the formant is returned as it is.

    Args:
        reflection: Reflection coefficients of the filter.
        number: 1 for the lowest formant (see `formants`).
        factor: On its frequency; 1.2 moves it up by 20 %.
        sample_rate: Hz.
        widest_hz: As in `formants`.

    Raises:
        ValueError: When the factor is not positive, or a number is not whole and positive.

    Reference: Juvela et al., HiFi-Glot, 2024, where a network moves the formants.
    """
    require_whole(number=number, sample_rate=sample_rate)
    if not 0 < factor < math.inf:
        raise ValueError(f"factor is {factor}; give a positive number.")
    poles, is_formant = _poles(reflection, sample_rate, widest_hz)
    angle = torch.where(is_formant, poles.angle(), torch.inf)
    rank = angle.argsort(-1).argsort(-1)
    chosen = is_formant & (rank == number - 1)
    moved = torch.polar(poles.abs(), (poles.angle() * factor).clamp(max=0.98 * math.pi))
    conjugate = (poles.conj().unsqueeze(-1) - poles.unsqueeze(-2)).abs().argmin(-1)
    mirrored = chosen.gather(-1, conjugate) & ~chosen
    together = torch.where(chosen, moved, poles)
    together = torch.where(mirrored, together.gather(-1, conjugate).conj(), together)
    result = lpc_to_reflection(_polynomial(together)).to(reflection.dtype)
    return torch.where(chosen.any(-1, keepdim=True), result, reflection)


def _poles(reflection: Tensor, sample_rate: int, widest_hz: float) -> tuple[Tensor, Tensor]:
    """Return the roots of A in complex128, and which of them are a formant's upper one."""
    a = reflection_to_lpc(reflection.detach().double())
    order = a.shape[-1]
    companion = torch.diag(torch.ones(order - 1, dtype=a.dtype, device=a.device), -1)
    companion = companion.repeat(*a.shape[:-1], 1, 1)
    companion[..., 0, :] = -a
    poles = torch.linalg.eigvals(companion)
    hz, width = _hz_and_width(poles, sample_rate)
    return poles, (hz > _LEAST_HZ) & (hz < 0.98 * sample_rate / 2) & (width < widest_hz)


def _hz_and_width(poles: Tensor, sample_rate: int) -> tuple[Tensor, Tensor]:
    hz = poles.angle() * sample_rate / (2 * math.pi)
    return hz, -torch.log(poles.abs().clamp(min=1e-12)) * sample_rate / math.pi


def _polynomial(roots: Tensor) -> Tensor:
    """Return a_1 … a_M of the polynomial with these roots, which come in conjugate pairs."""
    result = torch.ones_like(roots[..., :1])
    for root in roots.split(1, -1):
        zero = torch.zeros_like(result[..., :1])
        result = torch.cat([result, zero], -1) - root * torch.cat([zero, result], -1)
    return result[..., 1:].real
