"""The contract of every processor: any split of a signal gives the same audio, state and gradients."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from oscine import networks, processors
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import Conformer, Controller, ControllerConfig, Recurrent, Tcn
from oscine.processors import (
    Chain,
    Convolver,
    FilteredNoise,
    HarmonicOscillator,
    Processor,
    SinusoidalOscillator,
    Stream,
)

RATE, HOP, FRAMES = 16_000, 32, 23


@dataclass
class Case:
    """A processor, its inputs, and how many samples come out for one step along their time axis."""

    build: Callable[[], Processor]
    inputs: Callable[[], list[Tensor]]
    samples_per_step: int


def _f0(high: float = 900.0) -> Tensor:
    return 60.0 + high * torch.rand(2, FRAMES)


def _room(n_taps: int, partition: int) -> Convolver:
    room = Convolver(n_taps, partition)
    torch.nn.init.normal_(room.impulse_response, std=0.1)
    return room


CASES = {
    "harmonic": Case(
        lambda: HarmonicOscillator(30, RATE, HOP),
        lambda: [_f0(), torch.rand(2, FRAMES), torch.rand(2, FRAMES, 30)],
        HOP,
    ),
    "harmonic, inharmonic and phased": Case(
        lambda: HarmonicOscillator(12, RATE, HOP, inharmonic=True, phased=True),
        lambda: [
            _f0(),
            torch.rand(2, FRAMES),
            torch.rand(2, FRAMES, 12),
            0.01 * torch.rand(2, FRAMES),
            torch.rand(2, FRAMES) - 0.5,
        ],
        HOP,
    ),
    "harmonic, phased": Case(
        lambda: HarmonicOscillator(12, RATE, HOP, phased=True),
        lambda: [_f0(), torch.rand(2, FRAMES), torch.rand(2, FRAMES, 12), torch.rand(2, FRAMES) - 0.5],
        HOP,
    ),
    "sinusoidal": Case(
        lambda: SinusoidalOscillator(5, RATE, HOP),
        lambda: [50 + 9000 * torch.rand(2, FRAMES, 5), torch.rand(2, FRAMES, 5)],
        HOP,
    ),
    "noise": Case(lambda: FilteredNoise(17, HOP), lambda: [torch.rand(2, FRAMES, 17)], HOP),
    "room": Case(lambda: _room(700, 64), lambda: [torch.randn(2, 1000)], 1),
    "room of one partition": Case(lambda: _room(40, 64), lambda: [torch.randn(2, 300)], 1),
    "chain": Case(
        lambda: Chain(FilteredNoise(17, HOP), _room(100, 16)), lambda: [torch.rand(2, FRAMES, 17)], HOP
    ),
}


SMALL = ControllerConfig(hidden_size=7, mlp_size=6, n_mlp_layers=2)


def _instrument(controller: ControllerConfig) -> Instrument:
    instrument = Instrument(
        InstrumentConfig(
            sample_rate=RATE,
            hop_length=HOP,
            n_harmonics=9,
            n_noise_bands=9,
            reverb_s=0.02,
            controller=controller,
        )
    )
    assert instrument.room is not None
    torch.nn.init.normal_(instrument.room.impulse_response, std=0.1)
    return instrument


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


def test_no_processor_is_left_out() -> None:
    public = {getattr(module, name) for module in (processors, networks) for name in module.__all__}
    classes = {one for one in public if isinstance(one, type) and issubclass(one, Processor)}
    assert classes - {Processor} <= {type(case.build()) for case in CASES.values()}


def test_gradients_of_the_room() -> None:
    room = _room(9, 4).double()
    inputs = (torch.randn(1, 12, dtype=torch.float64, requires_grad=True), room.impulse_response)
    assert torch.autograd.gradcheck(lambda x, _: room(x), inputs)
    assert torch.autograd.gradcheck(lambda x, _: room.step(x, state=room.init_state(1))[0], inputs)


def _splits(n: int) -> Iterator[list[int]]:
    yield [n]
    yield [1] * n
    for prime in (2, 7, 13):
        yield [prime] * (n // prime) + ([n % prime] if n % prime else [])


def _run(processor: Processor, inputs: list[Tensor], split: list[int]) -> tuple[Tensor, object]:
    state = processor.init_state(inputs[0].shape[0])
    outputs, first = [], 0
    for size in split:
        output, state = processor.step(*[x[:, first : first + size] for x in inputs], state=state)
        outputs.append(output)
        first += size
    return torch.cat(outputs, dim=1), state


def _tensors(state: object) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    assert isinstance(state, tuple)
    return [tensor for part in state for tensor in _tensors(part)]


def _gradients(processor: Processor, inputs: list[Tensor], output: Tensor) -> list[Tensor]:
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
    assert whole.shape[1] == inputs[0].shape[1] * case.samples_per_step
    scale = max(1.0, whole.abs().max().item())
    gradients = _gradients(processor, inputs, whole)
    _, final = _run(processor, inputs, [inputs[0].shape[1]])
    for split in _splits(inputs[0].shape[1]):
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
    n = inputs[0].shape[1]
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
def test_stream_is_the_whole_and_starts_again_after_reset(name: str) -> None:
    case = CASES[name]
    processor, inputs = case.build(), case.inputs()
    stream = Stream(processor, batch_size=2)
    assert stream.latency == processor.latency == 0
    whole = processor(*inputs).detach()
    for _ in range(2):
        pieces = torch.cat(
            [stream.push(*[x[:, i : i + 5] for x in inputs]) for i in range(0, inputs[0].shape[1], 5)], 1
        )
        torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-4)
        assert not pieces.requires_grad
        stream.reset()
