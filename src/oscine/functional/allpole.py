"""An all-pole filter whose reflection coefficients move from sample to sample."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.functional.checks import require_batch, require_state, require_whole
from oscine.functional.frames import previous_frames, upsample
from oscine.kernels import allpole as kernel

MOST_REFLECTION = 1 - 1e-7
"""Beyond it a reflection coefficient is held: a pole on the unit circle never decays."""


class AllpoleState(NamedTuple):
    """The state of an all-pole filter between two blocks."""

    lattice: Float[Tensor, "batch section"]
    """The upward signals of the lattice at the last sample, float64."""
    angles: Float[Tensor, "batch section"]
    """Arcsines of the reflection coefficients at the last frame, float64."""
    started: Bool[Tensor, " batch"]
    """False until the first frame, which is held from the start."""


def allpole_state(batch_size: int, order: int, device: torch.device | str | None = None) -> AllpoleState:
    """Return the state before the first sample of a filter with this many poles."""
    return AllpoleState(
        lattice=torch.zeros(batch_size, order, dtype=torch.float64, device=device),
        angles=torch.zeros(batch_size, order, dtype=torch.float64, device=device),
        started=torch.zeros(batch_size, dtype=torch.bool, device=device),
    )


def allpole(
    audio: Float[Tensor, "batch time"],
    reflection: Float[Tensor, "batch frame section"],
    *,
    hop_length: int,
) -> Float[Tensor, "batch time"]:
    """Return the audio through an all-pole filter that moves, from its start.

    For m = M … 1, with the input as ``f_M`` and ``y = f_0 = g_0``,

        f_{m−1}[n] = cos θ_m[n] · f_m[n] − sin θ_m[n] · g_{m−1}[n − 1]
        g_m[n]     = sin θ_m[n] · f_m[n] + cos θ_m[n] · g_{m−1}[n − 1]

    with ``sin θ_m`` the reflection coefficient at the frames' ends, and θ linear in between. Where the
    coefficients stand still, this is ``√Π(1 − k_m²) / A(z)``, A the polynomial of `reflection_to_lpc`: white
    noise leaves the filter with the power with which it entered.

    Every section is a rotation, and a rotation keeps energy. So ``Σ_m g_m[n]² ≤ Σ_{j≤n} x[j]²`` at every
    sample, however fast the coefficients move. The filter in its direct form has no such bound. The gradient
    is exact. It computes in float64, whatever it is given, and has no latency.

    Args:
        audio: The input of the filter, ``frame · hop_length`` samples.
        reflection: Reflection coefficients at the frames' ends, in −1 … 1; the first frame is held from the
            start.
        hop_length: Samples per frame.

    Raises:
        ValueError: When the shapes do not fit, there is no frame, or the hop is not a whole number of at
            least 1.

    Reference: Gray and Markel, A normalized digital filter structure, 1975; Yu and Fazekas, Singing voice
        synthesis using differentiable LPC and glottal-flow-inspired wavetables (GOLF), ISMIR 2023, which has
        the direct form.

    Examples:
        >>> allpole(torch.randn(1, 640), torch.zeros(1, 10, 22), hop_length=64).shape
        torch.Size([1, 640])
    """
    state = allpole_state(reflection.shape[0], reflection.shape[-1], reflection.device)
    return allpole_step(audio, reflection, state, hop_length=hop_length)[0]


def allpole_step(
    audio: Float[Tensor, "batch time"],
    reflection: Float[Tensor, "batch frame section"],
    state: AllpoleState,
    *,
    hop_length: int,
) -> tuple[Float[Tensor, "batch time"], AllpoleState]:
    """Return the next block, filtered, and the state: `allpole` where it left off.

    Raises:
        ValueError: See `allpole`; and when the state is of another batch or order.
    """
    _check(audio, reflection, hop_length)
    require_state("allpole_state", lattice=(state.lattice, (reflection.shape[0], reflection.shape[2])))
    angles = _angles(reflection)
    previous = previous_frames(angles, state.angles, state.started)[:, 0]
    output, states = kernel.allpole(audio.double(), angles, previous, state.lattice.double(), hop_length)
    after = AllpoleState(states[:, -1], angles[:, -1], torch.ones_like(state.started))
    return output.to(audio.dtype), after


def allpole_residual(
    audio: Float[Tensor, "batch time"],
    reflection: Float[Tensor, "batch frame section"],
    *,
    hop_length: int,
) -> Float[Tensor, "batch time"]:
    """Return the residual of linear prediction: the input of `allpole` that gives this audio.

    The lattice from its output up, ``f_m[n] = (f_{m−1}[n] + sin θ_m[n] g_{m−1}[n − 1]) / cos θ_m[n]``. With
    other reflection coefficients in `allpole`, the audio has other formants.

    Args:
        audio: The wanted output of the filter, ``frame · hop_length`` samples.
        reflection: As in `allpole`.
        hop_length: Samples per frame.

    Raises:
        ValueError: When the shapes do not fit, there is no frame, or the hop is not a whole number of at
            least 1.
    """
    _check(audio, reflection, hop_length)
    angles = upsample(_angles(reflection), hop_length)
    downward = upward = audio.double()
    for angle in angles.unbind(-1):
        before = torch.nn.functional.pad(upward, (1, 0))[:, :-1]
        downward = (downward + torch.sin(angle) * before) / torch.cos(angle)
        upward = torch.sin(angle) * downward + torch.cos(angle) * before
    return downward.to(audio.dtype)


def _angles(reflection: Tensor) -> Tensor:
    return torch.asin(reflection.double().clamp(-MOST_REFLECTION, MOST_REFLECTION))


def _check(audio: Tensor, reflection: Tensor, hop_length: int) -> None:
    require_batch("reflection", reflection, "batch frame section")
    require_whole(hop_length=hop_length)
    batch, n_frames, _ = reflection.shape
    if tuple(audio.shape) != (batch, n_frames * hop_length):
        raise ValueError(
            f"audio is {tuple(audio.shape)}; beside reflection of {tuple(reflection.shape)} and hops of "
            f"{hop_length} give {(batch, n_frames * hop_length)}."
        )
