"""The network that turns conditioning into controls: causal, and streaming by `step` like every part."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from oscine.functional.noise import item_seeds
from oscine.functional.shimmer import shimmer
from oscine.networks.lowering import lower_layer
from oscine.networks.sequence import MOST_CHANNELS, MOST_LAYERS, SequenceConfig, make_sequence_layers
from oscine.streaming import Program, State, Streaming, Wire, lower_into, require_count

#: Before training, of each period: 3 dB of a partial's amplitude.
_FIRST_DEPTH = 0.15


class ControllerConfig(SequenceConfig, frozen=True):
    """The kind and the sizes of a `Controller`."""

    kind: Literal["gru", "tcn", "conformer"] = "gru"
    """``gru``: a gated recurrent unit. ``tcn``: dilated convolutions. ``conformer``: attention as well."""
    mlp_size: int = Field(default=0, ge=0, le=MOST_CHANNELS)
    """Channels of the dense layers before and after the sequence layers; 0 for no dense layers."""
    n_mlp_layers: int = Field(default=3, ge=1, le=MOST_LAYERS)
    """Number of dense layers in each stack; no effect if ``mlp_size`` is 0."""
    shimmer_frames: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(default=(), max_length=8)
    """Every control moves a little by itself, at random, with a new value every so many frames, for each of
    these periods; how much is learned (``training.texture_weight`` asks for it)."""


class ControllerState(NamedTuple):
    """The state of a `Controller` between two blocks."""

    core: State
    """Of the sequence layers."""
    seed: Int[Tensor, " batch"]
    """Of the shimmer."""
    frame: Int[Tensor, " batch"]
    """Number of the next frame, from the start of the stream."""


class Controller(Streaming[ControllerState]):
    """Dense layers for each input, sequence layers, dense layers over the outputs of both, a linear head.

    A GRU without dense layers (``mlp_size = 0``) is the paper's *tiny* controller. With ``shimmer_frames``
    each output also moves by itself (`oscine.functional.shimmer`), which is a function of the seed: what no
    input determines, and no network can foresee. Causal, latency 0.

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
        self.periods = list(config.shimmer_frames)
        size, n_layers = config.mlp_size, config.n_mlp_layers
        self.before = nn.ModuleList(dense_stack(width, size, n_layers) for width in widths if size)
        n_features = len(widths) * size or sum(widths)
        # Saved instruments know the attributes with parameters by these names.
        self.core = make_sequence_layers(n_features, config)
        self.after = dense_stack(self.core.width + n_features, size, n_layers) if size else nn.Identity()
        self.head = nn.Linear(size or self.core.width, n_outputs)
        depths = torch.full((len(self.periods), n_outputs), _FIRST_DEPTH)
        self.shimmer_depths = nn.Parameter(depths) if self.periods else None

    def extra_repr(self) -> str:
        """Return the sizes of the inputs and the output."""
        moved = f", moved every {self.periods} frames" if self.periods else ""
        return f"{' + '.join(map(str, self.widths))} to {self.n_outputs} channels{moved}"

    def init_state(self, batch_size: int, seed: int = 0) -> ControllerState:
        """Return the state before the first frame; the shimmer of item ``i`` has the seed ``seed + i``."""
        seeds = item_seeds(seed, batch_size, self.device)
        return ControllerState(self.core.init_state(batch_size, seed), seeds, torch.zeros_like(seeds))

    def step(
        self, *inputs: Float[Tensor, "batch frame _"], state: ControllerState
    ) -> tuple[Float[Tensor, "batch frame output"], ControllerState]:
        """Return the next block's controls before their activations, and the state.

        Raises:
            ValueError: When the number of inputs is wrong.
        """
        self._require_inputs(len(inputs))
        n_frames = inputs[0].shape[1]
        if self.before:
            inputs = tuple(stack(x) for stack, x in zip(self.before, inputs, strict=True))
        features = torch.cat(inputs, dim=-1)
        output, core = self.core.step(features, state=state.core)
        if self.before:
            output = self.after(torch.cat([output, features], dim=-1))
        output = self.head(output)
        if self.shimmer_depths is not None:
            output = output + shimmer(self.shimmer_depths, self.periods, state.seed, state.frame, n_frames)
        return output, ControllerState(core, state.seed, state.frame + n_frames)

    def lower(self, program: Program, *inputs: Wire) -> Wire:
        """Append the network to a program."""
        self._require_inputs(len(inputs))
        if self.before:
            inputs = tuple(lower_layer(program, *both) for both in zip(self.before, inputs, strict=True))
        features = program.concatenate(*inputs)
        output = lower_into(program, self.core, features)
        if self.before:
            output = lower_layer(program, self.after, program.concatenate(output, features))
        output = lower_layer(program, self.head, output)
        if self.shimmer_depths is not None:
            output = program.add(output, program.shimmer(self.shimmer_depths.detach(), self.periods))
        return output

    def _require_inputs(self, n_given: int) -> None:
        if n_given != len(self.widths):
            raise ValueError(f"The controller takes {len(self.widths)} inputs; {n_given} were given.")


def dense_stack(n_inputs: int, size: int, n_layers: int) -> nn.Sequential:
    """Return dense layers, each with layer norm and leaky ReLU (slope 0.2), as in the paper's code."""
    layers: list[nn.Module] = []
    for i in range(n_layers):
        layers += [nn.Linear(n_inputs if i == 0 else size, size), nn.LayerNorm(size), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)
