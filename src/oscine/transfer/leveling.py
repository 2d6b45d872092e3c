"""Leveling: what an instrument played is measured, and played again as loud as it was meant to be."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.analysis import Features, analyze_blocks
from oscine.analysis.pitch.f0_file import F0Curve
from oscine.functional.units import db_to_amplitude
from oscine.transfer.matching import Matched

_SMOOTH_S = 0.05
_MOST_DB = 12.0
_MOST = 100.0
#: Away from notes the correction fades: reverberation and silence are no error of the network.
_NOTES_AT_LEAST = 0.1
_NO_PITCH = F0Curve(np.zeros(1), np.zeros(1), np.zeros(1), names_pauses=True)


def leveled(
    matched: Matched,
    play: Callable[[Matched], Iterator[Float[Tensor, " time"]]],
    sample_rate: int,
    hop_length: int,
    n_passes: int,
) -> Matched:
    """Return the match with a gain that brings the output to its target loudness.

    A network follows loudness with an error of about one dB, which differs from note to note. Each pass plays
    everything, measures the loudness as that of a recording, and changes the gain by the difference,
    smoothed over 50 ms, on notes and by 12 dB at most.

    Args:
        matched: Pitch, loudness and gain to play.
        play: Yields the instrument's audio of a match, in blocks, with its effects.
        sample_rate: Hz.
        hop_length: Samples per frame.
        n_passes: How often; 0 returns the match as it is.
    """
    frame_rate = sample_rate / hop_length
    target_db, gain_db = matched.target_loudness_db, torch.zeros_like(matched.gain)
    for _ in range(n_passes):
        current = replace(matched, gain=matched.gain * db_to_amplitude(gain_db))
        # A broken instrument's sound is refused where it is written; here it must only be measurable.
        blocks = (block.nan_to_num().clamp(-_MOST, _MOST).numpy() for block in play(current))
        heard = Features.concatenate(list(analyze_blocks(blocks, sample_rate, hop_length, tracker=_NO_PITCH)))
        error_db = (target_db - heard.loudness_db).clamp(-_MOST_DB, _MOST_DB)
        change_db = _smooth(error_db, matched.on_notes, frame_rate)
        gain_db = (gain_db + change_db).clamp(-_MOST_DB, _MOST_DB)
    return replace(matched, gain=matched.gain * db_to_amplitude(gain_db))


def _smooth(
    values: Float[Tensor, " frame"], on_notes: Bool[Tensor, " frame"], frame_rate: float
) -> Float[Tensor, " frame"]:
    """Return the mean of the values on notes in a Hann window around each frame; 0 far from notes."""
    half = max(1, round(_SMOOTH_S * frame_rate / 2))
    window = torch.hann_window(2 * half + 1, periodic=False, dtype=values.dtype)
    weights = on_notes.to(values.dtype)
    both = torch.stack([values * weights, weights])[:, None]
    total, weight = torch.nn.functional.conv1d(both, window[None, None], padding=half)[:, 0]
    return total / weight.clamp(min=_NOTES_AT_LEAST * float(window.sum()))
