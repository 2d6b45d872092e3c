"""Inputs, synth and effects of an instrument fit together, or a sentence says what does not."""

from typing import Any

import pytest
from pydantic import ValidationError

from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.models.config import NotesConfig
from oscine.models.inputs import F0Config, LoudnessConfig
from oscine.networks import ControllerConfig
from oscine.processors import FilterConfig, HarmonicConfig, NoiseConfig, ReverbConfig

SMALL = InstrumentConfig(
    sample_rate=16_000, hop_length=64, controller=ControllerConfig(hidden_size=8), effects=()
)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"inputs": (F0Config(), LoudnessConfig(), F0Config())}, "The input f0_hz stands twice"),
        ({"inputs": (LoudnessConfig(),)}, "A part takes the input f0_hz"),
        ({"synth": (ReverbConfig(),)}, "reverb takes a signal"),
        ({"effects": (NoiseConfig(name="hiss"),)}, "The effect hiss takes no audio"),
        ({"effects": (ReverbConfig(), NoiseConfig(name="hiss"))}, "hiss takes no signal"),
        ({"effects": (FilterConfig(),), "notes": NotesConfig()}, "`notes` are shared by its voices"),
    ],
)
def test_parts_and_inputs_that_do_not_fit_together_are_one_sentence(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        Instrument(SMALL.model_copy(update=changes))


def test_two_parts_of_a_kind_need_names() -> None:
    pair = (HarmonicConfig(n_harmonics=4), HarmonicConfig(n_harmonics=4, ratio=0.5))
    with pytest.raises(ValidationError, match="Two parts are called harmonic"):
        InstrumentConfig(synth=pair)
    named = (pair[0], pair[1].model_copy(update={"name": "octave"}))
    instrument = Instrument(SMALL.model_copy(update={"synth": named}))
    assert [control.name for control in instrument.controls] == [
        *("harmonic.amplitude", "harmonic.harmonic_distribution"),
        *("octave.amplitude", "octave.harmonic_distribution"),
    ]
