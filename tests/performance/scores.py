"""Scores for the tests, written by mido."""

from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np

from oscine.data.statistics import Statistics
from oscine.models import Instrument, InstrumentConfig
from oscine.processors import AnyPart, HarmonicConfig

LEARNED = Statistics(
    minutes=5.0,
    voiced_share=0.9,
    pitch_midi_quantiles=np.linspace(50, 90, 101).tolist(),
    loudness_db_quantiles=np.linspace(-50, -20, 101).tolist(),
    loudness_db_silence=-60.0,
)


def write_midi(
    path: Path, *tracks: Sequence[mido.Message | mido.MetaMessage], kind: int = 1, ticks: int = 480
) -> Path:
    """Write tracks of messages."""
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    file.save(path)
    return path


def note(
    key: int, duration: int, before: int = 0, velocity: int = 90, channel: int = 0
) -> list[mido.Message]:
    """Return the two messages of a note, in ticks."""
    return [
        mido.Message("note_on", note=key, velocity=velocity, channel=channel, time=before),
        mido.Message("note_off", note=key, velocity=0, channel=channel, time=duration),
    ]


def toy(
    sample_rate: int = 16000, hop_length: int = 64, *more: AnyPart, effects: tuple[AnyPart, ...] = ()
) -> Instrument:
    """Return an instrument with untrained weights: harmonics, and no noise."""
    config = InstrumentConfig(
        sample_rate=sample_rate,
        hop_length=hop_length,
        synth=(HarmonicConfig(n_harmonics=10), *more),
        effects=effects,
    )
    return Instrument(config, LEARNED).eval()
