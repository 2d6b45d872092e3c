"""The contract of every processor: any split of a signal gives the same audio, state and gradients."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runtime.programs import onset_curve
from torch import Tensor

from oscine import networks, processors
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import Conformer, Controller, ControllerConfig, Recurrent, Tcn
from oscine.processors import (
    Allpole,
    AnyPart,
    Chain,
    ChainConfig,
    EnvelopeConfig,
    Filter,
    FilterConfig,
    FilteredNoise,
    FmOscillator,
    Glottal,
    HarmonicConfig,
    HarmonicOscillator,
    NeuralFilter,
    NoiseConfig,
    PartConfig,
    Processor,
    Pulse,
    PulseConfig,
    Refiner,
    RefinerConfig,
    Reverb,
    ReverbConfig,
    Sum,
    SumConfig,
    Wavetable,
)
from oscine.streaming import Stream, Streaming

RATE, HOP, FRAMES = 16_000, 32, 23


@dataclass
class Case:
    """A module, its inputs by position, and how many samples come out for one step along their time axis."""

    build: Callable[[], Streaming[Any]]
    inputs: Callable[[], list[Tensor]]
    samples_per_step: int


def _f0(high: float = 900.0) -> Tensor:
    return 60.0 + high * torch.rand(2, FRAMES)


def _given(name: str) -> Tensor:
    """A curve that is given: hits begin inside frames, at their ends, and two in a frame."""
    if name == "onset_s":
        hits = (70.3, 192.0, 300.5, 310.25, 500.75), (0.0, 33.5, 64.0, 400.1)
        return torch.stack([onset_curve(one, FRAMES, RATE, HOP) for one in hits]).float()
    return _f0() if name == "f0_hz" else torch.rand(2, FRAMES)


def _loud(module: Streaming[Any]) -> Streaming[Any]:
    """Let impulse responses and fixed filters be heard."""
    for one in module.modules():
        if isinstance(one, Reverb):
            torch.nn.init.normal_(one.impulse_response, std=0.03)
        elif isinstance(one, Filter) and one.fixed:
            torch.nn.init.normal_(one.log_magnitudes)
        if isinstance(one, Refiner):
            torch.nn.init.normal_(one.head.weight, std=0.1)
        if isinstance(one, NeuralFilter):
            torch.nn.init.normal_(one.output, std=0.3)
    return module


def _arguments(processor: Processor[Any]) -> list[Tensor]:
    """Legal values of everything that a processor takes, in order; audio of as many frames."""
    audio = [torch.randn(2, FRAMES * HOP) for _ in processor.signals]
    given = [_given(name) for name in processor.inputs]
    return [*audio, *given, *(c.value(torch.randn(2, FRAMES, c.width)) for c in processor.controls)]


def _part(config: PartConfig) -> Case:
    processor = config.build(RATE, HOP)
    # A processor of audio alone has no frames: a step along its axis is a sample.
    frames = bool(processor.inputs or processor.controls)
    return Case(lambda: _loud(config.build(RATE, HOP)), lambda: _arguments(processor), HOP if frames else 1)


# Members without defaults of their own.
EXAMPLES = {
    "chain": {"parts": (NoiseConfig(n_bands=17), ReverbConfig(ir_s=0.01))},
    "sum": {
        "parts": (HarmonicConfig(n_harmonics=9), NoiseConfig(n_bands=9), NoiseConfig(name="hiss", n_bands=5))
    },
}
MEMBERS: tuple[type[PartConfig], ...] = get_args(get_args(AnyPart)[0])
CASES = {}
for member in MEMBERS:
    kind = member.model_fields["kind"].default
    CASES[kind] = _part(member(**EXAMPLES.get(kind, {})))

# Pulses through a filter that delays them, beside noise, and both through another filter.
VOCODER = ChainConfig(
    parts=(
        SumConfig(
            parts=(
                ChainConfig(name="voiced", parts=(PulseConfig(), FilterConfig(n_bands=7))),
                NoiseConfig(n_bands=5),
            )
        ),
        FilterConfig(n_bands=9, phase="minimum"),
    )
)

CASES |= {
    "harmonic, inharmonic and phased": Case(
        lambda: HarmonicOscillator(12, RATE, HOP, inharmonic=True, phased=True),
        lambda: _arguments(HarmonicOscillator(12, RATE, HOP, inharmonic=True, phased=True)),
        HOP,
    ),
    "harmonic, phased, an octave lower": Case(
        lambda: HarmonicOscillator(12, RATE, HOP, phased=True, ratio=0.5),
        lambda: _arguments(HarmonicOscillator(12, RATE, HOP, phased=True)),
        HOP,
    ),
    "pulse, odd": Case(lambda: Pulse(RATE, HOP, "odd"), lambda: _arguments(Pulse(RATE, HOP)), HOP),
    "fm, six carriers": Case(
        lambda: FmOscillator(32, (1, 2, 3, 4, 5, 6.5), RATE, HOP),
        lambda: _arguments(FmOscillator(32, (1, 2, 3, 4, 5, 6.5), RATE, HOP)),
        HOP,
    ),
    "filter, minimum phase": Case(lambda: Filter(9, HOP, "minimum"), lambda: _arguments(Filter(9, HOP)), HOP),
    "filter, fixed": Case(lambda: _loud(Filter(9, HOP, fixed=True)), lambda: [torch.randn(2, 300)], 1),
    "filter, fixed, minimum phase": Case(
        lambda: _loud(Filter(9, HOP, "minimum", fixed=True)), lambda: [torch.randn(2, 300)], 1
    ),
    "source-filter vocoder": Case(
        lambda: VOCODER.build(RATE, HOP), lambda: _arguments(VOCODER.build(RATE, HOP)), HOP
    ),
    "refiner with one frame of latency": Case(
        lambda: _loud(RefinerConfig(window_frames=2, hidden_size=8, n_layers=2).build(RATE, HOP)),
        lambda: _arguments(Refiner(RATE, HOP)),
        HOP,
    ),
    "reverb of one partition": Case(lambda: _loud(Reverb(40)), lambda: [torch.randn(2, 300)], 1),
    "reverb of several": Case(lambda: _loud(Reverb(2500)), lambda: [torch.randn(2, 1000)], 1),
}


SMALL = ControllerConfig(hidden_size=7, mlp_size=6, n_mlp_layers=2)


def _instrument(controller: ControllerConfig) -> Streaming[Any]:
    config = InstrumentConfig(
        sample_rate=RATE,
        hop_length=HOP,
        controller=controller,
        synth=(HarmonicConfig(n_harmonics=9), NoiseConfig(n_bands=9)),
        effects=(ReverbConfig(ir_s=0.02),),
    )
    return _loud(Instrument(config))


# A kernel, dilations and a context that are not full for some time, and then are; and more than FRAMES.
TCN = ControllerConfig(kind="tcn", hidden_size=7, mlp_size=6, n_mlp_layers=2, n_layers=5, kernel_size=2)
CONFORMER = ControllerConfig(kind="conformer", hidden_size=8, n_layers=2, n_heads=2, context_frames=40)


CASES |= {
    "recurrent": Case(lambda: Recurrent(3, 7), lambda: [torch.rand(2, FRAMES, 3)], 1),
    "tcn": Case(lambda: Tcn(3, 7, 3, 3), lambda: [torch.rand(2, FRAMES, 3)], 1),
    "tcn of one tap": Case(lambda: Tcn(3, 7, 2, 1), lambda: [torch.rand(2, FRAMES, 3)], 1),
    "conformer": Case(lambda: Conformer(3, 8, 2, 4, 2, 6), lambda: [torch.rand(2, FRAMES, 3)], 1),
    "conformer of one frame": Case(
        lambda: Conformer(3, 8, 2, 1, 2, 1), lambda: [torch.rand(2, FRAMES, 3)], 1
    ),
    "tcn controller": Case(
        lambda: Controller([1, 3], 5, TCN), lambda: [torch.rand(2, FRAMES, 1), torch.rand(2, FRAMES, 3)], 1
    ),
    "conformer controller": Case(
        lambda: Controller([1, 3], 5, CONFORMER),
        lambda: [torch.rand(2, FRAMES, 1), torch.rand(2, FRAMES, 3)],
        1,
    ),
    "controller": Case(
        lambda: Controller([1, 3], 5, SMALL), lambda: [torch.rand(2, FRAMES, 1), torch.rand(2, FRAMES, 3)], 1
    ),
    "tiny controller": Case(
        lambda: Controller([1, 1], 5, ControllerConfig(hidden_size=7)),
        lambda: [torch.rand(2, FRAMES, 1), torch.rand(2, FRAMES, 1)],
        1,
    ),
    "instrument": Case(lambda: _instrument(SMALL), lambda: [_f0(), -60 + 50 * torch.rand(2, FRAMES)], HOP),
    "instrument with a conformer": Case(
        lambda: _instrument(CONFORMER), lambda: [_f0(), -60 + 50 * torch.rand(2, FRAMES)], HOP
    ),
}


def test_no_streaming_class_is_left_out() -> None:
    public = {getattr(module, name) for module in (processors, networks) for name in module.__all__}
    classes = {one for one in public if isinstance(one, type) and issubclass(one, Streaming)}
    assert classes - {Processor} <= {type(case.build()) for case in CASES.values()}


def test_gradients_of_the_reverb() -> None:
    reverb = _loud(Reverb(9)).double()
    taps = reverb.get_parameter("impulse_response")
    inputs = (torch.randn(1, 12, dtype=torch.float64, requires_grad=True), taps)
    assert torch.autograd.gradcheck(lambda x, _: reverb(x), inputs)
    assert torch.autograd.gradcheck(lambda x, _: reverb.step(x, state=reverb.init_state(1))[0], inputs)


def _splits(n: int) -> Iterator[list[int]]:
    yield [n]
    yield [1] * n
    for prime in (2, 7, 13):
        yield [prime] * (n // prime) + ([n % prime] if n % prime else [])


def _run(processor: Streaming[Any], inputs: list[Tensor], split: list[int]) -> tuple[Tensor, object]:
    state = processor.init_state(inputs[0].shape[0])
    n_steps = inputs[-1].shape[1]
    outputs, first = [], 0
    for size in split:
        output, state = processor.step(*_slices(inputs, n_steps, first, first + size), state=state)
        outputs.append(output)
        first += size
    return torch.cat(outputs, dim=1), state


def _slices(inputs: list[Tensor], n_steps: int, first: int, last: int) -> list[Tensor]:
    """Steps first … last − 1 of every input; audio has many samples to a step."""
    scales = [x.shape[1] // n_steps for x in inputs]
    return [x[:, first * scale : last * scale] for x, scale in zip(inputs, scales, strict=True)]


def _tensors(state: object) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    assert isinstance(state, tuple)
    return [tensor for part in state for tensor in _tensors(part)]


def _gradients(processor: Streaming[Any], inputs: list[Tensor], output: Tensor) -> list[Tensor]:
    weights = torch.sin(torch.arange(output.numel(), dtype=output.dtype)).reshape(output.shape)
    wanted = [*inputs, *processor.parameters()]
    return list(torch.autograd.grad((output * weights).sum(), wanted))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@pytest.mark.parametrize("name", CASES)
def test_any_split_gives_the_same_audio_state_and_gradients(
    name: str, dtype: torch.dtype, tolerance: float
) -> None:
    case = CASES[name]
    processor = case.build().to(dtype)
    inputs = [x.to(dtype).requires_grad_() for x in case.inputs()]
    whole = processor(*inputs)
    assert whole.dtype == dtype
    assert whole.shape[1] == inputs[-1].shape[1] * case.samples_per_step
    scale = max(1.0, whole.abs().max().item())
    gradients = _gradients(processor, inputs, whole)
    _, final = _run(processor, inputs, [inputs[-1].shape[1]])
    for split in _splits(inputs[-1].shape[1]):
        pieces, state = _run(processor, inputs, split)
        torch.testing.assert_close(pieces, whole, rtol=0, atol=tolerance * scale)
        for ours, theirs in zip(_tensors(state), _tensors(final), strict=True):
            torch.testing.assert_close(
                ours, theirs, rtol=1e-4 if dtype == torch.float32 else 1e-9, atol=tolerance
            )
        for ours, theirs in zip(_gradients(processor, inputs, pieces), gradients, strict=True):
            size = max(1.0, theirs.abs().max().item())
            torch.testing.assert_close(ours, theirs, rtol=0, atol=10 * tolerance * size)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_random_splits(name: str, data: st.DataObject) -> None:
    case = CASES[name]
    processor = case.build().double()
    inputs = [x.double() for x in case.inputs()]
    n = inputs[-1].shape[1]
    cuts = sorted(data.draw(st.sets(st.integers(1, n - 1), max_size=8)))
    split = [b - a for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
    with torch.no_grad():
        torch.testing.assert_close(_run(processor, inputs, split)[0], processor(*inputs), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_everything_is_where_the_processor_is(name: str) -> None:
    # The meta device holds no numbers, but it refuses to meet a tensor from elsewhere, as a GPU does.
    case = CASES[name]
    processor = case.build().to("meta")
    output = processor(*[x.to("meta") for x in case.inputs()])
    assert output.device.type == "meta"


@pytest.mark.parametrize("name", CASES)
def test_step_changes_nothing_it_was_given(name: str) -> None:
    case = CASES[name]
    processor, inputs = case.build(), case.inputs()
    _, state = processor.step(*inputs, state=processor.init_state(2))
    before = [tensor.clone() for tensor in _tensors(state)]
    copies = [x.clone() for x in inputs]
    processor.step(*inputs, state=state)
    for ours, theirs in zip([*_tensors(state), *inputs], [*before, *copies], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("name", CASES)
def test_every_tensor_of_a_state_is_one_of_its_own(name: str) -> None:
    # torch.export takes two uses of one tensor for a single input.
    tensors = _tensors(CASES[name].build().init_state(2))
    assert len({id(tensor) for tensor in tensors}) == len(tensors)


@pytest.mark.parametrize("name", CASES)
def test_stream_is_the_whole_and_starts_again_after_reset(name: str) -> None:
    case = CASES[name]
    processor, inputs = case.build(), case.inputs()
    stream = Stream(processor, batch_size=2)
    assert stream.latency == processor.latency
    whole, n = processor(*inputs).detach(), inputs[-1].shape[1]
    for _ in range(2):
        pieces = [stream.push(*_slices(inputs, n, i, min(i + 5, n))) for i in range(0, n, 5)]
        torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=0, atol=1e-4)
        assert not pieces[0].requires_grad
        stream.reset()


@pytest.mark.parametrize("name", CASES)
def test_one_item_of_a_batch_can_be_reset_alone(name: str) -> None:
    case = CASES[name]
    processor, inputs = case.build(), case.inputs()
    with torch.no_grad():
        _, state = processor.step(*inputs, state=processor.init_state(2))
        fresh = processor.init_state(2)
        mixed = _mixed(state, fresh)
        continued, _ = processor.step(*inputs, state=state)
        anew, _ = processor.step(*inputs, state=fresh)
        output, _ = processor.step(*inputs, state=mixed)
    torch.testing.assert_close(output[0], anew[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(output[1], continued[1], rtol=0, atol=1e-5)


def _mixed(state: Any, fresh: Any) -> Any:
    """The first item of a fresh state, the second of another."""
    if isinstance(state, Tensor):
        assert state.shape[0] == 2, "state is per batch item"
        return torch.stack([fresh[0], state[1]])
    parts = [_mixed(*both) for both in zip(state, fresh, strict=True)]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def test_arguments_go_by_position_or_by_name() -> None:
    oscillator = HarmonicOscillator(4, RATE, HOP)
    values = _arguments(oscillator)
    named = dict(zip(("f0_hz", "amplitude", "harmonic_distribution"), values, strict=True))
    torch.testing.assert_close(oscillator(**named), oscillator(*values), rtol=0, atol=0)
    reed = Sum({"tone": oscillator, "hiss": FilteredNoise(5, HOP)})
    values = _arguments(reed)
    names = ("f0_hz", "tone.amplitude", "tone.harmonic_distribution", "hiss.magnitudes")
    assert (*reed.inputs, *(control.name for control in reed.controls)) == names
    named = dict(zip(names, values, strict=True))
    torch.testing.assert_close(reed(**named), reed(*values), rtol=0, atol=0)
    for wrong, said in (
        ({"f0_hz": values[0]}, "missing"),
        (named | {"room": values[0]}, "room: unknown"),
    ):
        with pytest.raises(ValueError, match=said):
            reed(**wrong)
    with pytest.raises(ValueError, match="given twice"):
        reed(values[0], **named)


def test_a_chain_keeps_every_parts_controls() -> None:
    chain = Chain({"noise": FilteredNoise(5, HOP), "room": Reverb(9)})
    assert [control.name for control in chain.controls] == ["noise.magnitudes"]
    nested = Sum({"breath": chain, "tone": HarmonicOscillator(3, RATE, HOP)})
    assert [control.name for control in nested.controls] == [
        "breath.noise.magnitudes",
        "tone.amplitude",
        "tone.harmonic_distribution",
    ]
    audio = torch.randn(1, 50)
    assert Chain({})(audio) is audio


class _Late(FilteredNoise):
    """Noise that comes some samples late."""

    late = 45

    @property
    def latency(self) -> int:
        return self.late

    def init_state(self, batch_size: int, seed: int = 0) -> Any:
        return super().init_state(batch_size, seed), torch.zeros(batch_size, self.late)

    def step(self, magnitudes: Tensor, *, state: Any) -> Any:
        audio, inner = super().step(magnitudes, state=state[0])
        both = torch.cat([state[1].to(audio), audio], dim=1)
        return both[:, : audio.shape[1]], (inner, both[:, audio.shape[1] :])


def test_a_sum_aligns_its_parts() -> None:
    magnitudes = torch.rand(1, 20, 5)
    both = Sum({"late": _Late(5, HOP), "early": FilteredNoise(5, HOP)})
    assert both.latency == 45
    alone = Sum({"late": _Late(5, HOP)})(magnitudes)
    second = FilteredNoise(5, HOP)
    second.seed_offset = 1 << 40
    early = torch.nn.functional.pad(second(magnitudes), (45, 0))[:, : 20 * HOP]
    torch.testing.assert_close(both(magnitudes, magnitudes), alone + early)
    state, parts = both.init_state(1), []
    for t in range(20):
        part, state = both.step(magnitudes[:, t : t + 1], magnitudes[:, t : t + 1], state=state)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, 1), alone + early, rtol=0, atol=1e-6)


def test_two_sources_of_noise_differ_and_the_first_keeps_its_seed() -> None:
    config = InstrumentConfig(synth=(NoiseConfig(), NoiseConfig(name="hiss")), effects=())
    first, second = (part for _, part in Instrument(config).synth)
    assert (first.seed_offset, second.seed_offset) == (0, 1 << 40)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: HarmonicOscillator(0, RATE, HOP), "n_harmonics is 0"),
        (lambda: HarmonicOscillator(4, -1, HOP), "sample_rate is -1"),
        (lambda: HarmonicOscillator(4, RATE, True), "hop_length is True"),
        (lambda: HarmonicOscillator(4, RATE, HOP, ratio=0.0), "ratio is 0.0"),
        (lambda: FilteredNoise(1, HOP), "n_bands is 1"),
        (lambda: Wavetable(0, 8, RATE, HOP), "n_tables is 0"),
        (lambda: Wavetable(4, 0, RATE, HOP), "n_harmonics is 0"),
        (lambda: FmOscillator(33, (1,) * 6, RATE, HOP), "There is no algorithm 33; give 1 … 32."),
        (
            lambda: FmOscillator(1, (1, 1, 1, 1, 1, 40), RATE, HOP),
            "give 6 numbers from 0.1 to 32",
        ),
        (lambda: Pulse(RATE, HOP, "even"), "harmonics is 'even'; give one of all, odd."),
        (lambda: Glottal(0, RATE, HOP), "n_harmonics is 0"),
        (lambda: Glottal(8, RATE, 0), "hop_length is 0"),
        (lambda: Allpole(0, HOP), "order is 0"),
        (lambda: Filter(1, HOP), "n_bands is 1"),
        (lambda: Filter(9, HOP, start_db_per_octave=1.0), "start_db_per_octave is 1.0"),
        (lambda: Filter(9, HOP, "linear"), "phase is 'linear'; give one of zero, minimum."),
        (lambda: Reverb(1), "n_taps is 1"),
        (lambda: Reverb(9, decay_db=float("inf")), "decay_db is inf; give a finite number"),
        (lambda: FilteredNoise(9, HOP, bias=float("nan")), "bias is nan"),
        (lambda: Sum({}), "no part"),
        (lambda: Sum({"room": Reverb(5)}), "takes a signal"),
        *(
            (lambda name=name: Sum({name: FilteredNoise(5, HOP)}), f"A part can't be called '{name}'")
            for name in ("", "a.b", "values", "items", "keys", "pop", "clear", "update", "training", "type")
        ),
        *(
            (lambda name=name: NoiseConfig(name=name), f"A part can't be called '{name}'")
            for name in ("values", "items", "keys", "pop", "clear", "update", "training", "type")
        ),
        (lambda: Chain({"a": Reverb(5), "b": FilteredNoise(5, HOP)}), "only be the first part"),
    ],
)
def test_arguments_are_checked_at_construction(build: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build()


@pytest.mark.parametrize(
    ("part", "shapes", "said"),
    [
        (Refiner(RATE, HOP), [(2, 2 * HOP), (1, 2)], "samples for each frame"),
        (Allpole(4, HOP), [(1, 2 * HOP), (1, 3), (1, 2, 4)], "gain is"),
        (FmOscillator(2, (1,) * 6, RATE, HOP), [(1, 2), (1, 2, 3), (1, 2, 3)], "algorithm 2 takes 2 and 4"),
        (
            EnvelopeConfig(n_bands=9, measured=True).build(RATE, HOP),
            [(1, 2), (1, 2, 17), (1, 2, 9), (1, 2, 9)],
            "17 numbers in envelope_db for 9 and 9 corrections; give 18",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    part: Processor[Any], shapes: list[tuple[int, ...]], said: str
) -> None:
    state = part.init_state(shapes[-1][0])
    with pytest.raises(ValueError, match=said):
        inspect.unwrap(type(part).step)(part, *map(torch.ones, shapes), state=state)


@pytest.mark.parametrize("name", CASES)
def test_modules_say_what_they_are(name: str) -> None:
    module = CASES[name].build()
    # An instrument is a line in words; every other module, its class and its settings.
    assert ("→" if isinstance(module, Instrument) else "(") in repr(module)
    if isinstance(module, Processor) and not list(module.children()):
        assert module.extra_repr()
