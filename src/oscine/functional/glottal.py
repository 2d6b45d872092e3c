"""The glottal source: how the air flow through the vocal folds changes, by Liljencrants and Fant's model.

A single number sets the shape of a cycle, Rd: 0.3 is a pressed voice, 1 a usual one, 2.7 a breathy one.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.checks import require_whole
from oscine.functional.constants import kept

LEAST_RD, MOST_RD = 0.3, 2.7
N_TABLES = 49
"""Cycles from the least Rd to the most, 0.05 apart."""
_SHARPNESS = 2.0  # a mixture of cycles is a bell half a step wide
_MIDDLE, _STEP = (LEAST_RD + MOST_RD) / 2, (MOST_RD - LEAST_RD) / (N_TABLES - 1)


def glottal_cycles(rd: Float[Tensor, " table"], n_harmonics: int) -> Float[Tensor, "table 2 harmonic"]:
    """Return the Fourier coefficients of the flow's derivative: cosines, then sines, of harmonics 1, 2, ….

    A cycle from 0 to 1 is ``E(t) = E_0 e^{αt} sin(πt / T_p)`` until ``T_e``, where it is at its lowest, and
    then ``−(e^{−ε(t−T_e)} − e^{−ε(1−T_e)}) / (ε T_a)``. Rd gives T_p, T_e and T_a; ε and α are such that both
    parts meet and that as much air returns as has come. The coefficients are the integrals in closed form, so
    nothing is aliased. Phase 0 is T_e, where the folds close: mixtures of cycles keep one closure.

    Each cycle has the energy of a sine of amplitude 1, as the tables of `wavetable_oscillator` have it.

    Args:
        rd: Shapes, in 0.3 … 2.7.
        n_harmonics: Harmonics to return.

    Raises:
        ValueError: When a shape is out of this range, for which the model has no cycle, or ``n_harmonics`` is
            not a whole number of at least 1.

    Reference: Fant, The LF-model revisited: transformations and frequency domain analysis, STL-QPSR 1995.
    """
    require_whole(n_harmonics=n_harmonics)
    if not ((rd > LEAST_RD - 1e-6) & (rd < MOST_RD + 1e-6)).all():
        raise ValueError(f"rd goes from {rd.min():g} to {rd.max():g}; give {LEAST_RD} … {MOST_RD}.")
    return _spectra(_constants(rd), n_harmonics)


def _constants(rd: Tensor) -> Float[Tensor, "table 6"]:
    """Return what the formula of a cycle has beside the time: α, ω, T_e, ε, T_a and the time after T_e."""
    rd = rd.to(torch.float64)
    ta = (-1 + 4.8 * rd) / 100
    skew = (22.4 + 11.8 * rd) / 100
    tp = 2 * (0.11 * rd / (0.5 + 1.2 * skew) - ta) / skew
    closed = tp * (1 + skew)
    omega, rest = math.pi / tp, 1 - closed
    epsilon = 1 / ta
    for _ in range(100):
        epsilon = (1 - torch.exp(-epsilon * rest)) / ta
    tail = torch.exp(-epsilon * rest)
    # What flows back after the closure, and the growth at which as much has flowed before.
    area = ((1 - tail) / epsilon - rest * tail) / (epsilon * ta)
    low, high = torch.zeros_like(rd), torch.full_like(rd, 20.0)
    for _ in range(60):
        alpha = (low + high) / 2
        more = _open_part(alpha, omega, closed) > area
        low, high = torch.where(more, alpha, low), torch.where(more, high, alpha)
    return torch.stack([low, omega, closed, epsilon, ta, rest], -1)


@kept
def _constants_of_tables() -> Tensor:
    # On the CPU, so that they are numbers also where a model is built without memory (device "meta").
    return _constants(torch.linspace(LEAST_RD, MOST_RD, N_TABLES, dtype=torch.float64, device="cpu"))


def _spectra(constants: Tensor, n_harmonics: int) -> Float[Tensor, "table 2 harmonic"]:
    alpha, omega, closed, epsilon, ta, rest = constants.unsqueeze(-2).unbind(-1)
    tail = torch.exp(-epsilon * rest)
    # ∫ E(t) e^{−k (t − T_e)} dt
    k = 2j * math.pi * torch.arange(1, n_harmonics + 1, dtype=alpha.dtype, device=alpha.device)
    fall = (1 - torch.exp(-(epsilon + k) * rest)) / (epsilon + k)
    level = tail * (1 - torch.exp(-k * rest)) / k
    spectrum = _open_part(alpha - k, omega, closed) - (fall - level) / (epsilon * ta)
    cycles = torch.stack([spectrum.real, -spectrum.imag], 1)
    return cycles / torch.linalg.vector_norm(cycles, dim=(1, 2), keepdim=True)


def _open_part(p: Tensor, omega: Tensor, closed: Tensor) -> Tensor:
    """Return ``∫_0^{T_e} E_0 e^{αt} sin(ωt) e^{−k (t − T_e)} dt`` for p = α − k, where ``E(T_e)`` is −1."""
    sine, cosine = torch.sin(omega * closed), torch.cos(omega * closed)
    return -(p * sine - omega * cosine + omega * torch.exp(-p * closed)) / ((p * p + omega * omega) * sine)


def glottal_weights(rd: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch frame table"]:
    """Return how the cycles of `glottal_tables` are mixed for Rd: a narrow bell, smooth in Rd.

    ``w_j ∝ exp(−2 (p − j)²)``, p the place of Rd among the tables; in practice three cycles are mixed.
    """
    scale, bias = glottal_mixing(rd.dtype, rd.device)
    return torch.softmax(rd.unsqueeze(-1) * scale + bias, dim=-1)


def glottal_mixing(
    dtype: torch.dtype = torch.float64, device: torch.device | str | None = None
) -> tuple[Float[Tensor, " table"], Float[Tensor, " table"]]:
    """Return scale and bias of the softmax that `glottal_weights` is: ``softmax(scale · Rd + bias)``.

    ``−s (p − j)²`` and ``2 s p j − s j²`` have one softmax, and the latter is linear in Rd. Counting from the
    middle table keeps the numbers small.
    """
    place = torch.arange(N_TABLES, dtype=torch.float64, device=device) - (N_TABLES - 1) / 2
    scale = 2 * _SHARPNESS / _STEP * place
    bias = -_SHARPNESS * place * place - scale * _MIDDLE
    return scale.to(dtype), bias.to(dtype)


def glottal_tables(n_harmonics: int) -> Float[Tensor, "table 2 harmonic"]:
    """Return the cycles of Rd = 0.3, 0.35, … 2.7 in float64; see `glottal_cycles`."""
    return _spectra(_constants_of_tables().to(torch.get_default_device()), n_harmonics)
