"""Damped sinusoids that begin with a hit: the modes of a struck object."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.checks import require_batch
from oscine.functional.hit import HitState, held_controls, hit_state, since_onset_step

_SHORTEST_S = 1e-6


def modes(
    onset_s: Float[Tensor, "batch frame"],
    frequencies_hz: Float[Tensor, "batch frame mode"],
    decays_s: Float[Tensor, "batch frame mode"],
    amplitudes: Float[Tensor, "batch frame mode"],
    phases: Float[Tensor, "batch frame mode"],
    *,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch time"]:
    """Return damped sinusoids from each onset, in closed form.

    ``y[n] = Σ_j a_j exp(−t / T_j) sin(2π (f_j t + φ_j))``, t being the time since the onset, and nothing
    before the first one. A hit takes the controls of the frame in which it begins and keeps them; it ends the
    hit before.

    Args:
        onset_s: Seconds since the onset at the frames' ends (see `oscine.functional.hit`); its gradient moves
            the onset between the samples.
        frequencies_hz: f.
        decays_s: T, seconds in which an amplitude falls to 1/e.
        amplitudes: a, linear.
        phases: φ at the onset, turns.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Returns:
        ``frame · hop_length`` samples.

    Raises:
        ValueError: When the shapes do not fit.

    Examples:
        >>> onset_s, one = torch.tensor([[0.0, 0.004, 0.008]]), torch.ones(1, 3, 1)
        >>> modes(onset_s, 200 * one, one, one, 0 * one, sample_rate=1000, hop_length=4).shape
        torch.Size([1, 12])
    """
    _check(onset_s, frequencies_hz, decays_s, amplitudes, phases)
    state = hit_state(onset_s.shape[0], 4 * frequencies_hz.shape[-1], onset_s.device)
    rates = {"sample_rate": sample_rate, "hop_length": hop_length}
    return modes_step(onset_s, frequencies_hz, decays_s, amplitudes, phases, state, **rates)[0]


def modes_step(
    onset_s: Float[Tensor, "batch frame"],
    frequencies_hz: Float[Tensor, "batch frame mode"],
    decays_s: Float[Tensor, "batch frame mode"],
    amplitudes: Float[Tensor, "batch frame mode"],
    phases: Float[Tensor, "batch frame mode"],
    state: HitState,
    *,
    sample_rate: int,
    hop_length: int,
) -> tuple[Float[Tensor, "batch time"], HitState]:
    """Return the next block's audio and state: `modes` where it left off (same arguments)."""
    _check(onset_s, frequencies_hz, decays_s, amplitudes, phases)
    hit, after = since_onset_step(onset_s, state, sample_rate=sample_rate, hop_length=hop_length)
    given = torch.cat([frequencies_hz, decays_s, amplitudes, phases], dim=-1)
    start, end = held_controls(given, state.held, hit.begun)
    # Both for all samples: that takes less than to choose the controls of each sample.
    audio = torch.where(hit.begun, _sound(hit.since, end, sample_rate), _sound(hit.since, start, sample_rate))
    audio = torch.where(hit.since < 0, torch.zeros_like(audio), audio)
    return audio.flatten(1), after._replace(held=end[:, -1])


def _check(onset_s: Tensor, *controls: Tensor) -> None:
    require_batch("onset_s", onset_s, "batch frame")
    for name, value in zip(("frequencies_hz", "decays_s", "amplitudes", "phases"), controls, strict=True):
        require_batch(name, value, "batch frame mode", ("onset_s", onset_s))
        if value.shape != controls[0].shape:
            raise ValueError(
                f"{name} is {tuple(value.shape)} and frequencies_hz {tuple(controls[0].shape)}; give one "
                "for each mode."
            )


def _sound(since: Tensor, held: Tensor, sample_rate: int) -> Tensor:
    """Return the sinusoids of each frame's controls, (batch, frame, hop)."""
    hz, decay_s, level, phase = held.unsqueeze(2).chunk(4, dim=-1)
    time = (since.clamp(min=0) / sample_rate).unsqueeze(-1)
    turns = torch.addcmul(phase.to(torch.float64), hz.to(torch.float64), time)
    angle = 2 * math.pi * (turns - torch.round(turns.detach())).to(level.dtype)
    fall = torch.exp(time.to(level.dtype) * -(1 / decay_s.clamp(min=_SHORTEST_S)))
    return (torch.sin(angle) * fall @ level.transpose(-1, -2)).squeeze(-1)
