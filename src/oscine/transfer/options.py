"""The options of a transfer, checked when they are made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from oscine.analysis import TRACKERS
from oscine.analysis.pitch.trackers import tracker_named
from oscine.audio import Sound
from oscine.errors import InputError

Octave = Literal["auto"] | int
Loudness = Literal["auto"] | float | int


@dataclass(frozen=True)
class Options:
    """Options of a transfer.

    Attributes:
        octave: Octaves to shift the pitch by; ``"auto"`` moves the melody into the instrument's register.
        loudness: dB to add to the input's loudness; ``"auto"`` maps its dynamics to the instrument's.
        autotune: 0 leaves the pitch as it was sung, 1 moves each held tone to the melody's scale.
        dry: Leave out the instrument's effects, such as reverb.
        seed: Seed of the instrument's noise.
        identity: Which instrument plays, if several were learned; the first if left out.
        tracker: The pitch tracker for the input, one of ``oscine.analysis.TRACKERS``.
        level_passes: How often the output's loudness is measured and corrected before it is final, 0 to 8.
        sliders: Offsets on the controls that the network predicts, by name (`oscine.transfer.sliders_of`).
        like: A clip, a file or samples and their rate, whose sound an instrument of several identities takes
            (`oscine.transfer.imitate`), in place of an identity.

    Raises:
        InputError: When a value is out of its range, or an identity and a clip are given.
    """

    octave: Octave = "auto"
    loudness: Loudness = "auto"
    autotune: float | int = 0.0
    dry: bool = False
    seed: int = 0
    identity: str | None = None
    tracker: str = TRACKERS[0]
    level_passes: int = 2
    like: Sound | None = None
    sliders: Mapping[str, float | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("octave", "seed", "level_passes"):
            if isinstance(value := getattr(self, name), np.integer):
                object.__setattr__(self, name, int(value))
        if not _is_number(self.autotune, 0, 1):
            raise InputError(f"autotune is {self.autotune}; give a number from 0 (off) to 1 (full).")
        whole = isinstance(self.octave, int) and _is_number(self.octave, -8, 8)
        if not whole and not _is_auto(self.octave):
            raise InputError(f"octave is {self.octave}; give a whole number from -8 to 8, or 'auto'.")
        if not _is_number(self.loudness, -80, 80) and not _is_auto(self.loudness):
            raise InputError(f"loudness is {self.loudness}; give a number of dB from -80 to 80, or 'auto'.")
        if not isinstance(self.dry, bool):
            raise InputError(f"dry is {self.dry}; give True or False.")
        if not isinstance(self.seed, int) or not _is_number(self.seed, -(1 << 63), (1 << 63) - 1):
            raise InputError(f"seed is {self.seed}; give a whole number of at most 63 bits.")
        if not isinstance(self.identity, str | None):
            raise InputError(f"identity is {self.identity}; give the name of one, or leave it out.")
        if self.like is not None and self.identity is not None:
            raise InputError("An identity and a clip to sound like are given; leave one of them out.")
        if not isinstance(self.level_passes, int) or not _is_number(self.level_passes, 0, 8):
            raise InputError(f"level_passes is {self.level_passes}; give a whole number from 0 to 8.")
        if not isinstance(self.sliders, Mapping):
            raise InputError(f"sliders is {self.sliders}; give a mapping of names to offsets.")
        tracker_named(self.tracker)


def _is_number(value: Any, low: int, high: int) -> bool:
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return is_number and bool(low <= value <= high)


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"
