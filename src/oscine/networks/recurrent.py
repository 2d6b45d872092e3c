"""A gated recurrent unit that streams."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine import kernels
from oscine.functional.checks import require_batch
from oscine.streaming import Program, Streaming, Wire, require_count


class RecurrentState(NamedTuple):
    """The state of a `Recurrent` between two blocks."""

    hidden: Float[Tensor, "batch hidden"]
    """Output of the last frame."""


class Recurrent(Streaming[RecurrentState]):
    """A GRU of one layer over frames; it runs in the compiled kernel where there is one. Causal, latency 0.

    Args:
        n_inputs: Input channels.
        width: Output channels.

    Raises:
        ValueError: When a size is below 1.
    """

    def __init__(self, n_inputs: int, width: int) -> None:
        super().__init__()
        require_count("n_inputs", n_inputs)
        require_count("width", width)
        self.n_inputs, self.width = n_inputs, width
        self.gru = nn.GRU(n_inputs, width, batch_first=True)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.n_inputs} to {self.width} channels"

    def init_state(self, batch_size: int, seed: int = 0) -> RecurrentState:
        """Return the state before the first frame: zeros."""
        return RecurrentState(self.gru.all_weights[0][1].new_zeros(batch_size, self.width))

    def step(
        self, inputs: Float[Tensor, "batch frame input"], *, state: RecurrentState
    ) -> tuple[Float[Tensor, "batch frame hidden"], RecurrentState]:
        """Return the next block's output and state.

        Raises:
            ValueError: When there is no item or no frame.
        """
        require_batch("inputs", inputs, "batch frame input")
        if not kernels.gru_is_compiled(inputs):
            output, hidden = self.gru(inputs, state.hidden[None])
            return output, RecurrentState(hidden[0])
        weight, recurrent_weight, bias, recurrent_bias = self.gru.all_weights[0]
        gates = nn.functional.linear(inputs, weight, bias)
        output, _ = kernels.gru(
            gates, state.hidden, recurrent_weight, recurrent_bias, torch.is_grad_enabled()
        )
        return output, RecurrentState(output[:, -1])

    def lower(self, program: Program, inputs: Wire) -> Wire:
        """Append the layer to a program."""
        weight, recurrent_weight, bias, recurrent_bias = self.gru.all_weights[0]
        return program.gru(program.linear(inputs, weight, bias), recurrent_weight, recurrent_bias)
