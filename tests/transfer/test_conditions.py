"""What conditions an instrument in a transfer beside pitch and loudness, and which identity plays."""

import pytest
import torch
from transfer_standin import HOP, SAMPLE_RATE, hum, statistics

from oscine.data import Statistics
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import (
    AnyInput,
    CurveConfig,
    F0Config,
    IdentityConfig,
    LevelConfig,
    LoudnessConfig,
    PaperLoudnessConfig,
    ZConfig,
)
from oscine.networks import ControllerConfig, TimbreEncoderConfig
from oscine.processors import HarmonicConfig, NoiseConfig
from oscine.transfer import Options, transfer
from oscine.transfer.transferring import prepare

_MELODY = hum([60, 64, 67])
_SOME = (
    F0Config(),
    LoudnessConfig(),
    ZConfig(encoder=TimbreEncoderConfig(z_size=3, hidden_size=8)),
    CurveConfig(name="breath"),
    IdentityConfig(size=4, names=("flute", "violin")),
)


def _instrument(inputs: tuple[AnyInput, ...] = _SOME) -> Instrument:
    torch.manual_seed(3)
    config = InstrumentConfig(
        sample_rate=SAMPLE_RATE,
        hop_length=HOP,
        inputs=inputs,
        controller=ControllerConfig(hidden_size=16),
        synth=(HarmonicConfig(n_harmonics=12), NoiseConfig(n_bands=9)),
        effects=(),
    )
    learned = statistics().model_copy(update={"curves": {"breath": (5.0, 2.0)}})
    return Instrument(config, learned).eval()


def test_each_identity_plays_the_performance_in_its_own_way() -> None:
    instrument = _instrument()
    audio, sample_rate = transfer(instrument, (_MELODY, SAMPLE_RATE))
    assert sample_rate == SAMPLE_RATE
    assert len(audio) == len(_MELODY)
    first, _ = transfer(instrument, (_MELODY, SAMPLE_RATE), Options(identity="flute"))
    other, _ = transfer(instrument, (_MELODY, SAMPLE_RATE), Options(identity="violin"))
    assert torch.equal(audio, first)
    assert float((audio - other).abs().max()) > 1e-3 * float(audio.abs().max())


def test_a_melody_is_shifted_into_the_range_of_the_identity() -> None:
    instrument = _instrument()
    whole = instrument.statistics
    assert whole is not None

    def shifted(octaves: int) -> Statistics:
        midi = [value + 12 * octaves for value in whole.pitch_midi_quantiles]
        return whole.model_copy(update={"pitch_midi_quantiles": midi})

    identities = {"flute": shifted(1), "violin": shifted(-1)}
    instrument.statistics = whole.model_copy(update={"identities": identities})

    def octave(identity: str | None) -> int:
        return prepare(instrument, (_MELODY, SAMPLE_RATE), Options(identity=identity))[1].octave

    octaves = {identity: octave(identity) for identity in ("flute", "violin", None)}
    assert octaves["flute"] == octaves[None] == octaves["violin"] + 2
    breaths = shifted(2).model_copy(update={"voiced_share": 0.0})
    instrument.statistics = whole.model_copy(update={"identities": identities | {"flute": breaths}})
    assert octave("flute") == octaves["violin"] + 1
    with pytest.raises(InputError, match="no identity oboe"):
        prepare(instrument, (_MELODY, SAMPLE_RATE), Options(identity="oboe"))


def test_every_measure_of_the_level_moves_with_the_loudness() -> None:
    instrument = _instrument((F0Config(), LoudnessConfig(), PaperLoudnessConfig(), LevelConfig()))
    _, quiet, before, _ = prepare(instrument, (_MELODY, SAMPLE_RATE), Options(loudness=-23.0))
    _, loud, after, _ = prepare(instrument, (_MELODY, SAMPLE_RATE), Options(loudness=-20.0))
    moved = (loud.loudness_db - quiet.loudness_db)[None]
    assert float(moved.max()) == pytest.approx(3.0)
    assert set(before) == {"paper_loudness_db", "level_db"}
    for name in before:
        torch.testing.assert_close(after[name] - before[name], moved, atol=1e-3, rtol=0)


def test_an_instrument_of_pitch_and_loudness_alone_needs_no_second_look_at_the_sound() -> None:
    _, _, conditions, _ = prepare(
        _instrument((F0Config(), LoudnessConfig())), (_MELODY, SAMPLE_RATE), Options()
    )
    assert conditions == {}


@pytest.mark.parametrize("inputs", [(F0Config(),), (F0Config(), LevelConfig())], ids=["pitch", "level"])
def test_an_instrument_without_the_loudness_plays(inputs: tuple[AnyInput, ...]) -> None:
    audio, _ = transfer(_instrument(inputs), (_MELODY, SAMPLE_RATE))
    assert len(audio) == len(_MELODY)
    assert float(audio.abs().max()) > 1e-3
