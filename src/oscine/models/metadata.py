"""The facts about an instrument in a program file, for people and for hosts."""

from collections.abc import Mapping, Sequence
from typing import Any

from oscine.data.statistics import Statistics
from oscine.models.config import InstrumentConfig
from oscine.models.dynamics import dynamics_of
from oscine.models.inputs import Input

_CENTROID_DEVIATION = 12.0  # semitones, where nothing was learned


def program_metadata(
    config: InstrumentConfig,
    inputs: Sequence[Input],
    statistics: Statistics | None,
    card: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the metadata of an instrument's program.

    Args:
        config: Of the instrument.
        inputs: Its inputs.
        statistics: Of what it has learned from; None of one that has learned nothing.
        card: Facts of how it was made; those that are mappings are left out.
    """
    ranges = (
        {}
        if statistics is None
        else {
            "pitch_midi": [statistics.pitch_midi_quantiles[1], statistics.pitch_midi_quantiles[99]],
            "loudness_db": [statistics.loudness_db_quantiles[1], statistics.loudness_db_quantiles[99]],
        }
    )
    return {
        "card": {name: str(value) for name, value in card.items() if not isinstance(value, Mapping)},
        "inputs": {one.name: {"unit": one.unit, "size": max(1, one.size)} for one in inputs},
        "identities": list(config.identities),
        "learned": ranges,
        "expression": {} if config.notes is None else config.notes.model_dump(),
        "dynamics": dynamics_of(statistics)._asdict(),
        "knobs": _knobs(inputs, {} if statistics is None else statistics.curves),
        "synth": [part.part_name for part in config.synth],
        "effects": [part.part_name for part in config.effects],
    }


def _knobs(inputs: Sequence[Input], learned: Mapping[str, tuple[float, float]]) -> dict[str, list[float]]:
    """Return default, minimum and maximum for inputs that notes lack: three deviations around the mean."""
    knobs = {}
    for one in inputs:
        if one.name in learned or one.name == "centroid_midi":
            mean, deviation = learned.get(one.name, (one.default, _CENTROID_DEVIATION))
            limits = mean, mean - 3 * deviation, mean + 3 * deviation
            knobs[one.name] = [min(max(limit, one.minimum), one.maximum) for limit in limits]
    return knobs
