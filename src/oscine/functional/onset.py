"""The time since a note began, from its pitch's confidence and its loudness."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from oscine.functional.checks import require_state

_VOICED = 0.5
#: A pitch that was lost for less than this goes on; one that comes back later begins a note.
_GAP_S = 0.05
RISE_DB, RISE_S = 6.0, 0.03
"""A rise begins a note when it is as large as this within the time."""

#: Below this it has ended.
_LEVEL_DB = 3.0
#: An event that follows another one within this time belongs to the same onset.
_SAME_S = 0.08


class OnsetState(NamedTuple):
    """The state of the detection of onsets between two blocks."""

    recent_db: Float[Tensor, "batch recent"]
    """Loudness at the last frames, the newest last; infinite before the first frame."""
    is_rising: Bool[Tensor, " batch"]
    """Whether the loudness is in a rise that has already been counted."""
    since_voiced: Int[Tensor, " batch"]
    """Frames since the last one with a pitch."""
    since_event: Int[Tensor, " batch"]
    """Frames since the last event, whether or not it began a note."""
    since_onset: Int[Tensor, " batch"]
    """Frames since the last onset, or since the start."""


def onset_state(batch_size: int, frame_rate: float, device: torch.device | str | None = None) -> OnsetState:
    """Return the state before the first frame: the start counts as an onset.

    Raises:
        ValueError: When the frame rate is not above 0.
    """
    zero = torch.zeros(batch_size, dtype=torch.int64, device=device)
    return OnsetState(
        recent_db=torch.full((batch_size, _frames(RISE_S, frame_rate)), torch.inf, device=device),
        is_rising=torch.zeros(batch_size, dtype=torch.bool, device=device),
        since_voiced=zero - 1,
        since_event=zero - 1,
        since_onset=zero - 1,
    )


def time_since_onset_s(
    confidence: Float[Tensor, "batch frame"],
    loudness_db: Float[Tensor, "batch frame"],
    frame_rate: float,
    *,
    floor_db: float = -60.0,
) -> Float[Tensor, "batch frame"]:
    """Return the seconds since the last note began, at each frame, without looking ahead.

    Two events begin a note:

    - a pitch appears: the confidence is at least 0.5 and was below it for the last 50 ms or more;
    - the loudness, which counts from the floor up, is 6 dB or more above its least value of the last 30 ms.
      The next rise can begin a note when this one has ended, that is, has fallen below 3 dB.

    An event within 80 ms of another one is part of the same onset: attack and pitch seldom appear in the same
    frame. The start of the signal counts as an onset, so before the first note the time is that since the
    start.

    Args:
        confidence: Of the pitch, 0 … 1; NaN counts as 0.
        loudness_db: By any definition, dB; NaN and −∞ count as the floor.
        frame_rate: Frames per second.
        floor_db: Loudness below which there is silence, dB.

    Returns:
        Seconds: 0 in the frame in which a note begins.

    Raises:
        ValueError: When the shapes differ or are not (batch, frame), or the frame rate is not above 0.

    Examples:
        >>> confidence = torch.tensor([[0.0] * 30 + [0.9] * 3])
        >>> time_since_onset_s(confidence, torch.full((1, 33), -30.0), frame_rate=250.0)[0, -3:].tolist()
        [0.0, 0.004000000189989805, 0.00800000037997961]
    """
    state = onset_state(confidence.shape[0], frame_rate, confidence.device)
    return time_since_onset_step(confidence, loudness_db, state, frame_rate=frame_rate, floor_db=floor_db)[0]


def time_since_onset_step(
    confidence: Float[Tensor, "batch frame"],
    loudness_db: Float[Tensor, "batch frame"],
    state: OnsetState,
    *,
    frame_rate: float,
    floor_db: float = -60.0,
) -> tuple[Float[Tensor, "batch frame"], OnsetState]:
    """Return the next block's seconds and state: `time_since_onset_s` where it left off (same arguments).

    Raises:
        ValueError: See `time_since_onset_s`; and when the state is of another batch or frame rate.
    """
    if confidence.ndim != 2 or confidence.shape != loudness_db.shape:
        raise ValueError(
            f"confidence is {tuple(confidence.shape)} and loudness_db {tuple(loudness_db.shape)}; give both "
            "as (batch, frame)."
        )
    wanted = confidence.shape[0], _frames(RISE_S, frame_rate)
    require_state("onset_state", recent_db=(state.recent_db, wanted))
    if confidence.shape[1] == 0:
        return torch.zeros_like(loudness_db), state
    voiced = confidence >= _VOICED
    since_voiced = _since(voiced, state.since_voiced)
    appears = voiced & (_before(since_voiced, state.since_voiced) >= _frames(_GAP_S, frame_rate))
    rising, recent_db = _rising(loudness_db, state, floor_db)
    attacks = rising & ~_before(rising, state.is_rising)
    event = appears | attacks
    since_event = _since(event, state.since_event)
    from_last = _before(since_event, state.since_event) + 1
    onset = event & (from_last >= _frames(_SAME_S, frame_rate))
    since_onset = _since(onset, state.since_onset)
    return (since_onset / frame_rate).to(loudness_db.dtype), OnsetState(
        recent_db, rising[:, -1], since_voiced[:, -1], since_event[:, -1], since_onset[:, -1]
    )


def _frames(duration_s: float, frame_rate: float) -> int:
    if not 0 < frame_rate < math.inf:
        raise ValueError(f"frame_rate is {frame_rate}; give the frames per second, above 0.")
    # The fewest that last as long; 1e-9 is the rounding of a product that is whole.
    return max(1, math.ceil(duration_s * frame_rate - 1e-9))


def _before(values: Tensor, last: Tensor) -> Tensor:
    """Return the values one frame earlier."""
    return torch.cat([last.unsqueeze(1), values[:, :-1]], dim=1)


def _since(event: Bool[Tensor, "batch frame"], last: Int[Tensor, " batch"]) -> Int[Tensor, "batch frame"]:
    """Return the frames since the last event, 0 at one, when they were ``last`` in the frame before."""
    number = torch.arange(event.shape[1], device=event.device)
    return number - torch.where(event, number, (-1 - last).unsqueeze(1)).cummax(dim=1).values


def _rising(loudness_db: Tensor, state: OnsetState, floor_db: float) -> tuple[Tensor, Tensor]:
    """Return where the loudness is in a rise, (batch, frame), and the loudness of the last frames."""
    given_db = torch.nan_to_num(loudness_db.detach(), floor_db, neginf=floor_db).clamp(min=floor_db)
    known_db = torch.cat([state.recent_db.to(given_db.dtype), given_db], dim=1)
    n_recent = state.recent_db.shape[1]
    least_db = known_db[:, :-1].unfold(1, n_recent, 1).amin(dim=-1)
    rise_db = given_db - least_db
    # Between the two thresholds it stays what the last frame outside of them said.
    decides = (rise_db >= RISE_DB) | (rise_db < _LEVEL_DB)
    says = torch.cat([state.is_rising.unsqueeze(1), rise_db >= RISE_DB], dim=1)
    number = torch.arange(1, says.shape[1], device=says.device)
    source = torch.where(decides, number, torch.zeros_like(number)).cummax(dim=1).values
    return says.gather(1, source), known_db[:, -n_recent:]
