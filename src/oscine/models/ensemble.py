"""Voices that sound together: what conditions each of them, and their sum through shared effects."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from oscine.data.statistics import Statistics
from oscine.models.inputs import Centroid
from oscine.models.instrument import Instrument

_CENTROID_SEMITONES = 12.0


def note_conditions(
    instrument: Instrument,
    told: Mapping[str, Float[Tensor, "voice frame"]],
    identity: Int[Tensor, " voice"],
    learned: Statistics | None,
) -> dict[str, Tensor]:
    """Return what notes condition an instrument with, by name.

    Pitch, loudness and the time since the onset are the note's; another measure of level gets the loudness.
    Brightness moves a centroid by an octave to each side. What notes don't tell stands at the mean of what
    was learned.

    Args:
        instrument: Who plays.
        told: ``f0_hz``, ``loudness_db``, ``onset_s`` and ``brightness`` of each voice.
        identity: Which of the instruments in it plays each voice.
        learned: Its statistics.
    """
    means = {} if learned is None else learned.curves
    n_voices, n_frames = told["f0_hz"].shape
    conditions = {}
    for one in instrument.all_inputs():
        if one.name in ("f0_hz", "loudness_db", "onset_s"):
            conditions[one.name] = told[one.name]
        elif one.name == "identity":
            conditions[one.name] = one.as_given(identity, n_frames)
        elif one.unit == "dB":
            conditions[one.name] = told["loudness_db"]
        else:
            shape = (n_voices, n_frames, one.size) if one.size else (n_voices, n_frames)
            mean = means.get(one.name, (one.default, 1.0))[0]
            conditions[one.name] = torch.full(shape, mean, device=told["f0_hz"].device)
            if isinstance(one, Centroid):
                conditions[one.name] += _CENTROID_SEMITONES * told["brightness"]
    return conditions


class Voices(NamedTuple):
    """Voices of several performances: those that sound, one after the other."""

    conditions: dict[str, Tensor]
    """By name, (voice, frame, …) each."""
    gain: Float[Tensor, "voice frame"]
    """Factor on the voice's sound."""
    item: Int[Tensor, " voice"]
    """Which performance each belongs to."""


def play_together(
    instrument: Instrument, voices: Voices, n_items: int, *, dry: bool = False, seed: int = 0
) -> Float[Tensor, "item time"]:
    """Return the sound of performances from their start: the sum of their voices, through the effects.

    ``y_i = effects(Σ_{v of i} gain_v · synth(controls_v))``. The order of the voices makes no difference but
    rounding, and that of their noise.

    Args:
        instrument: Who plays; one network for all voices.
        voices: The curves that they play.
        n_items: Number of performances; one without a voice is silent.
        dry: Leave out the effects.
        seed: Of the noise; voice ``v`` has ``seed + v``.
    """
    controls, _ = instrument.control(voices.conditions, seed=seed)
    controls["gate"] = voices.gain * controls.get("gate", 1.0)
    audio = instrument.synthesize(controls, dry=True, seed=seed)
    total = audio.new_zeros(n_items, audio.shape[1]).index_add(0, voices.item, audio)
    return total if dry else instrument.effects(total)
