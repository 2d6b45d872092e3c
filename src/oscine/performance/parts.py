"""Who plays which notes of a score."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.models import Instrument
from oscine.models.conditioning import identity_number, statistics_of
from oscine.notes.expression import Expression
from oscine.notes.midi_file import Score
from oscine.notes.voices import VoiceCurves, count_voices
from oscine.performance.curves import voice_curves
from oscine.performance.options import RenderOptions
from oscine.processors import Reverb

_DRUMS = 10
Players = Mapping[int | None, Instrument] | Instrument
"""Who plays each channel; None is for all that are not named, and one instrument for all alike."""


class PartReport(BaseModel):
    """What one instrument played."""

    model_config = ConfigDict(frozen=True)

    channels: list[int]
    notes: int
    voices: int
    range_share: float = Field(description="share of the notes inside the learned pitches (1 to 99 %)")


class Part(NamedTuple):
    """What one instrument plays."""

    instrument: Instrument
    curves: list[VoiceCurves]
    """Of each voice."""
    n_samples: int
    """At the instrument's sample rate, with what rings on behind the last note."""
    identity: str | None
    report: PartReport


def parts_of(score: Score, instruments: Players, options: RenderOptions) -> tuple[list[Part], list[str]]:
    """Return what each instrument plays, and what is to be said of it; channels of one are played together.

    Raises:
        InputError: When no channel with notes has an instrument, none of the instruments has the identity,
            or no key is left by the octave.
    """
    players, remarks = _players(score, instruments)
    if options.identity and not any(one.config.identities for one in players.values()):
        identity_number(next(iter(players.values())), options.identity)
    of_instrument: dict[int, list[int]] = {}
    for channel, instrument in players.items():
        of_instrument.setdefault(id(instrument), []).append(channel)
    parts = []
    for channels in of_instrument.values():
        instrument = players[channels[0]]
        identity = options.identity if instrument.config.identities else None
        # Controllers of a channel without notes count as well: it may be the master of an MPE zone.
        events = [event for event in score.events if event.channel in channels]
        keys = [event.number + 12 * options.octave for event in events if event.kind == "note_on"]
        keys = [key for key in keys if 0 <= key <= 127]
        if not keys:
            continue
        n_voices = count_voices(events) if options.voices == "auto" else options.voices
        curves = voice_curves(
            events,
            score.seconds,
            instrument,
            _expression(instrument, options.expression),
            n_voices=n_voices,
            octave=options.octave,
            identity=identity,
        )
        tail = 0 if options.dry else ringing(instrument)
        n_samples = (len(curves[0].gain) - 1) * instrument.hop_length + tail
        report = PartReport(
            channels=[channel for channel in channels if channel in score.channels],
            notes=len(keys),
            voices=n_voices,
            range_share=_inside(keys, statistics_of(instrument, identity)),
        )
        parts.append(Part(instrument, curves, n_samples, identity, report))
    if not parts and options.octave:
        raise InputError(f"octave is {options.octave}, and no note stays on the keyboard; give another one.")
    if not score.channels:
        raise InputError("The score has no note; give one with notes.")
    if not parts:
        there = ", ".join(map(str, score.channels))
        raise InputError(f"No instrument plays a channel that has notes; those are {there}.")
    return parts, remarks


def _expression(instrument: Instrument, asked: Expression) -> Expression:
    """Return how notes are played: as asked, and where nothing is asked as the instrument has learned it."""
    learned = {} if instrument.config.notes is None else instrument.config.notes.model_dump()
    own = {name: value for name, value in learned.items() if name not in asked.model_fields_set}
    return asked.model_copy(update=own)


def _players(score: Score, instruments: Players) -> tuple[dict[int, Instrument], list[str]]:
    """Return who plays each channel, and a remark on those that nobody plays.

    A player of all channels leaves out channel 10, the drums of General MIDI, if others have notes; not in a
    song by MPE, whose notes have a channel each.
    """
    named: Mapping[int | None, Instrument] = (
        {None: instruments} if isinstance(instruments, Instrument) else instruments
    )
    mpe = any(event.kind == "control" and (event.number, event.value) == (100, 6) for event in score.events)
    players, remarks = {}, []
    for channel in range(1, 17):
        is_drums = channel == _DRUMS and not mpe and score.channels != [_DRUMS]
        others = None if is_drums else named.get(None)
        if (player := named.get(channel, others)) is not None:
            players[channel] = player
        elif channel in score.channels:
            why = "has the drums, by General MIDI," if is_drums else "has no instrument"
            remarks.append(f"Channel {channel} {why} and is not played; give --to {channel}=INSTRUMENT.")
    return players, remarks


def _inside(keys: Sequence[int], learned: Statistics | None) -> float:
    if learned is None:
        return 1.0
    low, high = learned.pitch_midi_quantiles[1] - 0.5, learned.pitch_midi_quantiles[99] + 0.5
    return float(np.mean([low <= key <= high for key in keys]))


def ringing(instrument: Instrument) -> int:
    """Return for how many samples the effects sound on when nothing comes in."""
    return sum(module.n_taps for module in instrument.effects.modules() if isinstance(module, Reverb))
