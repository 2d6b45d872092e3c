"""A temporal convolutional network that streams: it remembers a fixed stretch of the past, not a summary."""

from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.networks.context import with_past
from oscine.streaming import Program, Streaming, Wire


class TcnState(NamedTuple):
    """What a `Tcn` remembers between two blocks."""

    layers: tuple[Float[Tensor, "batch past channel"], ...]
    """Of each layer, the last ``(kernel_size − 1) · dilation`` frames that it convolves."""


class Tcn(Streaming):
    """Residual layers of gated, dilated convolutions over frames, then a norm. Causal, latency 0.

    Layer ``i`` has the dilation ``2^i``, so that each doubles how far back the network hears.

    Args:
        n_inputs: Channels in.
        width: Channels out, and of each layer.
        n_layers: Layers.
        kernel_size: Frames that each layer takes together.

    Attributes:
        n_past: Frames that each layer remembers; as many as all of them are what the output depends on.

    Reference: Bai et al., An empirical evaluation of generic convolutional and recurrent networks, 2018; the
    gate is that of van den Oord et al., WaveNet, 2016. Our norm is by single frames, before each layer.
    """

    def __init__(self, n_inputs: int, width: int, n_layers: int, kernel_size: int) -> None:
        super().__init__()
        self.width = width
        self.inputs = nn.Linear(n_inputs, width)
        self.n_past = [(kernel_size - 1) << i for i in range(n_layers)]
        self.layers = nn.ModuleList(TcnLayer(width, kernel_size, 1 << i) for i in range(n_layers))
        self.norm = nn.LayerNorm(width)

    def init_state(self, batch_size: int, seed: int = 0) -> TcnState:
        """Return the state before the first frame: zeros."""
        new_zeros = self.inputs.weight.new_zeros
        return TcnState(tuple(new_zeros(batch_size, n, self.width) for n in self.n_past))

    def step(
        self, inputs: Float[Tensor, "batch frame input"], *, state: TcnState
    ) -> tuple[Float[Tensor, "batch frame hidden"], TcnState]:
        """Return the next frames' output and the state."""
        x, after = self.inputs(inputs), []
        for layer, before in zip(self.layers, state.layers, strict=True):
            x, past = layer(x, before)
            after.append(past)
        return self.norm(x), TcnState(tuple(after))

    def lower(self, program: Program, inputs: Wire) -> Wire:
        """Append the network to a program."""
        x = program.linear(inputs, self.inputs.weight, self.inputs.bias)
        for layer in self.layers:
            x = cast("TcnLayer", layer).lower(program, x)
        return program.layer_norm(x, self.norm.weight, self.norm.bias, self.norm.eps)


class TcnLayer(nn.Module):
    """``y = x + W (tanh a · σ(b))``, where ``a`` and ``b`` are dilated convolutions of ``norm(x)``.

    Args:
        width: Channels in and out.
        kernel_size: Frames that the convolution takes together.
        dilation: Frames from each of them to the next.
    """

    def __init__(self, width: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.kernel_size, self.dilation = kernel_size, dilation
        self.norm = nn.LayerNorm(width)
        self.convolution = nn.Linear(kernel_size * width, 2 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "batch frame channel"], past: Float[Tensor, "batch past channel"]
    ) -> tuple[Float[Tensor, "batch frame channel"], Float[Tensor, "batch past channel"]]:
        """Return the layer's output, and the last frames that it convolved."""
        heard, past = with_past(past, self.norm(x))
        # One dense layer over the frames side by side: for blocks of one frame as fast as it can be.
        starts = (j * self.dilation for j in range(self.kernel_size))
        taps = torch.cat([heard[:, start : start + x.shape[1]] for start in starts], dim=-1)
        a, b = self.convolution(taps).chunk(2, dim=-1)
        return x + self.output(torch.tanh(a) * torch.sigmoid(b)), past

    def lower(self, program: Program, x: Wire) -> Wire:
        """Append the layer to a program."""
        normed = program.layer_norm(x, self.norm.weight, self.norm.bias, self.norm.eps)
        lags = [(self.kernel_size - 1 - j) * self.dilation for j in range(self.kernel_size)]
        both = program.linear(program.history(normed, lags), self.convolution.weight, self.convolution.bias)
        a, b = both.split(x.size, x.size)
        gated = program.multiply(program.tanh(a), program.sigmoid(b))
        return program.add(x, program.linear(gated, self.output.weight, self.output.bias))
