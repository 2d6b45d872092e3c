"""The network that turns features into controls: causal, and streaming by `step` like any processor."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from oscine.networks.core import CoreConfig, make_core
from oscine.streaming import NotCompilable, Program, State, Streaming, Wire, lower_into


class ControllerConfig(CoreConfig, frozen=True):
    """The size of a `Controller`."""

    kind: Literal["gru", "tcn", "conformer"] = "gru"
    """A recurrent layer, dilated convolutions, or attention and convolutions (`oscine.networks.core`)."""
    mlp_size: int = Field(default=0, ge=0, le=8192)
    """Width of the dense layers before and after those that remember; 0 for none of them."""
    n_mlp_layers: int = Field(default=3, ge=1, le=16)
    """Dense layers in each stack, where there are any."""


class Controller(Streaming):
    """Dense layers per input, layers that remember, dense layers over both, a linear head.

    What remembers is a GRU, or as the config says (`oscine.networks.core`). A GRU without dense layers
    (``mlp_size = 0``) is the paper's *tiny* controller.

    Args:
        widths: Channels of each input, (batch, frame, channel).
        n_outputs: Channels of the head.
        config: Sizes.

    Reference: Engel et al., DDSP, ICLR 2020, appendix B.2.
    """

    def __init__(self, widths: Sequence[int], n_outputs: int, config: ControllerConfig) -> None:
        super().__init__()
        size, layers = config.mlp_size, config.n_mlp_layers
        self.before = nn.ModuleList(mlp(width, size, layers) for width in widths if size)
        n_seen = len(widths) * size or sum(widths)
        self.core = make_core(n_seen, config)
        self.after = mlp(self.core.width + n_seen, size, layers) if size else nn.Identity()
        self.head = nn.Linear(size or self.core.width, n_outputs)

    def init_state(self, batch_size: int, seed: int = 0) -> State:
        """Return the state before the first frame."""
        return self.core.init_state(batch_size)

    def step(
        self, *inputs: Float[Tensor, "batch frame _"], state: State
    ) -> tuple[Float[Tensor, "batch frame output"], State]:
        """Return the next frames' unbounded controls, and the state."""
        if not self.before:
            output, state = self.core.step(torch.cat(inputs, dim=-1), state=state)
            return self.head(output), state
        seen = torch.cat([stack(x) for stack, x in zip(self.before, inputs, strict=True)], dim=-1)
        output, state = self.core.step(seen, state=state)
        return self.head(self.after(torch.cat([output, seen], dim=-1))), state

    def lower(self, program: Program, *inputs: Wire) -> Wire:
        """Append the network to a program."""
        if not self.before:
            output = lower_into(program, self.core, program.concatenate(*inputs))
            return program.linear(output, self.head.weight, self.head.bias)
        stacks = [_lower_mlp(program, stack, x) for stack, x in zip(self.before, inputs, strict=True)]
        seen = program.concatenate(*stacks)
        output = lower_into(program, self.core, seen)
        hidden = _lower_mlp(program, self.after, program.concatenate(output, seen))
        return program.linear(hidden, self.head.weight, self.head.bias)


def _lower_mlp(program: Program, stack: nn.Module, x: Wire) -> Wire:
    for layer in stack.children():
        if isinstance(layer, nn.Linear):
            x = program.linear(x, layer.weight, layer.bias)
        elif isinstance(layer, nn.LayerNorm):
            x = program.layer_norm(x, layer.weight, layer.bias, layer.eps)
        elif isinstance(layer, nn.LeakyReLU):
            x = program.leaky_relu(x, layer.negative_slope)
        else:
            raise NotCompilable(f"{type(layer).__name__} in a dense stack has no compiled form.")
    return x


def mlp(n_inputs: int, size: int, n_layers: int) -> nn.Sequential:
    """Return dense layers, each with layer norm and leaky ReLU (slope 0.2), as in the paper's code."""
    layers: list[nn.Module] = []
    for i in range(n_layers):
        layers += [nn.Linear(n_inputs if i == 0 else size, size), nn.LayerNorm(size), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)
