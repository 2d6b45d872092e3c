"""A hit in time: the samples since its onset, and what stays as it is until the next one.

Every part of a hit is a function of τ, the samples since the onset. It is given as the seconds since the
onset at each frame's end, ``onset_s``, so a hit may begin anywhere between two samples. Before the first hit
``onset_s`` is 0.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.functional.checks import require_batch, require_state, require_whole


class HitState(NamedTuple):
    """The state of a part of a hit between two blocks."""

    age: Float[Tensor, " batch"]
    """Samples since the onset at the last frame's end, float64; 0 before the first hit."""
    since: Float[Tensor, " batch"]
    """τ at the last sample, float64; negative before the first hit."""
    held: Float[Tensor, "batch channel"]
    """Controls of the hit that sounds."""


class Hit(NamedTuple):
    """Where the samples of a block lie in their hits."""

    since: Float[Tensor, "batch frame hop"]
    """τ, samples since the onset, float64; negative before the first hit."""
    begun: Bool[Tensor, "batch frame hop"]
    """Whether the hit that sounds has begun in this very frame."""


def hit_state(batch_size: int, n_channels: int = 0, device: torch.device | str | None = None) -> HitState:
    """Return the state before the first hit.

    Args:
        batch_size: Items.
        n_channels: Numbers that are held through a hit.
        device: Of the tensors.
    """
    return HitState(
        age=torch.zeros(batch_size, dtype=torch.float64, device=device),
        since=torch.full((batch_size,), -1.0, dtype=torch.float64, device=device),
        held=torch.zeros(batch_size, n_channels, device=device),
    )


def since_onset_step(
    onset_s: Float[Tensor, "batch frame"], state: HitState, *, sample_rate: int, hop_length: int
) -> tuple[Hit, HitState]:
    """Return where the block's samples lie in their hits, and the state.

    In a frame that ends A samples after an onset, sample i lies ``τ = A − hop + i`` after it. Where that is
    negative the hit before goes on. A hit begins where τ is no longer negative, or smaller than at the sample
    before.

    Args:
        onset_s: Seconds since the onset at the frames' ends; below 0 it counts as 0, before the onset.
        state: From the block before.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """
    require_batch("onset_s", onset_s, "batch frame")
    require_whole(sample_rate=sample_rate, hop_length=hop_length)
    require_state("hit_state", age=(state.age, (onset_s.shape[0],)))
    age = (onset_s.to(torch.float64) * sample_rate).clamp(min=0)
    before = torch.cat([state.age.unsqueeze(1), age[:, :-1]], dim=1).unsqueeze(-1)
    number = torch.arange(hop_length, dtype=torch.float64, device=age.device)
    now = age.unsqueeze(-1) - hop_length + number
    since = torch.where((now < 0) & (before > 0), before + number, now)
    previous = torch.cat([state.since.unsqueeze(1), since.flatten(1)[:, :-1]], dim=1).view_as(since)
    begins = (since >= 0) & ((previous < 0) | (since < previous))
    begun = begins.cumsum(dim=-1) > 0
    return Hit(since, begun), HitState(age[:, -1], since[:, -1, -1], state.held)


def held_controls(
    controls: Float[Tensor, "batch frame channel"],
    held: Float[Tensor, "batch channel"],
    begun: Bool[Tensor, "batch frame hop"],
) -> tuple[Float[Tensor, "batch frame channel"], Float[Tensor, "batch frame channel"]]:
    """Return the controls that a hit keeps, at the frames' starts and at their ends.

    A hit takes the controls of the frame in which it begins; those of all later frames mean nothing to it.

    Args:
        controls: Of the block.
        held: Of the hit that sounds when the block begins.
        begun: Of `Hit`.
    """
    require_state("hit_state", held=(held, (controls.shape[0], controls.shape[2])))
    table = torch.cat([held.to(controls.dtype).unsqueeze(1), controls], dim=1)
    number = torch.arange(1, table.shape[1], device=table.device)
    source = torch.where(begun[..., -1], number, torch.zeros_like(number)).cummax(dim=1).values
    end = table.gather(1, source.unsqueeze(-1).expand_as(controls))
    return torch.cat([table[:, :1], end[:, :-1]], dim=1), end


def onset_gate(
    audio: Float[Tensor, "batch time"],
    onset_s: Float[Tensor, "batch frame"],
    *,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch time"]:
    """Return the audio, exactly silent before the first onset: ``y[n] = x[n] · min(max(τ[n], 0), 1)``.

    Later onsets leave it open. A gain that goes from frame to frame rises before an onset that lies inside a
    frame. Behind this gate it doesn't: the sound begins at the sample, and an onset between two samples gives
    the first one a share.

    Args:
        audio: As many samples as frames have.
        onset_s: Seconds since the onset at the frames' ends; 0 before it.
        sample_rate: Hz.
        hop_length: Samples per frame.

    Examples:
        >>> onset_s = torch.tensor([[0.0, 1.5]])
        >>> onset_gate(torch.ones(1, 4), onset_s, sample_rate=1, hop_length=2).tolist()
        [[0.0, 0.0, 0.0, 0.5]]
    """
    state = hit_state(onset_s.shape[0], device=audio.device)
    return onset_gate_step(audio, onset_s, state, sample_rate=sample_rate, hop_length=hop_length)[0]


def onset_gate_step(
    audio: Float[Tensor, "batch time"],
    onset_s: Float[Tensor, "batch frame"],
    state: HitState,
    *,
    sample_rate: int,
    hop_length: int,
) -> tuple[Float[Tensor, "batch time"], HitState]:
    """Return the next block's audio and state: `onset_gate` where it left off (same arguments).

    Raises:
        ValueError: When the audio has not as many samples as the frames.
    """
    require_batch("onset_s", onset_s, "batch frame")
    if audio.shape != (onset_s.shape[0], onset_s.shape[1] * hop_length):
        raise ValueError(
            f"audio is {tuple(audio.shape)} and onset_s {tuple(onset_s.shape)}; give {hop_length} samples "
            "for each frame."
        )
    hit, after = since_onset_step(onset_s, state, sample_rate=sample_rate, hop_length=hop_length)
    since = hit.since.flatten(1)
    was_open = torch.cat([state.since.unsqueeze(1), since[:, :-1]], dim=1) >= 0
    return audio * torch.where(was_open, 1.0, since.clamp(0, 1)).to(audio.dtype), after
