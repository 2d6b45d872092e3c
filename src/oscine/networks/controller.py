"""The network that turns conditioning into controls: causal, and streaming by `step` like every part."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from oscine.functional.smooth_noise import smooth_noise
from oscine.networks.lowering import lower_layer
from oscine.networks.sequence import MOST_CHANNELS, MOST_LAYERS, SequenceConfig, make_sequence_layers
from oscine.streaming import Program, State, Streaming, Wire, lower_into, require_count

#: The slowest random curve has a new value every 2⁸ frames, about a second.
_N_PERIODS = 9


class ControllerConfig(SequenceConfig, frozen=True):
    """The kind and the sizes of a `Controller`."""

    kind: Literal["gru", "tcn", "conformer"] = "gru"
    """``gru``: a gated recurrent unit. ``tcn``: dilated convolutions. ``conformer``: attention as well."""
    mlp_size: int = Field(default=0, ge=0, le=MOST_CHANNELS)
    """Channels of the dense layers before and after the sequence layers; 0 for no dense layers."""
    n_mlp_layers: int = Field(default=3, ge=1, le=MOST_LAYERS)
    """Number of dense layers in each stack; no effect if ``mlp_size`` is 0."""
    n_random: int = Field(default=0, ge=0, le=64)
    """Curves of smooth noise that the network sees beside its inputs: of 1, 2, 4, … 256 frames per value,
    then from 1 again. They let it vary what the inputs do not determine; ``training.energy`` teaches it how
    much."""


class ControllerState(NamedTuple):
    """What a `Controller` remembers between two blocks."""

    core: State
    """Of the sequence layers."""
    seed: Int[Tensor, " batch"]
    """Of the smooth noise."""
    frame: Int[Tensor, " batch"]
    """Number of the next frame, from the start of the stream."""


class Controller(Streaming[ControllerState]):
    """Dense layers for each input, sequence layers, dense layers over the outputs of both, a linear head.

    A GRU without dense layers (``mlp_size = 0``) is the paper's *tiny* controller. With ``n_random`` the
    network also sees curves of smooth noise (`oscine.functional.smooth_noise`), so what it predicts is
    random, and a function of the seed. Causal, latency 0.

    Args:
        widths: Channels of each input, (batch, frame, channel).
        n_outputs: Channels of the output.
        config: Kind and sizes.

    Raises:
        ValueError: When there is no input, or a size is below 1.

    Reference: Engel et al., DDSP, ICLR 2020, appendix B.2.
    """

    def __init__(self, widths: Sequence[int], n_outputs: int, config: ControllerConfig) -> None:
        super().__init__()
        if not widths:
            raise ValueError("The controller has no input; give the channels of at least one.")
        for width in widths:
            require_count("The width of an input", width)
        require_count("n_outputs", n_outputs)
        self.widths, self.n_outputs = tuple(widths), n_outputs
        self.periods = [2 ** (k % _N_PERIODS) for k in range(config.n_random)]
        size, n_layers = config.mlp_size, config.n_mlp_layers
        seen = [*self.widths, *([config.n_random] if config.n_random else [])]
        self.before = nn.ModuleList(dense_stack(width, size, n_layers) for width in seen if size)
        n_features = len(seen) * size or sum(seen)
        # Saved instruments know the attributes with parameters by these names.
        self.core = make_sequence_layers(n_features, config)
        self.after = dense_stack(self.core.width + n_features, size, n_layers) if size else nn.Identity()
        self.head = nn.Linear(size or self.core.width, n_outputs)

    def extra_repr(self) -> str:
        """Return the sizes of the inputs and the output."""
        random = f" and {len(self.periods)} random curves" if self.periods else ""
        return f"{' + '.join(map(str, self.widths))}{random} to {self.n_outputs} channels"

    @property
    def is_random(self) -> bool:
        """Whether the output depends on the seed."""
        return bool(self.periods)

    def init_state(self, batch_size: int, seed: int = 0) -> ControllerState:
        """Return the state before the first frame; the noise of item ``i`` has the seed ``seed + i``."""
        item = torch.arange(batch_size, device=self.device)
        return ControllerState(self.core.init_state(batch_size, seed), seed + item, torch.zeros_like(item))

    def step(
        self, *inputs: Float[Tensor, "batch frame _"], state: ControllerState
    ) -> tuple[Float[Tensor, "batch frame output"], ControllerState]:
        """Return the next block's controls before their activations, and the state.

        Raises:
            ValueError: When the number of inputs is wrong.
        """
        self._require_inputs(len(inputs))
        n_frames = inputs[0].shape[1]
        if self.periods:
            noise = smooth_noise(state.seed, state.frame, n_frames, self.periods)
            inputs = (*inputs, noise.to(inputs[0].dtype))
        if self.before:
            inputs = tuple(stack(x) for stack, x in zip(self.before, inputs, strict=True))
        features = torch.cat(inputs, dim=-1)
        output, core = self.core.step(features, state=state.core)
        if self.before:
            output = self.after(torch.cat([output, features], dim=-1))
        return self.head(output), ControllerState(core, state.seed, state.frame + n_frames)

    def lower(self, program: Program, *inputs: Wire) -> Wire:
        """Append the network to a program."""
        self._require_inputs(len(inputs))
        if self.periods:
            inputs = (*inputs, program.smooth_noise(self.periods))
        if self.before:
            inputs = tuple(lower_layer(program, *both) for both in zip(self.before, inputs, strict=True))
        features = program.concatenate(*inputs)
        output = lower_into(program, self.core, features)
        if self.before:
            output = lower_layer(program, self.after, program.concatenate(output, features))
        return lower_layer(program, self.head, output)

    def _require_inputs(self, n_given: int) -> None:
        if n_given != len(self.widths):
            raise ValueError(f"The controller takes {len(self.widths)} inputs; {n_given} were given.")


def dense_stack(n_inputs: int, size: int, n_layers: int) -> nn.Sequential:
    """Return dense layers, each with layer norm and leaky ReLU (slope 0.2), as in the paper's code."""
    layers: list[nn.Module] = []
    for i in range(n_layers):
        layers += [nn.Linear(n_inputs if i == 0 else size, size), nn.LayerNorm(size), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)
