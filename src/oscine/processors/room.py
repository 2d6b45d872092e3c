"""A room of few parameters: free taps for the instrument's body, decaying noise for what comes after."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from oscine.functional.room import decaying_noise, n_octaves, octave_noise
from oscine.processors.base import PartConfig
from oscine.processors.reverb import LONGEST_S, Reverb
from oscine.streaming import require_count

#: Before training: the late part has 30 dB less than the direct sound, and falls by 60 dB in half a second.
_FIRST_LEVEL, _FIRST_DECAY_S = 10 ** (-30 / 20), 0.5
#: How far a parameter that changes by 1 moves level and decay, as a natural logarithm.
_LEVEL_SLOPE, _DECAY_SLOPE = 4.0, 2.0


class Room(Reverb):
    """The signal and a room's answer, ``y = x + h ∗ x``, where ``h`` has few parameters. Latency 0.

    The first ``n_body`` taps are free, as in `Reverb`; they fade out as what follows fades in, noise that
    decays in each octave at its own rate (`oscine.functional.room.decaying_noise`). A recording without a
    room gets none: such noise can't stand for what else changes the sound, and free taps can.

    Args:
        n_taps: Length of the impulse response, samples, the dry tap included.
        n_body: Taps that are free.
        sample_rate: Hz.

    Raises:
        ValueError: When there are fewer than 2 taps, or not more taps than those of the body.
    """

    noise: Tensor

    def __init__(self, n_taps: int, n_body: int, sample_rate: int) -> None:
        require_count("n_body", n_body, at_least=2)
        if n_body >= n_taps:
            raise ValueError(f"n_body is {n_body}; give less than the {n_taps} taps.")
        super().__init__(n_body)
        self.n_taps, self.n_body, self.sample_rate = n_taps, n_body, sample_rate
        fade = torch.hann_window(2 * n_body)[n_body + 1 :]
        self.register_buffer("envelope", self.envelope * fade, persistent=False)
        noise = octave_noise(n_taps - 1, sample_rate)
        noise[:, : n_body - 1] *= 1 - fade
        self.register_buffer("noise", noise, persistent=False)
        self.late_level = nn.Parameter(torch.zeros(n_octaves(sample_rate)))
        self.late_decay = nn.Parameter(torch.zeros(n_octaves(sample_rate)))

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.n_body} free of {self.n_taps} taps"

    def taps(self) -> Float[Tensor, " tap"]:
        """Return all taps, the dry one included."""
        level = _FIRST_LEVEL * torch.exp(_LEVEL_SLOPE * self.late_level)
        decay_s = _FIRST_DECAY_S * torch.exp(_DECAY_SLOPE * self.late_decay)
        late = decaying_noise(self.noise, level, decay_s, self.sample_rate)
        body = nn.functional.pad(self.impulse_response * self.envelope, (0, self.n_taps - self.n_body))
        return torch.cat([body.new_ones(1), body + late])


class RoomConfig(PartConfig):
    """A learned room of few parameters: free taps of the body, then decaying noise."""

    kind: Literal["room"] = "room"
    ir_s: float = Field(default=1.0, gt=0.0, le=LONGEST_S)
    """Length of the impulse response, seconds."""
    body_s: float = Field(default=0.02, gt=0.0, le=0.05)
    """Its first part, whose taps are free, seconds; the rest is noise that decays."""

    def build(self, sample_rate: int, hop_length: int) -> Room:
        """Return the room."""
        n_body = max(2, round(self.body_s * sample_rate))
        return Room(max(n_body + 1, round(self.ir_s * sample_rate)), n_body, sample_rate)
