"""Every network that streams: its program, its export, its states, its arguments and its description."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from oscine import kernels
from oscine.networks import (
    Conformer,
    Controller,
    ControllerConfig,
    PitchEncoder,
    PitchEncoderConfig,
    Recurrent,
    Tcn,
    TimbreEncoder,
    TimbreEncoderConfig,
)
from oscine.networks.lowering import lower_layer
from oscine.networks.resnet import ResNet
from oscine.runtime import Engine, engines
from oscine.streaming import NotCompilable, Program, Streaming, lower_into

FRAMES = 41
compiled = pytest.mark.skipif(not engines(), reason="the package was installed without a C++ compiler")


def _controller(**values: Any) -> Controller:
    return Controller([1, 3], 5, ControllerConfig.model_validate(values))


MLP = {"mlp_size": 6, "n_mlp_layers": 2}
# The channels of the inputs, and a network for them. Sizes are odd and even, smaller and larger than a vector
# register. A past is full after a few frames, or not within FRAMES.
CASES: dict[str, tuple[tuple[int, ...], Callable[[], Streaming[Any]]]] = {
    "gru": ((3,), lambda: Recurrent(3, 7)),
    "gru, one channel": ((1,), lambda: Recurrent(1, 1)),
    "gru, wide": ((5,), lambda: Recurrent(5, 64)),
    "tcn": ((3,), lambda: Tcn(3, 7, 3, 3)),
    "tcn, even": ((4,), lambda: Tcn(4, 32, 2, 4)),
    "tcn, one tap": ((3,), lambda: Tcn(3, 9, 2, 1)),
    "tcn, long past": ((2,), lambda: Tcn(2, 5, 7, 3)),
    "conformer": ((3,), lambda: Conformer(3, 8, 2, 4, 2, 6)),
    "conformer, odd": ((5,), lambda: Conformer(5, 15, 1, 3, 3, 7)),
    "conformer, one frame": ((3,), lambda: Conformer(3, 6, 2, 1, 2, 1)),
    "conformer, long past": ((2,), lambda: Conformer(2, 36, 2, 60, 4, 50)),
    "controller, gru": ((1, 3), lambda: _controller(hidden_size=9)),
    "controller, gru, dense": ((1, 3), lambda: _controller(hidden_size=8, **MLP)),
    "controller, gru, shimmer": ((1, 3), lambda: _controller(hidden_size=9, shimmer_frames=(1, 5))),
    "controller, gru, dense, shimmer": (
        (1, 3),
        lambda: _controller(hidden_size=8, shimmer_frames=(3,), **MLP),
    ),
    "controller, tcn": ((1, 3), lambda: _controller(kind="tcn", hidden_size=7, n_layers=3)),
    "controller, tcn, dense": ((1, 3), lambda: _controller(kind="tcn", hidden_size=8, n_layers=2, **MLP)),
    "controller, conformer": ((1, 3), lambda: _controller(kind="conformer", hidden_size=12)),
    "controller, conformer, dense": (
        (1, 3),
        lambda: _controller(kind="conformer", hidden_size=10, n_heads=5, context_frames=9, **MLP),
    ),
}


def _network(name: str) -> tuple[Streaming[Any], tuple[int, ...]]:
    widths, build = CASES[name]
    network = build().eval()
    for module in network.modules():
        # Norms start as identities, and a swapped weight and bias would not be noticed.
        if isinstance(module, nn.LayerNorm):
            nn.init.normal_(module.weight, 1.0, 0.2)
            nn.init.normal_(module.bias, 0.0, 0.2)
    return network, widths


def _inputs(widths: tuple[int, ...], batch: int = 1, n_frames: int = FRAMES) -> list[Tensor]:
    return [torch.randn(batch, n_frames, width) for width in widths]


def _in_steps(network: Streaming[Any], inputs: list[Tensor], size: int) -> Tensor:
    state, outputs = network.init_state(len(inputs[0])), []
    for first in range(0, inputs[0].shape[1], size):
        output, state = network.step(*(x[:, first : first + size] for x in inputs), state=state)
        outputs.append(output)
    return torch.cat(outputs, dim=1)


def _tensors(state: Any) -> Iterator[Tensor]:
    if isinstance(state, Tensor):
        yield state
    else:
        for part in state:
            yield from _tensors(part)


@compiled
@torch.no_grad()
@pytest.mark.parametrize("name", CASES)
def test_forward_is_step_is_program(name: str) -> None:
    network, widths = _network(name)
    inputs = _inputs(widths)
    whole = network(*inputs)
    n_outputs = whole.shape[2]
    # A program's output is the audio of a frame; here these samples are the channels of the network.
    program = Program(sample_rate=16_000, hop_length=n_outputs)
    wires = [program.input(f"x{i}", width) for i, width in enumerate(widths)]
    program.output = lower_into(program, network, *wires)
    content = program.to_bytes()
    for form in engines():
        with kernels.use(form):
            torch.testing.assert_close(network(*inputs), whole, rtol=0, atol=1e-5)
        engine = Engine(content, form)
        for size in (1, 7, FRAMES):
            with kernels.use(form):
                torch.testing.assert_close(_in_steps(network, inputs, size), whole, rtol=0, atol=1e-5)
            engine.reset()
            blocks = (
                {f"x{i}": x[:, first : first + size] for i, x in enumerate(inputs)}
                for first in range(0, FRAMES, size)
            )
            played = torch.cat([engine.play(block) for block in blocks], dim=1)
            torch.testing.assert_close(played.reshape(1, FRAMES, -1), whole, rtol=0, atol=1e-5)


@torch.no_grad()
def test_shimmer_is_a_function_of_the_seed() -> None:
    network, widths = _network("controller, gru, shimmer")
    inputs = [x.expand(2, -1, -1) for x in _inputs(widths)]
    first, again, other = (network(*inputs, seed=seed) for seed in (4, 4, 5))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert (first[0] - first[1]).abs().max() > 1e-3
    torch.testing.assert_close(first[1], other[0])  # item i has the seed `seed + i`


@torch.no_grad()
def test_every_parameter_changes_the_output() -> None:
    """So the comparison above would find one that a program leaves out."""
    for name in CASES:
        network, widths = _network(name)
        inputs = _inputs(widths, n_frames=9)
        whole = network(*inputs)
        for key, parameter in network.named_parameters():
            kept = parameter.clone()
            parameter.add_(0.3 * torch.randn_like(parameter))
            assert (network(*inputs) - whole).abs().max() > 1e-4, (name, key)
            parameter.copy_(kept)


class _Step(nn.Module):
    """The form that `torch.export` takes: `step` as `forward`."""

    def __init__(self, network: Streaming[Any]) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: list[Tensor], state: Any) -> tuple[Tensor, Any]:
        return self.network.step(*inputs, state=state)


# The warning is about every `nn.GRU`: it keeps a list of its weights, which the export replaces for a while.
@pytest.mark.filterwarnings(r"ignore:The tensor attributes .*_flat_weights.* were assigned during export")
@pytest.mark.parametrize("n_frames", [1, 8])
@pytest.mark.parametrize(
    "name", ["gru", "tcn", "conformer", "conformer, long past", "controller, gru, dense"]
)
@torch.no_grad()
def test_a_step_can_be_exported(name: str, n_frames: int) -> None:
    network, widths = _network(name)
    inputs = _inputs(widths, n_frames=24)
    with kernels.use("torch"):
        whole = network(*inputs)
        block = [x[:, :n_frames] for x in inputs]
        exported = torch.export.export(_Step(network), (block, network.init_state(1))).module()
        state, outputs = network.init_state(1), []
        for first in range(0, 24, n_frames):
            output, state = exported([x[:, first : first + n_frames] for x in inputs], state)
            outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", CASES)
def test_states_are_per_item_and_hold_no_weights(name: str) -> None:
    network, widths = _network(name)
    first = network.init_state(3)
    _, state = network.step(*_inputs(widths, batch=3), state=first)
    weights = {tensor.untyped_storage().data_ptr() for tensor in network.state_dict().values()}
    for tensor in (*_tensors(first), *_tensors(state)):
        assert tensor.shape[0] == 3
        assert tensor.numel() == 0 or tensor.untyped_storage().data_ptr() not in weights
    assert len({id(tensor) for tensor in _tensors(first)}) == len(list(_tensors(first)))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Recurrent(0, 4), "n_inputs is 0; give a whole number of at least 1."),
        (lambda: Recurrent(4, True), "width is True"),
        (lambda: Tcn(2, 4, 0, 3), "n_layers is 0"),
        (lambda: Tcn(2, 4, 3, 0), "kernel_size is 0"),
        (lambda: Tcn(2, 4, 10**9, 2), "depend on more than 65536 past frames"),
        (lambda: Tcn(2, 4, 2, 10**9), "depend on more than 65536 past frames"),
        (lambda: Conformer(2, 10, 1, 3, 4, 5), "width is 10; give a multiple of n_heads, which is 4."),
        (lambda: Conformer(2, 8, 1, 3, 0, 5), "n_heads is 0"),
        (lambda: Conformer(2, 8, 1, 3, 2, 0), "context_frames is 0"),
        (lambda: Controller([], 5, ControllerConfig()), "The controller has no input"),
        (lambda: Controller([1, 0], 5, ControllerConfig()), "The width of an input is 0"),
        (lambda: Controller([1], 0, ControllerConfig()), "n_outputs is 0"),
        (lambda: PitchEncoder(0, 64, PitchEncoderConfig()), "sample_rate is 0"),
        (lambda: PitchEncoder(16_000, 1 << 16, PitchEncoderConfig()), "a smaller frames_per_pitch"),
        (lambda: TimbreEncoder(16_000, -1, TimbreEncoderConfig()), "hop_length is -1"),
        (lambda: TimbreEncoder(16_000, 1 << 16, TimbreEncoderConfig()), "a smaller frames_per_z"),
        (lambda: ResNet("huge"), "size is 'huge'; give one of tiny, small, medium, large."),
    ],
)
def test_arguments_are_checked_at_construction(build: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build()


def test_a_wrong_number_of_inputs_is_refused() -> None:
    for values in ({"hidden_size": 4}, {"hidden_size": 4, **MLP}):
        controller = _controller(**values)
        with pytest.raises(ValueError, match=r"The controller takes 2 inputs; 1 were given\."):
            controller(torch.randn(1, 5, 1))


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Recurrent(3, 7), "3 to 7 channels"),
        (Tcn(3, 7, 2, 4), "3 to 7 channels, 2 layers, kernel 4"),
        (Conformer(3, 8, 1, 5, 2, 6), "3 to 8 channels, 1 layers, kernel 5, 2 heads, context 6"),
        (_controller(hidden_size=4), "1 + 3 to 5 channels"),
        (ResNet("tiny", causal=True), "tiny, causal"),
        (TimbreEncoder(16_000, 64, TimbreEncoderConfig(hidden_size=4)), "16000 Hz, hop 64, 16 channels of z"),
        (
            PitchEncoder(16_000, 64, PitchEncoderConfig(resnet="tiny", n_mels=16)),
            "16000 Hz, hop 64, 256 pitches",
        ),
    ],
)
def test_modules_describe_themselves(module: nn.Module, said: str) -> None:
    assert module.extra_repr() == said


class _Shifted(nn.Linear):
    """A layer that is a `Linear` by name only."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the base class's
        return super().forward(input) + 1


@pytest.mark.parametrize("layer", [nn.GELU(), _Shifted(6, 6), nn.Sequential(nn.SiLU(), nn.GELU())])
def test_a_layer_without_a_compiled_form_is_refused(layer: nn.Module) -> None:
    program = Program(sample_rate=16_000, hop_length=6)
    with pytest.raises(NotCompilable, match="has no compiled form"):
        lower_layer(program, layer, program.input("x", 6))


def test_a_layer_that_was_replaced_is_not_played_as_the_old_one() -> None:
    network = Conformer(3, 8, 1, 3, 2, 4)
    before = network.layers[0].get_submodule("before")
    assert isinstance(before, nn.Sequential)
    before[2] = nn.GELU()
    program = Program(sample_rate=16_000, hop_length=8)
    with pytest.raises(NotCompilable, match="GELU has no compiled form"):
        lower_into(program, network, program.input("x", 3))
