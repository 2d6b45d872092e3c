"""``forward == step over any split == program``: every part, controller, input and recipe there is."""

import copy
import inspect
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from tests.runtime.programs import onset_curve
from torch import Tensor

from oscine import kernels
from oscine.functional import upsample_state
from oscine.models import Instrument, InstrumentConfig, list_recipes, load_recipe
from oscine.models.gain import gain_step
from oscine.models.inputs import (
    AnyInput,
    CurveConfig,
    F0Config,
    IdentityConfig,
    Loudness,
    LoudnessConfig,
    OnsetConfig,
)
from oscine.networks import ControllerConfig
from oscine.processors import (
    AllpoleConfig,
    AnyPart,
    ChainConfig,
    Control,
    FilterConfig,
    FilteredNoise,
    FmConfig,
    GlottalConfig,
    HarmonicConfig,
    NeuralFilter,
    NoiseConfig,
    PulseConfig,
    Refiner,
    Reverb,
    ReverbConfig,
    WavetableConfig,
)
from oscine.runtime import Engine, engines
from oscine.streaming import NotCompilable, Stream

RATE, HOP, FRAMES = 16_000, 60, 50
RATES: dict[str, Any] = {"sample_rate": RATE, "hop_length": HOP}
compiled = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)


@pytest.fixture(autouse=True)
def _compiled() -> Iterator[None]:
    """Whatever OSCINE_KERNEL says."""
    with kernels.use(engines()[0] if engines() else "torch"):
        yield


def _loud(config: InstrumentConfig) -> Instrument:
    """An instrument with untrained weights whose every branch is heard."""
    instrument = Instrument(config).eval()
    for module in instrument.modules():
        if isinstance(module, Reverb):
            torch.nn.init.normal_(module.impulse_response, std=0.05)
        if isinstance(module, NeuralFilter):
            torch.nn.init.normal_(module.output, std=0.2)
    with torch.no_grad():
        instrument.controller.head.weight.mul_(3)
        first = 0
        for control in instrument.controls:
            instrument.controller.head.bias[first : first + control.width] -= control.bias
            first += control.width
    return instrument


def _conditions(instrument: Instrument, n_frames: int = FRAMES) -> dict[str, Tensor]:
    time = torch.arange(n_frames) / n_frames
    features = {
        "f0_hz": (200 * 2 ** torch.sin(9 * time))[None],
        "confidence": torch.rand(1, n_frames),
        "loudness_db": -60 + 50 * torch.rand(1, n_frames),
    }
    given = {one.name: torch.randn(1, n_frames) for one in instrument.all_inputs() if not one.is_measured}
    if instrument.config.identities:
        given["identity"] = torch.rand(1, n_frames, len(instrument.config.identities))
    if "onset_s" in instrument.inputs:
        rates = instrument.sample_rate, instrument.hop_length
        hits = tuple(share * n_frames * instrument.hop_length for share in (0.07, 0.4, 0.43, 0.8))
        given["onset_s"] = onset_curve(hits, n_frames, *rates)[None].float()
    with torch.no_grad():
        sound = 0.1 * torch.randn(1, n_frames * instrument.hop_length)
        return instrument.conditions(sound, features, given)


def _of_part(config: Any) -> InstrumentConfig:
    """An instrument that has the part where it can stand: as a source, behind one, or as an effect."""
    part = config.build(RATE, HOP)
    onset = (OnsetConfig(),) if "onset_s" in part.inputs else ()
    given: dict[str, Any] = {
        "inputs": (F0Config(), LoudnessConfig(), *onset),
        "controller": ControllerConfig(hidden_size=12),
    }
    if part.signals:
        return InstrumentConfig(**RATES, **given, synth=(NoiseConfig(n_bands=9),), effects=(config,))
    return InstrumentConfig(**RATES, **given, synth=(config,), effects=())


EXAMPLES: dict[str, dict[str, Any]] = {
    "chain": {"parts": (NoiseConfig(n_bands=17), ReverbConfig(ir_s=0.01))},
    "sum": {"parts": (HarmonicConfig(n_harmonics=9), NoiseConfig(n_bands=9), NoiseConfig(name="hiss"))},
}
CONFIGS: dict[str, InstrumentConfig] = {}
for member in get_args(get_args(AnyPart)[0]):
    kind = member.model_fields["kind"].default
    CONFIGS[f"part {kind}"] = _of_part(member(**EXAMPLES.get(kind, {})))
for name, controller in {
    "gru": {"hidden_size": 33},
    "gru with dense layers": {"hidden_size": 7, "mlp_size": 5, "n_mlp_layers": 2},
    "tcn": {"kind": "tcn", "hidden_size": 13, "mlp_size": 7, "n_mlp_layers": 2},
    "tcn of one tap": {"kind": "tcn", "hidden_size": 8, "n_layers": 2, "kernel_size": 1},
    "conformer": {"kind": "conformer", "hidden_size": 12, "n_heads": 3, "context_frames": 20},
    "conformer of one frame": {"kind": "conformer", "hidden_size": 6, "n_heads": 2, "context_frames": 1},
}.items():
    CONFIGS[f"controller {name}"] = InstrumentConfig(
        **RATES,
        controller=ControllerConfig.model_validate(controller),
        synth=(HarmonicConfig(n_harmonics=9), NoiseConfig(n_bands=9)),
        effects=(),
    )


def _of_input(config: Any) -> InstrumentConfig:
    inputs = (F0Config(), *([] if isinstance(config, F0Config) else [config]))
    network = ControllerConfig(hidden_size=8, mlp_size=6, n_mlp_layers=1)
    return InstrumentConfig(
        **RATES, inputs=inputs, controller=network, synth=(HarmonicConfig(n_harmonics=9),), effects=()
    )


for member in get_args(get_args(AnyInput)[0]):
    example = {CurveConfig: {"name": "breath"}, IdentityConfig: {"names": ("flute", "violin")}}.get(
        member, {}
    )
    CONFIGS[f"input {member.model_fields['kind'].default}"] = _of_input(member(**example))
for name in list_recipes():
    rates = {"instrument.sample_rate": RATE, "instrument.hop_length": 64}
    CONFIGS[f"recipe {name}"] = load_recipe(name, rates).instrument
CONFIGS |= {
    "inharmonic": _of_part(HarmonicConfig(inharmonic=True, n_harmonics=30)),
    "a wavetable of one harmonic": _of_part(WavetableConfig(n_tables=3, n_harmonics=1)),
    "a wavetable of many": _of_part(WavetableConfig(n_tables=2, n_harmonics=300)),
    "odd pulses": _of_part(PulseConfig(harmonics="odd")),
    "one pole": _of_part(AllpoleConfig(order=1)),
    "many poles": _of_part(AllpoleConfig(order=50)),
    "a glottal source of one harmonic": _of_part(GlottalConfig(n_harmonics=1)),
    "a modulator of two": _of_part(FmConfig(algorithm=20, ratios=(1, 2, 0.5, 1.01, 3, 1.5))),
    "six carriers": _of_part(FmConfig(algorithm=32, ratios=(1, 2, 3, 4, 5, 6.5))),
    "minimum phase": _of_part(FilterConfig(n_bands=33, phase="minimum")),
    "minimum phase of two bands": _of_part(FilterConfig(n_bands=2, phase="minimum")),
    "a fixed filter": _of_part(FilterConfig(n_bands=33, fixed=True)),
    "a fixed filter of minimum phase": _of_part(FilterConfig(n_bands=9, phase="minimum", fixed=True)),
    "a source-filter vocoder": InstrumentConfig(
        **RATES,
        controller=ControllerConfig(hidden_size=12),
        synth=(ChainConfig(parts=(PulseConfig(), FilterConfig())), NoiseConfig(n_bands=9)),
        effects=(FilterConfig(n_bands=17, phase="minimum"),),
    ),
    "an octave lower": _of_part(HarmonicConfig(ratio=0.5)),
    "a hop of one sample": InstrumentConfig(
        sample_rate=RATE, hop_length=1, controller=ControllerConfig(hidden_size=4)
    ),
    "a hop longer than a segment": InstrumentConfig(
        sample_rate=RATE, hop_length=1200, controller=ControllerConfig(hidden_size=4)
    ),
    "a response of exactly three segments": _of_part(ReverbConfig(ir_s=1536 / RATE)),
    "a response of a tap more": _of_part(ReverbConfig(ir_s=1537 / RATE)),
}


#: Configs with a part that only `step` plays.
UNCOMPILED = {"part refiner", "recipe voice-refined"}


@pytest.mark.parametrize("name", sorted(UNCOMPILED))
def test_what_has_no_compiled_form_is_a_stream_that_says_so(name: str) -> None:
    instrument = _loud(CONFIGS[name])
    for module in instrument.modules():
        if isinstance(module, Refiner):
            torch.nn.init.normal_(module.head.weight, std=0.1)
    conditions = _conditions(instrument)
    stream = Stream(instrument)
    assert "Refiner has no compiled form" in stream.why or not engines()
    assert stream.latency == 7 * instrument.hop_length
    pieces = [stream.push(**{k: v[:, t : t + 9] for k, v in conditions.items()}) for t in range(0, FRAMES, 9)]
    with torch.no_grad():
        torch.testing.assert_close(torch.cat(pieces, 1), instrument(**conditions), rtol=0, atol=1e-5)


@compiled
@pytest.mark.parametrize("name", [name for name in CONFIGS if name not in UNCOMPILED])
def test_forward_is_step_is_program(name: str) -> None:
    instrument = _loud(CONFIGS[name])
    n_frames = 12 if "recipe" in name or "longer" in name else FRAMES
    conditions = _conditions(instrument, n_frames)
    with torch.no_grad():
        whole = instrument(**conditions)
        state, parts = instrument.init_state(1), []
        for first in range(0, n_frames, 7):
            block = {name: value[:, first : first + 7] for name, value in conditions.items()}
            audio, state = instrument.step(block, state=state)
            parts.append(audio)
    scale = max(1.0, float(whole.abs().max()))
    if any(control.name.endswith(("frequencies_hz", "inharmonicity")) for control in instrument.controls):
        # A rounding of a predicted frequency adds up over the phase.
        scale *= 10
    if any(control.name.endswith("decays_s") for control in instrument.controls):
        # The frequencies of many modes are rounded each by itself.
        scale *= 3
    assert float(whole.abs().max()) > 1e-3
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-5 * scale)
    content = instrument.program().to_bytes()
    for engine in engines():
        for size in (1, 7, n_frames):
            player = Engine(content, engine)
            blocks = (
                {name: value[:, first : first + size] for name, value in conditions.items()}
                for first in range(0, n_frames, size)
            )
            played = torch.cat([player.play(block) for block in blocks], 1)
            torch.testing.assert_close(played, whole, rtol=0, atol=1e-5 * scale)


@compiled
def test_the_seed_the_gain_and_the_dry_form_are_the_instruments() -> None:
    instrument = _loud(CONFIGS["recipe default"])
    conditions = _conditions(instrument)
    gain = torch.rand(1, FRAMES)
    for seed in (1, 2**40 + 3):
        for dry in (False, True):
            stream = Stream(instrument, seed=seed, dry=dry)
            assert stream.compiled
            with torch.no_grad():
                state = instrument.init_state(1, seed)
                expected, _ = instrument.step(**conditions, state=state, gain=gain, dry=dry)
            torch.testing.assert_close(stream.push(**conditions, gain=gain), expected, rtol=0, atol=1e-5)


@compiled
@pytest.mark.parametrize("form", ["compiled", "torch"])
def test_a_bad_frame_poisons_nothing(form: str) -> None:
    instrument = _loud(CONFIGS["recipe default"])
    conditions = _conditions(instrument, 200) | {"gain": torch.ones(1, 200)}
    with kernels.use(engines()[0] if form == "compiled" else "torch"):
        clean = Stream(instrument).push(**conditions)
        for name, bad in (
            ("f0_hz", [0.0, -5.0, torch.nan, torch.inf, -torch.inf]),
            ("loudness_db", [torch.nan, torch.inf, -torch.inf]),
            ("gain", [torch.nan, -torch.inf, -1.0]),
        ):
            for value in bad:
                dirty = {key: curve.clone() for key, curve in conditions.items()}
                dirty[name][:, 20:22] = value
                stream = Stream(instrument)
                assert stream.compiled == (form == "compiled")
                played = torch.cat(
                    [
                        stream.push(**{k: v[:, t : t + 10] for k, v in dirty.items()})
                        for t in range(0, 200, 10)
                    ],
                    1,
                )
                assert torch.isfinite(played).all()
                loud = clean[:, -50 * 64 :].square().mean().sqrt()
                assert played[:, -50 * 64 :].square().mean().sqrt() == pytest.approx(float(loud), rel=0.2)


@compiled
def test_a_gain_is_held_without_the_gate() -> None:
    instrument = _loud(CONFIGS["recipe default"])
    conditions = _conditions(instrument, 12)
    conditions["loudness_db"] = torch.full((1, 12), -75.0)
    assert instrument.gate is not None
    assert float(instrument.gate(conditions["loudness_db"]).max()) < 0.9
    gain, held = torch.full((1, 12), 0.5), torch.full((1, 12), 0.5)
    gain[:, 4:7] = torch.nan
    for form in (engines()[0], "torch"):
        with kernels.use(form):
            streams, played = [Stream(instrument), Stream(instrument)], ([], [])
            for t in range(0, 12, 2):
                block = {key: value[:, t : t + 2] for key, value in conditions.items()}
                for stream, curve, audio in zip(streams, (gain, held), played, strict=True):
                    audio.append(stream.push(**block, gain=curve[:, t : t + 2]))
        torch.testing.assert_close(torch.cat(played[0], 1), torch.cat(played[1], 1), rtol=0, atol=1e-6)
    bare, given = inspect.unwrap(gain_step), (torch.ones(1), upsample_state(1))
    for wrong, what in ((gain[:, :3], r"\(1, 3\)"), (0.5, "a float")):
        with pytest.raises(ValueError, match=rf"gain is {what}; give a tensor, \(1, 2\)\.$"):
            bare(torch.zeros(1, 128), wrong, None, *given, hop_length=64)


@compiled
def test_a_stream_plays_the_weights_that_it_was_made_with() -> None:
    for form in (engines()[0], "torch"):
        instrument = _loud(CONFIGS["recipe default"])
        conditions = _conditions(instrument)
        with kernels.use(form):
            stream = Stream(instrument)
            first = stream.push(**conditions)
            with torch.no_grad():
                instrument.controller.head.bias.add_(1.0)
            stream.reset()
            torch.testing.assert_close(stream.push(**conditions), first, rtol=0, atol=0)
            assert (Stream(instrument).push(**conditions) - first).abs().max() > 1e-3


@compiled
def test_a_part_that_was_replaced_is_played() -> None:
    instrument = _loud(CONFIGS["recipe default"])
    before = Stream(instrument)
    conditions = _conditions(instrument)
    instrument.effects.parts["reverb"] = Reverb(2000)
    torch.nn.init.normal_(instrument.get_parameter("effects.parts.reverb.impulse_response"), std=0.5)
    stream = Stream(instrument)
    assert (stream.push(**conditions) - before.push(**conditions)).abs().max() > 1e-2
    stream.reset()
    assert stream.compiled
    with torch.no_grad():
        torch.testing.assert_close(stream.push(**conditions), instrument(**conditions), rtol=0, atol=1e-5)


@compiled
def test_effects_play_alone_as_they_do_behind_the_synth() -> None:
    instrument = _loud(CONFIGS["recipe default"])
    conditions = _conditions(instrument)
    whole, dry, effects = Stream(instrument), Stream(instrument, dry=True), Stream(instrument.effects)
    assert effects.compiled
    for block in (slice(0, 1), slice(1, 12), slice(12, FRAMES)):
        given = {name: curve[:, block] for name, curve in conditions.items()}
        assert torch.equal(effects.push(dry.push(**given)), whole.push(**given))


@compiled
@pytest.mark.parametrize("engine", engines())
def test_frames_that_are_computed_together_have_the_bits_of_single_ones(engine: str) -> None:
    instrument = _loud(CONFIGS["recipe solo"])
    program = instrument.program().to_bytes()
    conditions = {name: curve[:, :40] for name, curve in _conditions(instrument).items()}
    together = Engine(program, engine).play(conditions)
    one_by_one = Engine(program, engine)
    single = [one_by_one.play({k: v[:, t : t + 1] for k, v in conditions.items()}) for t in range(40)]
    assert torch.equal(together, torch.cat(single, dim=1))


@compiled
def test_a_part_of_another_size_is_refused_with_a_sentence() -> None:
    instrument = Instrument(CONFIGS["controller gru"])
    instrument.synth.parts["noise"] = FilteredNoise(17, HOP)
    with pytest.raises(NotCompilable, match="noise takes 17 numbers as magnitudes and gets 9"):
        instrument.program()


@compiled
def test_what_overrides_its_computation_and_not_lower_is_refused_with_a_sentence() -> None:
    class Silent(Instrument):
        def step(self, *signals: Any, state: Any, **named: Any) -> Any:
            audio, after = super().step(*signals, state=state, **named)
            return 0 * audio, after

    class Hushed(FilteredNoise):
        def step(self, magnitudes: Tensor, *, state: Any) -> Any:
            audio, after = super().step(magnitudes, state=state)
            return 0 * audio, after

    silent = Silent(CONFIGS["controller gru"])
    with pytest.raises(NotCompilable, match="Silent overrides `step` and not `lower`"):
        silent.program()
    stream = Stream(silent)
    assert not stream.compiled
    assert "Silent overrides `step`" in stream.why
    assert torch.count_nonzero(stream.push(**_conditions(silent))) == 0

    class Half(Loudness):
        def forward(self, condition: Tensor) -> Tensor:
            return super().forward(condition) / 2

    half = Instrument(CONFIGS["controller gru"])
    half.inputs["loudness_db"] = Half()
    assert "Half overrides `forward`" in Stream(half).why

    class Doubled(Control):
        def value(self, raw: Tensor) -> Tensor:
            return 2 * super().value(raw)

    doubled = Instrument(CONFIGS["controller gru"])
    first, *others = doubled.controls
    doubled.controls = (
        Doubled(**{field.name: getattr(first, field.name) for field in fields(first)}),
        *others,
    )
    assert "Doubled overrides `value`" in Stream(doubled).why

    hooked = Instrument(CONFIGS["controller gru"])
    hooked.controller.head.register_forward_hook(lambda *_: None)
    assert "controller.head has a hook" in Stream(hooked).why

    hushed = Instrument(CONFIGS["controller gru"])
    hushed.synth.parts["noise"] = Hushed(9, HOP)
    with pytest.raises(NotCompilable, match="Hushed overrides `step`"):
        hushed.program()


@compiled
def test_streams_say_what_they_are() -> None:
    instrument = Instrument(CONFIGS["controller gru"])
    assert repr(Stream(instrument)).startswith("Stream(Instrument, Engine(")
    for stream, why in (
        (Stream(instrument, batch_size=2), "A batch of 2"),
        (Stream(copy.deepcopy(instrument).double()), "not float32"),
        (Stream(FilteredNoise(5, HOP)), "no program of its own"),
    ):
        assert not stream.compiled
        assert why in stream.why
        assert why in repr(stream)
    with kernels.use("torch"):
        assert "asks for torch" in Stream(instrument).why


@compiled
def test_half_precision_files_are_half_as_large_and_nearly_the_same() -> None:
    instrument = _loud(CONFIGS["recipe default"])
    conditions = _conditions(instrument)
    program = instrument.program()
    full, half = program.to_bytes(), program.to_bytes("float16")
    assert len(half) < 0.6 * len(full)
    one, other = Engine(full).play(conditions), Engine(half).play(conditions)
    assert float((one - other).abs().max() / one.abs().max()) < 0.05
    assert torch.equal(Stream(instrument, weights="float16").push(**conditions), other)
    # A line for each input and operation, and none of the weights' numbers.
    assert len(repr(program)) < 100 * (1 + len(program.inputs) + len(program.operations))


@compiled
def test_a_stream_does_not_mind_the_default_precision() -> None:
    instrument = _loud(CONFIGS["controller gru"])
    conditions = _conditions(instrument)
    expected = Stream(instrument).push(**conditions)
    torch.set_default_dtype(torch.float64)
    try:
        torch.testing.assert_close(Stream(instrument).push(**conditions), expected, rtol=0, atol=0)
    finally:
        torch.set_default_dtype(torch.float32)


@compiled
def test_the_file_carries_licence_credit_and_ranges(tmp_path: Path) -> None:
    instrument = _loud(CONFIGS["controller gru"])
    instrument.save_pretrained(tmp_path / "reed", licence="cc-by-4.0", credit="Ada")
    again = Instrument.from_pretrained(tmp_path / "reed")
    assert again.card == {"licence": "cc-by-4.0", "credit": "Ada"}
    metadata = Engine(again.program().to_bytes()).metadata
    assert metadata["card"] == again.card
    assert metadata["inputs"]["f0_hz"] == {"unit": "Hz", "size": 1}
    assert metadata["synth"] == ["harmonic", "noise"]
