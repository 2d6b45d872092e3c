"""The network that turns features into controls: causal, and streaming by `step` like any processor."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from oscine import kernels
from oscine.processors.base import Processor


class ControllerConfig(BaseModel):
    """The size of a `GruController`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden_size: int = Field(default=256, ge=1)
    """Width of the recurrent layer."""
    mlp_size: int = Field(default=0, ge=0)
    """Width of the dense layers before and after it; 0 for none of them."""
    n_mlp_layers: int = Field(default=3, ge=1)
    """Dense layers in each stack, where there are any."""


class ControllerState(NamedTuple):
    """What the controller remembers between two blocks."""

    hidden: Float[Tensor, "layer batch hidden"]
    """The recurrent layer's state."""


class GruController(Processor):
    """A recurrent controller: dense layers per input, a GRU, dense layers over both, a linear head.

    Without dense layers (``mlp_size = 0``) it is the paper's *tiny* controller: a GRU and a head.

    Args:
        n_inputs: Number of features, each (batch, frame).
        n_outputs: Channels of the head.
        config: Sizes.

    Reference: Engel et al., DDSP, ICLR 2020, appendix B.2.
    """

    def __init__(self, n_inputs: int, n_outputs: int, config: ControllerConfig) -> None:
        super().__init__()
        self.n_inputs = n_inputs
        size, hidden, layers = config.mlp_size, config.hidden_size, config.n_mlp_layers
        self.before = nn.ModuleList(mlp(1, size, layers) for _ in range(n_inputs if size else 0))
        self.gru = nn.GRU(n_inputs * max(1, size), hidden, batch_first=True)
        self.after = mlp(hidden + n_inputs * size, size, layers) if size else nn.Identity()
        self.head = nn.Linear(size or hidden, n_outputs)

    def init_state(self, batch_size: int) -> ControllerState:
        """Return the state before the first frame."""
        return ControllerState(self.head.weight.new_zeros(1, batch_size, self.gru.hidden_size))

    def step(
        self, *features: Float[Tensor, "batch frame"], state: ControllerState
    ) -> tuple[Float[Tensor, "batch frame output"], ControllerState]:
        """Return the next frames' unbounded controls, and the state."""
        inputs = torch.stack(features, dim=-1)
        if not self.before:
            output, hidden = recur(self.gru, inputs, state.hidden)
            return self.head(output), ControllerState(hidden)
        stacks = [stack(inputs[..., i : i + 1]) for i, stack in enumerate(self.before)]
        seen = torch.cat(stacks, dim=-1)
        output, hidden = recur(self.gru, seen, state.hidden)
        return self.head(self.after(torch.cat([output, seen], dim=-1))), ControllerState(hidden)


def recur(
    gru: nn.GRU, inputs: Float[Tensor, "batch frame input"], hidden: Float[Tensor, "1 batch hidden"]
) -> tuple[Float[Tensor, "batch frame hidden"], Float[Tensor, "1 batch hidden"]]:
    """Return what a GRU of one layer returns, by the compiled kernel where there is one."""
    if not kernels.gru_is_compiled(inputs):
        return gru(inputs, hidden)
    weight, recurrent_weight, bias, recurrent_bias = gru.all_weights[0]
    gates = nn.functional.linear(inputs, weight, bias)
    output, _ = kernels.gru(gates, hidden[0], recurrent_weight, recurrent_bias, torch.is_grad_enabled())
    return output, output[None, :, -1]


def mlp(n_inputs: int, size: int, n_layers: int) -> nn.Sequential:
    """Return dense layers, each with layer norm and leaky ReLU (slope 0.2), as in the paper's code."""
    layers: list[nn.Module] = []
    for i in range(n_layers):
        layers += [nn.Linear(n_inputs if i == 0 else size, size), nn.LayerNorm(size), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)
