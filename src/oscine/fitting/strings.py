"""Where a fit of strings starts: f0 and inharmonicity of each note, from the peaks of its spectrum."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from oscine.analysis import VOICED, Features
from oscine.analysis.inharmonicity import string_partials

_SHORTEST_S, _LONGEST_S = 0.1, 2.0
_JUMP_SEMITONES = 0.5


class StringCurves(NamedTuple):
    """The string parameters of the notes of a recording, frame by frame."""

    f0_hz: Float[Tensor, " frame"]
    """The pitch curve, each note's brought to the f0 of its string."""
    inharmonicity: Float[Tensor, " frame"]
    """The coefficient B of each frame's note."""
    note: Int[Tensor, " frame"]
    """Number of each frame's note, from 0."""


def string_curves(audio: Float[Tensor, " time"], features: Features) -> StringCurves | None:
    """Return f0 and inharmonicity of a recording's notes (`oscine.analysis.string_partials`).

    A tracker's pitch of a stiff string is not f0 but between the partials, up to some percent above it, and
    an error of f0 is k times as large at partial k. So each note's pitch curve is multiplied by one factor.
    Frames between notes, and notes without clear partials, belong to the note before, or to the first.

    Args:
        audio: The recording.
        features: Its features.

    Returns:
        None when no note has partials that stand out.
    """
    rate, hop_length = features.sample_rate, features.hop_length
    longest = round(_LONGEST_S * features.frame_rate)
    starts, factors, coefficients = [], [], []
    for note in _notes(features):
        # Frame t describes the instant (t + 1) · hop_length.
        stop = min(note.stop, note.start + longest)
        heard = audio[(note.start + 1) * hop_length : (stop + 1) * hop_length]
        pitch_hz = float(features.f0_hz[note.start : stop].median())
        found = string_partials(heard, rate, pitch_hz)
        if found is not None:
            starts.append(note.start)
            factors.append(found.f0_hz / pitch_hz)
            coefficients.append(found.inharmonicity)
    if not starts:
        return None
    note = torch.searchsorted(torch.tensor(starts), torch.arange(features.n_frames), right=True)
    note = (note - 1).clamp(min=0)
    f0_hz = features.f0_hz * torch.tensor(factors)[note]
    return StringCurves(f0_hz, torch.tensor(coefficients)[note], note)


def _notes(features: Features) -> Iterator[slice]:
    """Yield the frames of each stretch of 0.1 s or longer whose pitch nowhere jumps by half a semitone."""
    voiced = features.confidence >= VOICED
    jumps = torch.ones_like(voiced)
    jumps[1:] = (features.midi.diff().abs() > _JUMP_SEMITONES) | (voiced[1:] != voiced[:-1])
    starts = [*jumps.nonzero().flatten().tolist(), features.n_frames]
    for start, stop in pairwise(starts):
        if voiced[start] and stop - start >= _SHORTEST_S * features.frame_rate:
            yield slice(start, stop)
