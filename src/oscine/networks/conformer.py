"""A Conformer that streams: attention over a limited past, and convolution, between feed-forward layers."""

from typing import NamedTuple, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from oscine.functional.checks import require_batch
from oscine.networks.context import with_past
from oscine.networks.lowering import lower_layer
from oscine.streaming import Program, Streaming, Wire, lower_into, require_count

_EXPANSION = 4


class LayerState(NamedTuple):
    """The state of a layer of a `Conformer` between two blocks."""

    keys: Float[Tensor, "batch past channel"]
    """Attention keys of the last ``context_frames − 1`` frames."""
    values: Float[Tensor, "batch past channel"]
    """Attention values of the same frames."""
    convolved: Float[Tensor, "batch before channel"]
    """The last ``kernel_size − 1`` frames of the convolution's input."""


class ConformerState(NamedTuple):
    """The state of a `Conformer` between two blocks."""

    n_past: Int[Tensor, " batch"]
    """Number of past frames that the keys hold, ``context_frames − 1`` at most; the other keys are empty."""
    layers: tuple[LayerState, ...]
    """One state per layer."""


class Conformer(Streaming[ConformerState]):
    """Layers of feed-forward, attention, convolution, feed-forward, each added to its input.

    Causal, latency 0.

    Args:
        n_inputs: Input channels.
        width: Channels of each layer and of the output; a multiple of ``n_heads``.
        n_layers: Number of layers.
        kernel_size: Frames that each layer's convolution combines.
        n_heads: Attention heads.
        context_frames: Frames that the attention covers, the present one included.

    Raises:
        ValueError: When a size is below 1, or ``width`` is not a multiple of ``n_heads``.

    Reference: Gulati et al., Conformer, 2020. Ours is causal, its convolution is normalised per frame and not
    per batch, and its positions are those of Press et al., Train short, test long, 2022.
    """

    slopes: Tensor

    def __init__(
        self, n_inputs: int, width: int, n_layers: int, kernel_size: int, n_heads: int, context_frames: int
    ) -> None:
        super().__init__()
        require_count("n_inputs", n_inputs)
        require_count("width", width)
        require_count("n_layers", n_layers)
        require_count("kernel_size", kernel_size)
        require_count("n_heads", n_heads)
        require_count("context_frames", context_frames)
        require_heads("width", width, n_heads)
        self.n_inputs, self.width = n_inputs, width
        self.kernel_size, self.context_frames = kernel_size, context_frames
        self.inputs = nn.Linear(n_inputs, width)
        self.layers = nn.ModuleList(ConformerLayer(width, kernel_size, n_heads) for _ in range(n_layers))
        head = torch.arange(1, n_heads + 1, dtype=torch.get_default_dtype())
        self.register_buffer("slopes", torch.exp2(-8 * head / n_heads), persistent=False)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"{self.n_inputs} to {self.width} channels, {len(self.layers)} layers, "
            f"kernel {self.kernel_size}, {len(self.slopes)} heads, context {self.context_frames}"
        )

    def init_state(self, batch_size: int, seed: int = 0) -> ConformerState:
        """Return the state before the first frame: zeros."""
        new_zeros = self.inputs.weight.new_zeros
        # Each layer has tensors of its own: `torch.export` takes two uses of one tensor for one input.
        layers = (
            LayerState(
                keys=new_zeros(batch_size, self.context_frames - 1, self.width),
                values=new_zeros(batch_size, self.context_frames - 1, self.width),
                convolved=new_zeros(batch_size, self.kernel_size - 1, self.width),
            )
            for _ in self.layers
        )
        return ConformerState(new_zeros(batch_size, dtype=torch.long), tuple(layers))

    def step(
        self, inputs: Float[Tensor, "batch frame input"], *, state: ConformerState
    ) -> tuple[Float[Tensor, "batch frame hidden"], ConformerState]:
        """Return the next block's output and state.

        Raises:
            ValueError: When there is no item or no frame.
        """
        require_batch("inputs", inputs, "batch frame input")
        bias = self._bias(inputs.shape[1], state.n_past)
        x, after = self.inputs(inputs), []
        for layer, before in zip(self.layers, state.layers, strict=True):
            x, changed = layer(x, before, bias)
            after.append(changed)
        n_past = (state.n_past + inputs.shape[1]).clamp(max=self.context_frames - 1)
        return x, ConformerState(n_past, tuple(after))

    def lower(self, program: Program, inputs: Wire) -> Wire:
        """Append the network to a program."""
        x = lower_layer(program, self.inputs, inputs)
        for layer in self.layers:
            x = lower_into(program, cast("ConformerLayer", layer), x, self.slopes, self.context_frames)
        return x

    def _bias(
        self, n_frames: int, n_past: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch stretch head query key"]:
        """Return what is added to the scores: −slope · distance, or −∞ for frames outside the context.

        The block is cut into stretches no longer than the context. Each stretch attends to itself and to the
        frames before it. So memory grows with the length of the block, not with its square.
        """
        most_past = self.context_frames - 1
        size = min(n_frames, self.context_frames)
        query = torch.arange(-(-n_frames // size) * size, device=n_past.device).reshape(-1, size, 1)
        # Frame 0 is the first of the block; the frames before it are in the state, as many as there were.
        key = query[:, :1] + torch.arange(-most_past, size, device=n_past.device)
        distance = query - key
        in_context = (distance >= 0) & (distance <= most_past)
        exists = key >= -n_past[:, None, None, None]
        bias = -self.slopes[:, None, None] * distance[:, None]
        return bias.masked_fill(~(in_context & exists)[:, :, None], float("-inf"))


class ConformerLayer(nn.Module):
    """``x += ½ F(x)``, ``x += attention(x)``, ``x += convolution(x)``, ``x += ½ F'(x)``, ``y = norm(x)``.

    Args:
        width: Channels of the input and the output.
        kernel_size: Frames that the convolution combines.
        n_heads: Attention heads.
    """

    def __init__(self, width: int, kernel_size: int, n_heads: int) -> None:
        super().__init__()
        self.before, self.after = feed_forward(width), feed_forward(width)
        self.attention = Attention(width, n_heads)
        self.convolution = Convolution(width, kernel_size)
        self.norm = nn.LayerNorm(width)

    def forward(
        self,
        x: Float[Tensor, "batch frame channel"],
        state: LayerState,
        bias: Float[Tensor, "batch stretch head query key"],
    ) -> tuple[Float[Tensor, "batch frame channel"], LayerState]:
        """Return the layer's output and state."""
        x = x + 0.5 * self.before(x)
        attended, keys, values = self.attention(x, state.keys, state.values, bias)
        x = x + attended
        convolved, before = self.convolution(x, state.convolved)
        x = x + convolved
        return self.norm(x + 0.5 * self.after(x)), LayerState(keys, values, before)

    def lower(self, program: Program, x: Wire, slopes: Tensor, context: int) -> Wire:
        """Append the layer to a program."""
        x = program.add(x, program.affine(lower_layer(program, self.before, x), 0.5, 0.0))
        x = program.add(x, lower_into(program, self.attention, x, slopes, context))
        x = program.add(x, lower_into(program, self.convolution, x))
        x = program.add(x, program.affine(lower_layer(program, self.after, x), 0.5, 0.0))
        return lower_layer(program, self.norm, x)


def feed_forward(width: int) -> nn.Sequential:
    """Return a norm, a dense layer that is four times as wide, SiLU, and a dense layer back to ``width``."""
    wide = _EXPANSION * width
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, wide), nn.SiLU(), nn.Linear(wide, width))


class Attention(nn.Module):
    """For each frame, the mean of the last frames' values, weighted by their keys and their distance.

    ``y_i = Σ_j softmax_j(q_i · k_j / √d − m_h (i − j)) v_j``, ``0 ≤ i − j < context_frames``, with the slope
    ``m_h = 2^(−8 h / n_heads)`` of head h = 1 … n_heads: the first head prefers near frames the most.

    Args:
        width: Channels of the input and the output; a multiple of ``n_heads``.
        n_heads: Heads.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width)
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "batch frame channel"],
        keys: Float[Tensor, "batch past channel"],
        values: Float[Tensor, "batch past channel"],
        bias: Float[Tensor, "batch stretch head query key"],
    ) -> tuple[
        Float[Tensor, "batch frame channel"],
        Float[Tensor, "batch past channel"],
        Float[Tensor, "batch past channel"],
    ]:
        """Return the output, and the keys and values of the last frames.

        Args:
            x: The block.
            keys: Keys of the frames before it.
            values: Values of the same frames.
            bias: Added to the scores, by stretches of the block; the last stretch may reach beyond its end.
        """
        query, key, value = self.inputs(self.norm(x)).chunk(3, dim=-1)
        key, keys = with_past(keys, key)
        value, values = with_past(values, value)
        _, n, _, size, n_keys = bias.shape
        missing = n * size - x.shape[1]
        attended = nn.functional.scaled_dot_product_attention(
            self._stretches(query, missing, size, size),
            self._stretches(key, missing, n_keys, size),
            self._stretches(value, missing, n_keys, size),
            attn_mask=bias,
        )
        attended = attended.transpose(2, 3).reshape(len(x), n * size, -1)[:, : x.shape[1]]
        return self.output(attended), keys, values

    def lower(self, program: Program, x: Wire, slopes: Tensor, context: int) -> Wire:
        """Append the attention to a program."""
        inputs = lower_layer(program, self.inputs, lower_layer(program, self.norm, x))
        query, key, value = inputs.split(x.size, x.size, x.size)
        return lower_layer(program, self.output, program.attention(query, key, value, slopes, context))

    def _stretches(
        self, x: Float[Tensor, "batch frame channel"], missing: int, length: int, hop: int
    ) -> Float[Tensor, "batch stretch head {length} depth"]:
        """Return overlapping windows, split into heads; zeros follow the last frame."""
        windows = nn.functional.pad(x, (0, 0, 0, missing)).unfold(1, length, hop)
        return windows.unflatten(2, (self.n_heads, -1)).transpose(3, 4)


class Convolution(nn.Module):
    """A dense layer with a gate, a convolution in time of each channel, a norm, SiLU and a dense layer.

    Args:
        width: Channels of the input and the output.
        kernel_size: Frames that the convolution combines.
    """

    def __init__(self, width: int, kernel_size: int) -> None:
        super().__init__()
        self.inputs = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GLU(dim=-1))
        self.depthwise = nn.Conv1d(width, width, kernel_size, groups=width)
        self.output = nn.Sequential(nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, width))

    def forward(
        self, x: Float[Tensor, "batch frame channel"], before: Float[Tensor, "batch before channel"]
    ) -> tuple[Float[Tensor, "batch frame channel"], Float[Tensor, "batch before channel"]]:
        """Return the output, and the last frames of the convolution's input."""
        frames, before = with_past(before, self.inputs(x))
        return self.output(self.depthwise(frames.transpose(1, 2)).transpose(1, 2)), before

    def lower(self, program: Program, x: Wire) -> Wire:
        """Append the convolution to a program."""
        bias = self.depthwise.bias
        assert bias is not None
        convolved = program.depthwise(lower_layer(program, self.inputs, x), self.depthwise.weight[:, 0], bias)
        return lower_layer(program, self.output, convolved)


def require_heads(name: str, width: int, n_heads: int) -> None:
    """Refuse a width that cannot be divided between the heads.

    Args:
        name: Of the width, for the message.
        width: Channels.
        n_heads: Attention heads.

    Raises:
        ValueError: When ``width`` is not a multiple of ``n_heads``.
    """
    if width % n_heads:
        raise ValueError(f"{name} is {width}; give a multiple of n_heads, which is {n_heads}.")
