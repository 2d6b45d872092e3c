"""The conditions of whole recordings: measured piece by piece, and what a performance can't tell."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from oscine.analysis import Features, analyze
from oscine.audio.samples import spans_of
from oscine.data import Statistics
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.models.conditioning import (
    absent_conditions,
    condition_pieces,
    encoder_grid,
    identity_number,
    silence_before,
    statistics_of,
)
from oscine.models.inputs import (
    CentroidConfig,
    CurveConfig,
    F0Config,
    IdentityConfig,
    LevelConfig,
    LoudnessConfig,
    OnsetConfig,
    PaperLoudnessConfig,
    PeriodicityConfig,
    ZConfig,
)
from oscine.networks import ControllerConfig, PitchEncoderConfig, TimbreEncoderConfig
from oscine.processors import HarmonicConfig, NoiseConfig

_RATE, _HOP = 16_000, 64
_STATISTICS = Statistics(
    minutes=5.0,
    voiced_share=0.9,
    pitch_midi_quantiles=np.linspace(60, 84, 101).tolist(),
    loudness_db_quantiles=np.linspace(-50, -20, 101).tolist(),
    loudness_db_silence=-60.0,
    curves={"breath": (5.0, 2.0)},
)
_SMALL = InstrumentConfig(
    sample_rate=_RATE,
    hop_length=_HOP,
    inputs=(
        F0Config(),
        LoudnessConfig(),
        ZConfig(encoder=TimbreEncoderConfig(z_size=3, hidden_size=8)),
        PeriodicityConfig(),
        CentroidConfig(),
        CurveConfig(name="breath"),
        IdentityConfig(size=4, names=("flute", "violin")),
    ),
    controller=ControllerConfig(hidden_size=16),
    synth=(HarmonicConfig(n_harmonics=12), NoiseConfig(n_bands=9)),
    effects=(),
)


def _instrument(config: InstrumentConfig = _SMALL) -> Instrument:
    torch.manual_seed(3)
    return Instrument(config, _STATISTICS).eval()


def _melody() -> np.ndarray:
    """Three harmonic tones with silence between them."""
    time_s = np.arange(_RATE // 2) / _RATE
    ramp = np.minimum(1, np.minimum(time_s, 0.5 - time_s) / 0.02)
    tones = [
        sum(np.sin(2 * np.pi * k * hz * time_s) / k for k in range(1, 8)) for hz in (261.6, 329.6, 392.0)
    ]
    rest = np.zeros(round(0.15 * _RATE))
    return np.concatenate([part for tone in tones for part in (0.2 * ramp * tone, rest)]).astype(np.float32)


def _measure(
    instrument: Instrument, melody: np.ndarray, features: Features, identity: str | None = None
) -> dict[str, Tensor]:
    """The conditions of the melody, which comes in blocks of odd lengths."""
    absent = absent_conditions(instrument, features.n_frames, identity)
    blocks = iter(np.split(melody, [3, 5000, 5001, 20000]))
    pieces = list(condition_pieces(instrument, blocks, features, absent))
    assert np.array_equal(torch.cat([piece.audio for piece in pieces])[: len(melody)].numpy(), melody)
    assert Features.concatenate([piece.features for piece in pieces]).n_frames == features.n_frames
    return {name: torch.cat([one.conditions[name] for one in pieces], dim=1)[0] for name in instrument.inputs}


def test_conditions_are_measured_in_the_recording() -> None:
    instrument, melody = _instrument(), _melody()
    features = analyze(melody, _RATE, _HOP)
    conditions = _measure(instrument, melody, features)
    names = ["f0_hz", "loudness_db", "z", "periodicity", "centroid_midi", "breath", "identity"]
    assert {name: len(one) for name, one in conditions.items()} == dict.fromkeys(names, features.n_frames)
    torch.testing.assert_close(conditions["f0_hz"], features.f0_hz)
    torch.testing.assert_close(conditions["loudness_db"], features.loudness_db)
    torch.testing.assert_close(conditions["periodicity"], features.confidence)
    assert set(conditions["breath"].tolist()) == {5.0}
    assert conditions["identity"].unique(dim=0).tolist() == [[1.0, 0.0]]
    sounding = features.confidence > 0.9
    # The tones' partials, 1/k of each, lie between their pitch and three octaves above.
    height = (conditions["centroid_midi"] - features.midi)[sounding]
    assert float(height.min()) > 0
    assert float(height.max()) < 36


def test_what_is_given_is_not_measured() -> None:
    instrument, melody = _instrument(), _melody()
    features = analyze(melody, _RATE, _HOP)
    ramp = torch.linspace(0.0, 1.0, features.n_frames)[None]
    given = absent_conditions(instrument, features.n_frames) | {"periodicity": ramp}
    pieces = condition_pieces(instrument, iter([melody]), features, given, piece_frames=100)
    parts = [piece.conditions["periodicity"] for piece in pieces]
    assert len(parts) > 3
    torch.testing.assert_close(torch.cat(parts, dim=1), ramp)


def test_a_curve_is_at_its_mean_over_what_the_identity_learned_from() -> None:
    instrument = _instrument()
    means = {"flute": 2.0, "violin": 8.0}
    identities = {
        name: _STATISTICS.model_copy(update={"curves": {"breath": (mean, 1.0)}})
        for name, mean in means.items()
    }
    instrument.statistics = _STATISTICS.model_copy(update={"identities": identities})
    for name, mean in means.items():
        absent = absent_conditions(instrument, 7, name)
        assert absent["breath"].tolist() == [[mean] * 7]
    assert absent_conditions(instrument, 7)["breath"].tolist() == [[2.0] * 7]
    instrument.statistics = None
    assert absent_conditions(instrument, 7)["breath"].tolist() == [[5.0] * 7]


def test_the_statistics_are_the_identitys_if_it_has_a_pitch() -> None:
    instrument = _instrument()

    def learned(**changes: object) -> Statistics:
        return _STATISTICS.model_copy(update=changes)

    identities = {"flute": learned(minutes=1.0), "violin": learned(minutes=2.0, voiced_share=0.0)}
    whole = instrument.statistics = learned(identities=identities)
    assert statistics_of(instrument, "flute") is statistics_of(instrument) is identities["flute"]
    assert statistics_of(instrument, "violin") is whole
    alone = _instrument(_SMALL.model_copy(update={"inputs": (F0Config(),)}))
    assert statistics_of(alone) is alone.statistics


def test_long_recordings_are_measured_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    instrument, melody = _instrument(), _melody()
    features = analyze(melody, _RATE, _HOP)
    whole = _measure(instrument, melody, features)
    monkeypatch.setattr("oscine.models.conditioning._PIECE_S", 0.4)
    monkeypatch.setattr("oscine.models.conditioning._AROUND_S", 0.1)
    parts = _measure(instrument, melody, features)
    assert all(parts[name].shape == whole[name].shape for name in whole)
    torch.testing.assert_close(parts["periodicity"], whole["periodicity"])
    assert float((parts["z"] - whole["z"]).abs().max()) > 0  # its encoder starts anew in each piece


@pytest.mark.parametrize("around_s", [0.1, 1.0])
def test_windows_reach_over_the_edges_of_pieces(around_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = (F0Config(), LoudnessConfig(), PaperLoudnessConfig(), CentroidConfig())
    instrument, melody = _instrument(_SMALL.model_copy(update={"inputs": inputs})), _melody()
    features = analyze(melody, _RATE, _HOP)
    whole = _measure(instrument, melody, features)
    monkeypatch.setattr("oscine.models.conditioning._PIECE_S", 0.4)
    monkeypatch.setattr("oscine.models.conditioning._AROUND_S", around_s)
    parts = _measure(instrument, melody, features)
    for name in ("paper_loudness_db", "centroid_midi"):
        torch.testing.assert_close(parts[name], whole[name], atol=1e-3, rtol=0)


def test_pieces_begin_on_the_grid_of_the_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = TimbreEncoderConfig(z_size=3, hidden_size=8, frames_per_z=6)
    pitch = PitchEncoderConfig(resnet="small", frames_per_pitch=4)
    inputs = (F0Config(encoder=pitch), ZConfig(encoder=encoder))
    instrument = _instrument(_SMALL.model_copy(update={"inputs": inputs}))
    assert encoder_grid(instrument) == 12
    assert encoder_grid(_instrument(_SMALL.model_copy(update={"inputs": (F0Config(),)}))) == 1
    starts: list[int] = []

    def conditions(audio: Tensor, features: Mapping[str, Tensor], given: object) -> dict[str, Tensor]:
        starts.append(int(features["f0_hz"][0, 0]))
        return {"f0_hz": features["f0_hz"]}

    monkeypatch.setattr(instrument, "conditions", conditions)
    number = torch.arange(500.0)
    features = Features(number, number, number, number, sample_rate=_RATE, hop_length=_HOP)
    silence = np.zeros(500 * _HOP, np.float32)
    pieces = list(condition_pieces(instrument, iter([silence]), features, piece_frames=100))
    assert len(starts) == 5
    assert {start % 12 for start in starts} == {0}
    torch.testing.assert_close(torch.cat([one.conditions["f0_hz"] for one in pieces], dim=1)[0], number)


@pytest.mark.parametrize("cuts", [[3, 50, 51], [90], []])
@pytest.mark.parametrize("n_around", [0, 5, 16, 40])
def test_windows_are_the_samples_of_their_spans(cuts: list[int], n_around: int) -> None:
    samples = np.arange(100, dtype=np.float32)
    spans = [(max(0, a - n_around), a + 16 + n_around) for a in range(0, 100, 16)]
    windows = list(spans_of(iter(np.split(samples, cuts)), spans))
    padded = np.concatenate([samples, np.zeros(100, np.float32)])
    assert len(windows) == 7
    for (first, last), window in zip(spans, windows, strict=True):
        np.testing.assert_array_equal(window, padded[first:last])


def test_an_unknown_identity_is_refused_with_those_that_there_are() -> None:
    instrument = _instrument()
    assert [identity_number(instrument, one) for one in (None, "flute", "violin")] == [0, 0, 1]
    for function in (identity_number, statistics_of, lambda one, name: absent_conditions(one, 5, name)):
        with pytest.raises(InputError, match="no identity oboe; there are flute, violin"):
            function(instrument, "oboe")
    alone = _instrument(_SMALL.model_copy(update={"inputs": (F0Config(), LoudnessConfig())}))
    with pytest.raises(InputError, match="only one; omit the identity"):
        identity_number(alone, "oboe")
    assert absent_conditions(alone, 5) == {}


def test_the_silence_before_a_performance_is_that_of_training() -> None:
    inputs = (F0Config(), LoudnessConfig(), LevelConfig(), PeriodicityConfig(), OnsetConfig())
    config = InstrumentConfig(
        sample_rate=16_000,
        hop_length=64,
        inputs=inputs,
        controller=ControllerConfig(hidden_size=8),
        synth=(HarmonicConfig(n_harmonics=4),),
        effects=(),
    )
    instrument = Instrument(config)
    n_silent, n_sound = 188, 50
    sound = torch.cat([torch.zeros(1, n_silent * 64), 0.1 * torch.randn(1, n_sound * 64)], 1)
    quiet, loud = torch.full((1, n_silent), -80.0), torch.full((1, n_sound), -20.0)
    features = {
        "f0_hz": torch.full((1, n_silent + n_sound), 300.0),
        "confidence": torch.cat([torch.zeros(1, n_silent), torch.ones(1, n_sound)], 1),
        "loudness_db": torch.cat([quiet, loud], 1),
    }
    whole = instrument.conditions(sound, features)
    before = silence_before(instrument, {name: values[:, n_silent:] for name, values in whole.items()})
    for name, values in before.items():
        torch.testing.assert_close(values[:, :-2], whole[name][:, : n_silent - 2])
    alone = silence_before(instrument, {"loudness_db": loud, "breath": torch.ones(1, n_sound)})
    assert alone["loudness_db"].eq(-80.0).all()
    assert alone["breath"].eq(1.0).all()
