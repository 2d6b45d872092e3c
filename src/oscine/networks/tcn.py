"""A temporal convolutional network that streams: its memory is a fixed number of past frames."""

from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.functional.checks import require_batch
from oscine.networks.context import with_past
from oscine.networks.lowering import lower_layer
from oscine.streaming import Program, Streaming, Wire, lower_into, require_count

#: Frames, 262 s at 4 ms. The memory of a state grows with them, and the weights do not.
_LONGEST_LOOK_BACK = 1 << 16


class TcnState(NamedTuple):
    """The state of a `Tcn` between two blocks."""

    layers: tuple[Float[Tensor, "batch past channel"], ...]
    """For each layer, the last ``(kernel_size − 1) · dilation`` frames of the convolution's input."""


class Tcn(Streaming[TcnState]):
    """Residual layers of gated, dilated convolutions over frames, then a norm. Causal, latency 0.

    Layer ``i`` has the dilation ``2^i``, so each layer doubles the number of past frames that matter.

    Args:
        n_inputs: Input channels.
        width: Channels of each layer and of the output.
        n_layers: Number of layers.
        kernel_size: Frames that each layer combines.

    Attributes:
        n_past: Past frames that each layer keeps; the output depends on the sum of them.

    Raises:
        ValueError: When a size is below 1, or the output depends on more than 65536 past frames.

    Reference: Bai et al., An empirical evaluation of generic convolutional and recurrent networks, 2018; the
    gate is that of van den Oord et al., WaveNet, 2016. Our norm is per frame, before each layer.
    """

    def __init__(self, n_inputs: int, width: int, n_layers: int, kernel_size: int) -> None:
        super().__init__()
        require_count("n_inputs", n_inputs)
        require_count("width", width)
        require_count("n_layers", n_layers)
        require_count("kernel_size", kernel_size)
        require_look_back(n_layers, kernel_size)
        self.n_inputs, self.width, self.kernel_size = n_inputs, width, kernel_size
        self.inputs = nn.Linear(n_inputs, width)
        self.n_past = [(kernel_size - 1) << i for i in range(n_layers)]
        self.layers = nn.ModuleList(TcnLayer(width, kernel_size, 1 << i) for i in range(n_layers))
        self.norm = nn.LayerNorm(width)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"{self.n_inputs} to {self.width} channels, {len(self.n_past)} layers, kernel {self.kernel_size}"
        )

    def init_state(self, batch_size: int, seed: int = 0) -> TcnState:
        """Return the state before the first frame: zeros."""
        new_zeros = self.inputs.weight.new_zeros
        return TcnState(tuple(new_zeros(batch_size, n, self.width) for n in self.n_past))

    def step(
        self, inputs: Float[Tensor, "batch frame input"], *, state: TcnState
    ) -> tuple[Float[Tensor, "batch frame hidden"], TcnState]:
        """Return the next block's output and state.

        Raises:
            ValueError: When there is no item or no frame.
        """
        require_batch("inputs", inputs, "batch frame input")
        x, after = self.inputs(inputs), []
        for layer, before in zip(self.layers, state.layers, strict=True):
            x, past = layer(x, before)
            after.append(past)
        return self.norm(x), TcnState(tuple(after))

    def lower(self, program: Program, inputs: Wire) -> Wire:
        """Append the network to a program."""
        x = lower_layer(program, self.inputs, inputs)
        for layer in self.layers:
            x = lower_into(program, cast("TcnLayer", layer), x)
        return lower_layer(program, self.norm, x)


class TcnLayer(nn.Module):
    """``y = x + W (tanh a · σ(b))``, where ``a`` and ``b`` are dilated convolutions of ``norm(x)``.

    Args:
        width: Channels of the input and the output.
        kernel_size: Frames that the convolution combines.
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
        """Return the layer's output, and the last frames of the convolution's input."""
        frames, past = with_past(past, self.norm(x))
        # One dense layer over the frames side by side: for blocks of one frame as fast as it can be.
        starts = (j * self.dilation for j in range(self.kernel_size))
        taps = torch.cat([frames[:, start : start + x.shape[1]] for start in starts], dim=-1)
        a, b = self.convolution(taps).chunk(2, dim=-1)
        return x + self.output(torch.tanh(a) * torch.sigmoid(b)), past

    def lower(self, program: Program, x: Wire) -> Wire:
        """Append the layer to a program."""
        lags = [(self.kernel_size - 1 - j) * self.dilation for j in range(self.kernel_size)]
        taps = program.history(lower_layer(program, self.norm, x), lags)
        a, b = lower_layer(program, self.convolution, taps).split(x.size, x.size)
        gated = program.multiply(program.tanh(a), program.sigmoid(b))
        return program.add(x, lower_layer(program, self.output, gated))


def require_look_back(n_layers: int, kernel_size: int) -> None:
    """Refuse layers that depend on more past frames than a state can hold.

    Raises:
        ValueError: When ``(kernel_size − 1) · (2^n_layers − 1)`` is above 65536.
    """
    # Forty layers are far beyond the limit, and the power of an absurd number would fill memory.
    if (kernel_size - 1) * ((1 << min(n_layers, 40)) - 1) > _LONGEST_LOOK_BACK:
        raise ValueError(
            f"{n_layers} layers with a kernel_size of {kernel_size} depend on more than {_LONGEST_LOOK_BACK} "
            "past frames; choose fewer layers or a smaller kernel."
        )
