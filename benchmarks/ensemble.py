"""An ensemble, several instruments whose controls are averaged, and its figures."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from oscine.data import Dataset, Segment
from oscine.evaluation.baselines import MeanControl
from oscine.evaluation.metrics import multi_scale_spectral
from oscine.evaluation.realism import realism
from oscine.evaluation.spectrum import floor_below_db, log_mel_db
from oscine.functional.activations import normalize_distribution
from oscine.models import Instrument
from oscine.processors import FilteredNoise, HarmonicOscillator
from oscine.streaming import Stream
from oscine.training.objective import synth_part

Figures = dict[str, Any]


def conditions(instrument: Instrument, segment: Segment) -> dict[str, Tensor]:
    """Return the inputs that an instrument finds in a stretch."""
    features = segment.features()
    given = {name: getattr(features, name)[None] for name in ("f0_hz", "confidence", "loudness_db")}
    return instrument.conditions(segment.audio()[None], given)


def averaged(players: Sequence[Instrument], given: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of several instruments' controls."""
    several = [one.control(given)[0] for one in players]
    shares = [one.name for one in players[0].controls if one.activation == "distribution"]
    several = [one | {name: normalize_distribution(one[name]) for name in shares} for one in several]
    return {name: torch.stack([one[name] for one in several]).mean(0) for name in several[0]}


@torch.no_grad()
def measured(players: Sequence[Instrument], dataset: Dataset) -> Figures:
    """Return the held-out figures of an instrument, or of several whose controls are averaged.

    The effects are the first one's: the mean of several reverbs is weaker than each, for their tails differ.
    """
    first = players[0]
    # What is silenced to hear the harmonics alone, and the noise alone.
    silenced = [f"{synth_part(first, FilteredNoise)[0]}.magnitudes"]
    silenced.append(f"{synth_part(first, HarmonicOscillator)[0]}.amplitude")
    outputs, targets, energies = [], [], [0.0, 0.0]
    for segment in dataset.held_out.segments:
        controls, target = averaged(players, conditions(first, segment)), segment.audio()
        outputs.append(first.synthesize(controls)[0])
        targets.append(target)
        for i in range(2):
            alone = first.synthesize(controls | {silenced[i]: torch.zeros_like(controls[silenced[i]])})
            energies[i] += float(alone.square().sum())
    output, target = torch.cat(outputs), torch.cat(targets)
    rate, floor_db = dataset.sample_rate, floor_below_db(float(target.square().mean()))
    mels = [log_mel_db(one, rate, rate / 2, floor_db) for one in (output, target)]
    if not torch.isfinite(output).all():
        return {"spectral_loss": None, "log_mel_db": None, "told_apart": None, "branches_db": None}
    return {
        "spectral_loss": multi_scale_spectral(output, target, rate),
        "log_mel_db": float((mels[0] - mels[1]).abs().mean()),
        "told_apart": realism(output, target, rate),
        "branches_db": [10 * math.log10(max(one, 1e-20) / float(target.square().sum())) for one in energies],
    }


@torch.no_grad()
def mean_control(instrument: Instrument, dataset: Dataset) -> float:
    """Return the held-out spectral loss of the instrument with its network replaced by averages."""
    given = [conditions(instrument, segment) for segment in dataset.held_out.segments]
    stream = Stream(MeanControl(instrument, [(one, one["loudness_db"]) for one in given]))
    played = torch.cat([stream.push(**one)[0] for one in given])
    target = torch.cat([segment.audio() for segment in dataset.held_out.segments])
    return multi_scale_spectral(played, target, dataset.sample_rate)
