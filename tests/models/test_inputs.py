"""Inputs: every member of the union is measured, scaled, and held where its values are no values."""

import inspect
import math
from typing import get_args

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from oscine import kernels
from oscine.data import Statistics
from oscine.data.curves import RESERVED
from oscine.errors import InputError
from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import AnyInput, CurveConfig, F0Config, IdentityConfig, Input, InputConfig, ZConfig
from oscine.networks import ControllerConfig, PitchEncoderConfig, TimbreEncoderConfig
from oscine.processors import HarmonicConfig, NoiseConfig, ReverbConfig
from oscine.runtime import engines
from oscine.streaming import Stream

_RATE, _HOP, _N_FRAMES = 16_000, 64, 40
_MEMBERS: tuple[type[InputConfig], ...] = get_args(get_args(AnyInput)[0])
_EXAMPLES: dict[type[InputConfig], InputConfig] = {
    CurveConfig: CurveConfig(name="breath"),
    IdentityConfig: IdentityConfig(size=3, names=("flute", "violin")),
    ZConfig: ZConfig(encoder=TimbreEncoderConfig(z_size=3, hidden_size=8)),
}
"""Of the members that cannot be built from their defaults alone, or that would be large."""
_CONFIGS = [_EXAMPLES[member] if member in _EXAMPLES else member() for member in _MEMBERS]
_IDS = [str(config.model_dump()["kind"]) for config in _CONFIGS]
_STATISTICS = Statistics(
    minutes=3.0,
    voiced_share=0.9,
    pitch_midi_quantiles=[50 + i / 4 for i in range(101)],
    loudness_db_quantiles=[-60 + i / 2 for i in range(101)],
    loudness_db_silence=-75.0,
    curves={"breath": (5.0, 2.0)},
)
every_input = pytest.mark.parametrize("config", _CONFIGS, ids=_IDS)


def _sound() -> tuple[Tensor, dict[str, Tensor]]:
    """Noise, and what a tracker could have said of it."""
    n_frames = (2, _N_FRAMES)
    features = {
        "f0_hz": 100 + 500 * torch.rand(n_frames),
        "confidence": torch.rand(n_frames),
        "loudness_db": -60 + 50 * torch.rand(n_frames),
    }
    return 0.1 * torch.randn(2, _N_FRAMES * _HOP), features


def _condition(one: Input) -> Tensor:
    """A condition of two signals, good in every frame."""
    if not one.is_measured:
        return one.default + torch.rand(2, _N_FRAMES)
    condition = one.measure(*_sound()).detach().clone()
    return torch.rand_like(condition) if one.name == "identity" else condition


def _build(config: InputConfig) -> Input:
    return config.build(_RATE, _HOP, _STATISTICS)


def test_the_kinds_are_distinct_and_a_recipe_reaches_each() -> None:
    kinds = [config.model_dump()["kind"] for config in _CONFIGS]
    assert len(set(kinds)) == len(_MEMBERS) > 8
    dumped = InstrumentConfig(inputs=tuple(_CONFIGS)).model_dump()  # pyright: ignore[reportArgumentType]
    assert InstrumentConfig.model_validate(dumped).inputs == tuple(_CONFIGS)


@every_input
def test_it_is_measured_in_a_sound(config: InputConfig) -> None:
    one = _build(config)
    if not one.is_measured:
        with pytest.raises(ValueError, match=f"{one.name} is an input of this instrument"):
            one.measure(*_sound())
        return
    condition = one.measure(*_sound()).detach()
    assert condition.shape == ((2, _N_FRAMES, one.size) if one.size else (2, _N_FRAMES))
    assert torch.isfinite(condition).all()
    assert one.minimum <= float(condition.min()) <= float(condition.max()) <= one.maximum


@every_input
def test_the_network_sees_as_many_channels_as_it_says(config: InputConfig) -> None:
    one = _build(config)
    seen = one(_condition(one))
    assert seen.shape == (2, _N_FRAMES, one.width)
    assert torch.isfinite(seen).all()


@every_input
def test_the_network_sees_numbers_of_ordinary_size(config: InputConfig) -> None:
    one = _build(config)
    with torch.no_grad():
        seen = one(_condition(one))
        assert 0 < float((seen - one(one.init_state(2, seen)[:, None])).abs().max()) < 10


@every_input
def test_what_is_no_value_is_held_and_what_is_too_large_is_clamped(config: InputConfig) -> None:
    one = _build(config)
    good = _condition(one)
    bad = {math.nan: None, math.inf: one.maximum, -math.inf: one.minimum}
    if one.positive:
        bad = dict.fromkeys((math.nan, math.inf, -math.inf, 0.0, -100.0))
    for value, clamped in bad.items():
        condition = good.clone()
        condition[1, 0], condition[1, 5:8], condition[1, -1] = value, value, value
        clean, last = one.clean(condition, one.init_state(2, condition))
        expected = good.clamp(one.minimum, one.maximum)
        torch.testing.assert_close(clean[0], expected[0], rtol=0, atol=0)
        start = one.init_state(2, condition)[1]
        for frame, held in ((0, start), (5, expected[1, 4]), (6, expected[1, 4]), (7, expected[1, 4])):
            expected[1, frame] = held if clamped is None else clamped
        expected[1, -1] = expected[1, -2] if clamped is None else clamped
        torch.testing.assert_close(clean, expected, rtol=0, atol=0)
        torch.testing.assert_close(last, expected[:, -1], rtol=0, atol=0)
        assert torch.isfinite(one(clean)).all()


@every_input
def test_bad_values_are_held_alike_however_it_is_cut(config: InputConfig) -> None:
    one = _build(config)
    condition = _condition(one)
    for frames, value in ((slice(0, 3), math.nan), (slice(8, 12), math.nan), (slice(20, 21), -math.inf)):
        condition[:, frames] = value
    whole, last = one.clean(condition, one.init_state(2, condition))
    for size in (1, 3, 10):
        parts, state = [], one.init_state(2, condition)
        for block in condition.split(size, dim=1):
            part, state = one.clean(block, state)
            parts.append(part)
        torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=0, atol=0)
        torch.testing.assert_close(state, last, rtol=0, atol=0)


@every_input
def test_a_condition_of_another_shape_is_one_sentence(config: InputConfig) -> None:
    one = _build(config)
    condition = _condition(one)
    wrong = [condition[..., None], condition[..., :1] if one.size else condition[:, 0]]
    for shape in wrong:
        with pytest.raises(ValueError, match=rf"^{one.name} is \(.*; give \(batch, frame.*\)\.$"):
            one.clean(shape, one.init_state(2, condition))


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "torch"])
@pytest.mark.parametrize("kind", ["gru", "tcn", "conformer"])
def test_a_bad_frame_does_not_poison_a_stream(kind: str, compiled: bool) -> None:
    if compiled and not engines():
        pytest.skip("no compiled runtime: there was no C++ compiler when the package was installed")
    config = InstrumentConfig(
        sample_rate=_RATE,
        hop_length=_HOP,
        inputs=tuple(_CONFIGS),  # pyright: ignore[reportArgumentType]
        controller=ControllerConfig.model_validate({"kind": kind, "hidden_size": 8}),
        synth=(HarmonicConfig(n_harmonics=6), NoiseConfig(n_bands=5)),
        effects=(ReverbConfig(ir_s=0.02),),
    )
    instrument = Instrument(config, _STATISTICS).eval()
    audio, features = _sound()
    given = {"breath": 5 + torch.rand(1, _N_FRAMES), "identity": torch.tensor([1])}
    with torch.no_grad():
        good = instrument.conditions(audio[:1], {name: one[:1] for name, one in features.items()}, given)
    for one in instrument.all_inputs():
        values = (math.nan, -math.inf)
        if compiled and one.positive:  # in torch `clean` has them all, in a test of its own
            values = (*values, math.inf, 0.0, -100.0)
        for value in values:
            bad = good | {one.name: good[one.name].clone()}
            bad[one.name][:, 10:12] = value
            # What was meant: the last good value, or the smallest.
            meant = good | {one.name: good[one.name].clone()}
            held = math.isnan(value) or one.positive
            meant[one.name][:, 10:12] = good[one.name][:, 9:10] if held else one.minimum
            with torch.no_grad():
                expected = instrument(meant)
            with kernels.use(engines()[0] if compiled else "torch"):
                stream = Stream(instrument) if compiled else _Uncompiled(instrument)
            assert not isinstance(stream, Stream) or stream.compiled
            blocks = [
                stream.push({name: curve[:, t : t + 5] for name, curve in bad.items()})
                for t in range(0, _N_FRAMES, 5)
            ]
            played = torch.cat(blocks, dim=1)
            assert torch.isfinite(played).all(), (one.name, value)
            torch.testing.assert_close(played, expected, rtol=0, atol=5e-5)


class _Uncompiled:
    """A stream by `step`, whatever the machine has."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument, self.state = instrument, instrument.init_state(1)

    def push(self, conditions: dict[str, Tensor]) -> Tensor:
        with torch.no_grad():
            audio, self.state = self.instrument.step(conditions, state=self.state)
        return audio


def test_a_pitch_encoder_takes_the_trackers_place() -> None:
    encoder = PitchEncoderConfig.model_validate({"resnet": "small"})
    tracked = F0Config().build(_RATE, _HOP, None)
    encoded = F0Config(encoder=encoder).build(_RATE, _HOP, None).eval()
    audio, features = _sound()
    assert torch.equal(tracked.measure(audio, features), features["f0_hz"])
    with torch.no_grad():
        first = encoded.measure(audio, features)
        other = encoded.measure(audio, features | {"f0_hz": 2 * features["f0_hz"]})
    assert torch.equal(first, other)
    assert first.shape == (2, _N_FRAMES)


def test_an_identity_is_a_number_or_a_mixture() -> None:
    one = IdentityConfig(size=3, names=("flute", "violin")).build(_RATE, _HOP, None)
    weights = one.as_given(torch.tensor([1, 0]), 4)
    assert weights.tolist() == [[[0.0, 1.0]] * 4, [[1.0, 0.0]] * 4]
    mixture = torch.full((2, 4, 2), 0.5)
    assert torch.equal(one.as_given(mixture, 4), mixture)
    with torch.no_grad():
        torch.testing.assert_close(one(mixture), (one(weights) + one(1 - weights)) / 2)
    assert one.measure(*_sound())[:, 0].tolist() == [[1.0, 0.0]] * 2


def test_a_curve_is_scaled_by_what_was_learned_from() -> None:
    one = CurveConfig(name="breath").build(_RATE, _HOP, _STATISTICS)
    assert one.default == 5.0
    torch.testing.assert_close(one(torch.tensor([[3.0, 5.0, 9.0]])), torch.tensor([[[-1.0], [0.0], [2.0]]]))
    unknown = CurveConfig(name="breath").build(_RATE, _HOP, None)
    torch.testing.assert_close(unknown(torch.tensor([[3.0]])), torch.tensor([[[3.0]]]))


def test_the_onset_is_two_curves_that_rise_from_it() -> None:
    (config,) = (one for one, kind in zip(_CONFIGS, _IDS, strict=True) if kind == "onset")
    seen = _build(config)(torch.tensor([[0.0, 0.02, 0.5, 1e4]]))[0]
    torch.testing.assert_close(seen[:, 0], torch.tensor([0.0, 0.5, 0.5 / 0.52, 1.0]), rtol=0, atol=1e-5)
    torch.testing.assert_close(seen[:, 1], torch.tensor([0.0, 0.02 / 0.52, 0.5, 1.0]), rtol=0, atol=1e-4)


def test_a_config_is_fitted_to_a_dataset() -> None:
    config = InstrumentConfig(inputs=(F0Config(), CurveConfig(name="breath"), IdentityConfig()))
    fitted = config.fit(22_050, 100, ["breath", "bow"], ["flute", "violin"])
    assert (fitted.sample_rate, fitted.hop_length, fitted.identities) == (22_050, 100, ("flute", "violin"))
    assert fitted.inputs[:2] == config.inputs[:2]
    for curves, there in ((["bow"], "it has bow"), ([], "it has none")):
        with pytest.raises(InputError, match=rf"the curve breath, which the dataset lacks \({there}\)"):
            config.fit(22_050, 100, curves, [])


def test_every_name_of_another_input_or_an_option_is_reserved() -> None:
    names = {
        one.name for config in _CONFIGS if not isinstance(config, CurveConfig) for one in [_build(config)]
    }
    options = set(inspect.signature(Instrument.step).parameters) | {"seed"}
    options -= {"self", "signals", "conditions"}
    assert names | options <= set(RESERVED)


@pytest.mark.parametrize(
    "name", [*RESERVED, "values", "items", "keys", "pop", "clear", "update", "training", "type"]
)
def test_a_curve_cannot_have_a_name_that_is_taken(name: str) -> None:
    with pytest.raises(ValidationError, match=f"A curve can't be called '{name}': the name is taken"):
        CurveConfig(name=name)
