"""A click: a short waveform that begins with a hit, anywhere between two samples."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.checks import require_batch
from oscine.functional.hit import HitState, held_controls, hit_state, since_onset_step

#: Samples on either side of a tap that its interpolation reaches.
REACH = 4


def transient(
    onset_s: Float[Tensor, "batch frame"],
    taps: Float[Tensor, "batch frame tap"],
    *,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch time"]:
    """Return a short waveform at each onset, between the samples where the onset is.

    ``y[n] = Σ_k c_k κ(τ[n] − 4 − k)``, with ``κ(u) = sinc(u) cos²(πu / 8)`` for |u| < 4

    τ is the samples since the onset. κ begins to rise where τ is 0, so nothing sounds before the onset; the
    peak of tap k comes 4 + k samples after it. At a whole τ, tap k is sample ``4 + k`` as it is.

    Args:
        onset_s: Seconds since the onset at the frames' ends (see `oscine.functional.hit`); its gradient moves
            the click between the samples.
        taps: c of the frame in which a hit begins; those of other frames mean nothing.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Returns:
        ``frame · hop_length`` samples.

    Raises:
        ValueError: When the shapes do not fit.

    Reference: Verma and Meng, Extending spectral modeling synthesis with transient modeling synthesis,
        Computer Music Journal 24(2), 2000. There a click is sinusoids in the DCT domain of a block, so its
        position and its shape are one; here they are two.

    Examples:
        >>> onset_s = torch.tensor([[0.0, 8.0]])
        >>> audio = transient(onset_s, torch.ones(1, 2, 1), sample_rate=1, hop_length=8)
        >>> int(audio.argmax()), float(audio.max())
        (12, 1.0)
    """
    require_batch("taps", taps, "batch frame tap", ("onset_s", onset_s))
    state = hit_state(onset_s.shape[0], taps.shape[-1], onset_s.device)
    return transient_step(onset_s, taps, state, sample_rate=sample_rate, hop_length=hop_length)[0]


def transient_step(
    onset_s: Float[Tensor, "batch frame"],
    taps: Float[Tensor, "batch frame tap"],
    state: HitState,
    *,
    sample_rate: int,
    hop_length: int,
) -> tuple[Float[Tensor, "batch time"], HitState]:
    """Return the next block's audio and state: `transient` where it left off (same arguments)."""
    require_batch("taps", taps, "batch frame tap", ("onset_s", onset_s))
    hit, after = since_onset_step(onset_s, state, sample_rate=sample_rate, hop_length=hop_length)
    start, end = held_controls(taps, state.held, hit.begun)
    n_taps = taps.shape[-1]
    whole = torch.floor(hit.since)
    share = (hit.since - whole).unsqueeze(-1)
    reach = torch.arange(2 * REACH, device=taps.device)
    tap = whole.long().unsqueeze(-1) - reach
    distance = share + (reach - REACH)
    weight = torch.sinc(distance) * torch.cos(math.pi / (2 * REACH) * distance).square()
    weight = torch.where((tap >= 0) & (tap < n_taps), weight.to(taps.dtype), 0.0)
    place = tap.clamp(0, n_taps - 1) + n_taps * hit.begun.long().unsqueeze(-1)
    both = torch.cat([start, end], dim=-1)
    taken = both.gather(-1, place.flatten(2)).view_as(place)
    return (taken * weight).sum(dim=-1).flatten(1), after._replace(held=end[:, -1])
