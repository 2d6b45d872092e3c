"""The network that turns conditioning into controls: causal, and streaming by `step` like every part."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from oscine.networks.lowering import lower_layer
from oscine.networks.sequence import MOST_CHANNELS, MOST_LAYERS, SequenceConfig, make_sequence_layers
from oscine.streaming import Program, State, Streaming, Wire, lower_into, require_count


class ControllerConfig(SequenceConfig, frozen=True):
    """The kind and the sizes of a `Controller`."""

    kind: Literal["gru", "tcn", "conformer"] = "gru"
    """``gru``: a gated recurrent unit. ``tcn``: dilated convolutions. ``conformer``: attention as well."""
    mlp_size: int = Field(default=0, ge=0, le=MOST_CHANNELS)
    """Channels of the dense layers before and after the sequence layers; 0 for no dense layers."""
    n_mlp_layers: int = Field(default=3, ge=1, le=MOST_LAYERS)
    """Number of dense layers in each stack; no effect if ``mlp_size`` is 0."""


class Controller(Streaming[State]):
    """Dense layers for each input, sequence layers, dense layers over the outputs of both, a linear head.

    A GRU without dense layers (``mlp_size = 0``) is the paper's *tiny* controller. Causal, latency 0.

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
        size, n_layers = config.mlp_size, config.n_mlp_layers
        self.before = nn.ModuleList(dense_stack(width, size, n_layers) for width in widths if size)
        n_features = len(widths) * size or sum(widths)
        # Saved instruments know the attributes with parameters by these names.
        self.core = make_sequence_layers(n_features, config)
        self.after = dense_stack(self.core.width + n_features, size, n_layers) if size else nn.Identity()
        self.head = nn.Linear(size or self.core.width, n_outputs)

    def extra_repr(self) -> str:
        """Return the sizes of the inputs and the output."""
        return f"{' + '.join(map(str, self.widths))} to {self.n_outputs} channels"

    def init_state(self, batch_size: int, seed: int = 0) -> State:
        """Return the state before the first frame."""
        return self.core.init_state(batch_size, seed)

    def step(
        self, *inputs: Float[Tensor, "batch frame _"], state: State
    ) -> tuple[Float[Tensor, "batch frame output"], State]:
        """Return the next block's controls before their activations, and the state.

        Raises:
            ValueError: When the number of inputs is wrong.
        """
        self._require_inputs(len(inputs))
        if not self.before:
            output, state = self.core.step(torch.cat(inputs, dim=-1), state=state)
            return self.head(output), state
        features = torch.cat([stack(x) for stack, x in zip(self.before, inputs, strict=True)], dim=-1)
        output, state = self.core.step(features, state=state)
        return self.head(self.after(torch.cat([output, features], dim=-1))), state

    def lower(self, program: Program, *inputs: Wire) -> Wire:
        """Append the network to a program."""
        self._require_inputs(len(inputs))
        if not self.before:
            return lower_layer(
                program, self.head, lower_into(program, self.core, program.concatenate(*inputs))
            )
        stacks = zip(self.before, inputs, strict=True)
        features = program.concatenate(*(lower_layer(program, stack, x) for stack, x in stacks))
        output = lower_into(program, self.core, features)
        hidden = lower_layer(program, self.after, program.concatenate(output, features))
        return lower_layer(program, self.head, hidden)

    def _require_inputs(self, n_given: int) -> None:
        if n_given != len(self.widths):
            raise ValueError(f"The controller takes {len(self.widths)} inputs; {n_given} were given.")


def dense_stack(n_inputs: int, size: int, n_layers: int) -> nn.Sequential:
    """Return dense layers, each with layer norm and leaky ReLU (slope 0.2), as in the paper's code."""
    layers: list[nn.Module] = []
    for i in range(n_layers):
        layers += [nn.Linear(n_inputs if i == 0 else size, size), nn.LayerNorm(size), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)
