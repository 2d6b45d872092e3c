"""The time since the note began."""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.data.statistics import Statistics
from oscine.functional.onset import time_since_onset_s
from oscine.models.inputs.base import Input, InputConfig, require
from oscine.streaming import Program, Wire

#: Of the two curves that the network sees: one resolves the attack, the other the rest of the note.
_FAST_S, _SLOW_S = 0.02, 0.5


class Onset(Input):
    """Seconds since the last onset; the network gets ``t / (t + 20 ms)`` and ``t / (t + 500 ms)``.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame.
    """

    name, unit = "onset_s", "s"
    width = 2
    minimum, maximum, default = 0.0, 1e4, 1e4

    def __init__(self, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        self.frame_rate = sample_rate / hop_length

    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame"]:
        """Return the time since the last onset in the features."""
        confidence, loudness_db = require(features, "confidence"), require(features, "loudness_db")
        return time_since_onset_s(confidence, loudness_db, self.frame_rate)

    def silence(self, first: Float[Tensor, "batch 1"], n_frames: int) -> Float[Tensor, "batch frame"]:
        """Return the time since the start of the silence, which counts as an onset."""
        time_s = torch.arange(n_frames, dtype=first.dtype, device=first.device) / self.frame_rate
        return time_s.expand(len(first), -1)

    def forward(self, condition: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch frame 2"]:
        """Return both curves, 0 at the onset and towards 1."""
        return torch.stack([condition / (condition + tau_s) for tau_s in (_FAST_S, _SLOW_S)], dim=-1)

    def lower(self, program: Program, condition: Wire) -> Wire:
        """Append both curves to a program."""
        return program.concatenate(*(program.saturate(condition, tau_s) for tau_s in (_FAST_S, _SLOW_S)))


class OnsetConfig(InputConfig):
    """The time since the note began."""

    kind: Literal["onset"] = "onset"

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> Onset:
        """Return the input."""
        return Onset(sample_rate, hop_length)
