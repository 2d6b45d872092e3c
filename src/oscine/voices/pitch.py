"""The pitch of one voice brought to another's: by mean and spread, or as a melody with its intervals."""

import math
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.voices.heard import HeardVoice
from oscine.voices.playing import audible_hz
from oscine.voices.statistics import VoiceStatistics
from oscine.voices.voice import Voice

#: Semitones, or the whole number of octaves that comes closest to the target's mean pitch.
Transposition = float | Literal["octaves"]

#: The target's melody is at most this many times as wide as the source's.
_WIDEST = 4.0
_MOST_SEMITONES = 48.0


def transposition(text: str) -> Transposition:
    """Return what a text says: semitones, or octaves.

    Raises:
        InputError: When it says neither.
    """
    if text == "octaves":
        return "octaves"
    try:
        return float(text)
    except ValueError:
        raise InputError(f"The transposition is {text!r}; give semitones, such as -5, or octaves.") from None


class PitchMap:
    """A map of one voice's pitch to another's; the envelope stays.

    Args:
        source: Of the voice that is changed.
        target: Of the voice that it is to be like, at the same sample rate.
        strength: 0 … 1: how far towards the target; it does not apply to a transposition.
        transpose: Semitones by which the pitch is moved, or "octaves": the whole number of octaves that
            brings its mean closest to the target's. Intervals stay, which singing needs. If left out, the
            pitch gets the target's mean and spread, which is for speech.

    Raises:
        InputError: When the strength or the transposition is out of its range, or the rates differ.
    """

    def __init__(
        self,
        source: VoiceStatistics,
        target: VoiceStatistics,
        strength: float = 1.0,
        transpose: Transposition | None = None,
    ) -> None:
        if not 0 <= strength <= 1:
            raise InputError(f"The strength is {strength:g}; give a number from 0 to 1.")
        if source.sample_rate != target.sample_rate:
            raise InputError(
                f"The statistics are of {source.sample_rate} Hz and {target.sample_rate} Hz; take both at "
                "one rate."
            )
        if isinstance(transpose, str):
            transpose = transposition(transpose)
        if transpose == "octaves":
            transpose = 12.0 * round((target.pitch - source.pitch) / 12)
        if transpose is not None and not (
            math.isfinite(transpose) and -_MOST_SEMITONES <= transpose <= _MOST_SEMITONES
        ):
            raise InputError(
                f"The transposition is {transpose:g} semitones; give a number from "
                f"{-_MOST_SEMITONES:g} to {_MOST_SEMITONES:g}, or octaves."
            )
        self.source, self.target, self.strength, self.transpose = source, target, strength, transpose

    def f0_hz(self, voice: HeardVoice) -> Float[Tensor, " frame"]:
        """Return the changed pitch of all frames, Hz."""
        semitones = 12 * torch.log2(voice.f0_hz)
        if self.transpose is not None:
            changed = semitones + self.transpose
        else:
            factor = min(self.target.spread / max(self.source.spread, 0.1), _WIDEST)
            mapped = self.target.pitch + (semitones - self.source.pitch) * factor
            changed = torch.lerp(semitones, mapped, self.strength)
        return audible_hz(torch.exp2(changed / 12), voice.sample_rate)

    def apply(self, voice: Voice, f0_hz: Float[Tensor, " frame"]) -> Voice:
        """Return the voice at another pitch."""
        return replace(voice, f0_hz=f0_hz)
