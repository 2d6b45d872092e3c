"""A Conformer that streams: attention over a limited past, and convolution, between feed-forward layers."""

from typing import NamedTuple, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from oscine.networks.context import with_past
from oscine.streaming import Program, Streaming, Wire

_EXPANSION = 4


class LayerState(NamedTuple):
    """What a layer of a `Conformer` remembers between two blocks."""

    keys: Float[Tensor, "batch past channel"]
    """Of the last ``context_frames − 1`` frames."""
    values: Float[Tensor, "batch past channel"]
    """Of the same frames."""
    convolved: Float[Tensor, "batch before channel"]
    """The last ``kernel_size − 1`` frames that the convolution takes."""


class ConformerState(NamedTuple):
    """What a `Conformer` remembers between two blocks."""

    n_past: Int[Tensor, " batch"]
    """How many of the remembered keys there really are; the others are before the beginning."""
    layers: tuple[LayerState, ...]
    """Of each layer."""


class Conformer(Streaming):
    """Layers of feed-forward, attention, convolution, feed-forward, each added to its input.

    Causal, latency 0.

    Args:
        n_inputs: Channels in.
        width: Channels out, and of each layer; a multiple of ``n_heads``.
        n_layers: Layers.
        kernel_size: Frames that each layer's convolution takes together.
        n_heads: Heads of the attention.
        context_frames: Frames, the present one included, that the attention looks at.

    Reference: Gulati et al., Conformer, 2020. Causal here; the convolution's norm is by single frames, not by
    batches, and positions are those of Press et al., Train short, test long, 2022.
    """

    slopes: Tensor

    def __init__(
        self, n_inputs: int, width: int, n_layers: int, kernel_size: int, n_heads: int, context_frames: int
    ) -> None:
        super().__init__()
        self.width, self.n_past, self.n_before = width, context_frames - 1, kernel_size - 1
        self.inputs = nn.Linear(n_inputs, width)
        self.layers = nn.ModuleList(ConformerLayer(width, kernel_size, n_heads) for _ in range(n_layers))
        head = torch.arange(1, n_heads + 1, dtype=torch.get_default_dtype())
        self.register_buffer("slopes", torch.exp2(-8 * head / n_heads), persistent=False)

    def init_state(self, batch_size: int, seed: int = 0) -> ConformerState:
        """Return the state before the first frame."""
        new_zeros = self.inputs.weight.new_zeros
        layer = LayerState(
            keys=new_zeros(batch_size, self.n_past, self.width),
            values=new_zeros(batch_size, self.n_past, self.width),
            convolved=new_zeros(batch_size, self.n_before, self.width),
        )
        return ConformerState(new_zeros(batch_size, dtype=torch.long), tuple(layer for _ in self.layers))

    def step(
        self, inputs: Float[Tensor, "batch frame input"], *, state: ConformerState
    ) -> tuple[Float[Tensor, "batch frame hidden"], ConformerState]:
        """Return the next frames' output and the state."""
        bias = self._bias(inputs.shape[1], state.n_past)
        x, after = self.inputs(inputs), []
        for layer, before in zip(self.layers, state.layers, strict=True):
            x, changed = layer(x, before, bias)
            after.append(changed)
        n_past = (state.n_past + inputs.shape[1]).clamp(max=self.n_past)
        return x, ConformerState(n_past, tuple(after))

    def lower(self, program: Program, inputs: Wire) -> Wire:
        """Append the network to a program."""
        x = program.linear(inputs, self.inputs.weight, self.inputs.bias)
        for layer in self.layers:
            x = cast("ConformerLayer", layer).lower(program, x, self.slopes, self.n_past + 1)
        return x

    def _bias(
        self, n_frames: int, n_past: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch stretch head query key"]:
        """Return what is added to the scores: the frames' distance times the slope, −∞ out of sight.

        The frames are cut into stretches no longer than the context, each looks at itself and at the past
        before it: so memory grows with the length, not with its square.
        """
        size = min(n_frames, self.n_past + 1)
        query = torch.arange(-(-n_frames // size) * size, device=n_past.device).reshape(-1, size, 1)
        # Frame 0 is the block's first; what is before it is remembered, as far as there was anything.
        key = query[:, :1] + torch.arange(-self.n_past, size, device=n_past.device)
        distance = query - key
        near = (distance >= 0) & (distance <= self.n_past)
        in_sight = near & (key >= -n_past[:, None, None, None])
        bias = -self.slopes[:, None, None] * distance[:, None]
        return bias.masked_fill(~in_sight[:, :, None], float("-inf"))


class ConformerLayer(nn.Module):
    """``x += ½ F(x)``, ``x += attention(x)``, ``x += convolution(x)``, ``x += ½ F'(x)``, ``y = norm(x)``.

    Args:
        width: Channels in and out.
        kernel_size: Frames that the convolution takes together.
        n_heads: Heads of the attention.
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
        """Return the layer's output and its state."""
        x = x + 0.5 * self.before(x)
        attended, keys, values = self.attention(x, state.keys, state.values, bias)
        x = x + attended
        convolved, before = self.convolution(x, state.convolved)
        x = x + convolved
        return self.norm(x + 0.5 * self.after(x)), LayerState(keys, values, before)

    def lower(self, program: Program, x: Wire, slopes: Tensor, context: int) -> Wire:
        """Append the layer to a program."""
        x = program.add(x, program.affine(_lower_feed_forward(program, self.before, x), 0.5, 0.0))
        x = program.add(x, self.attention.lower(program, x, slopes, context))
        x = program.add(x, self.convolution.lower(program, x))
        x = program.add(x, program.affine(_lower_feed_forward(program, self.after, x), 0.5, 0.0))
        return _lower_norm(program, self.norm, x)


def _lower_norm(program: Program, norm: nn.Module, x: Wire) -> Wire:
    norm = cast("nn.LayerNorm", norm)
    return program.layer_norm(x, norm.weight, norm.bias, norm.eps)


def _lower_linear(program: Program, linear: nn.Module, x: Wire) -> Wire:
    linear = cast("nn.Linear", linear)
    return program.linear(x, linear.weight, linear.bias)


def _lower_feed_forward(program: Program, stack: nn.Sequential, x: Wire) -> Wire:
    hidden = program.silu(_lower_linear(program, stack[1], _lower_norm(program, stack[0], x)))
    return _lower_linear(program, stack[3], hidden)


def feed_forward(width: int) -> nn.Sequential:
    """Return a norm, a dense layer four times as wide with SiLU, and one back."""
    wide = _EXPANSION * width
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, wide), nn.SiLU(), nn.Linear(wide, width))


class Attention(nn.Module):
    """Each frame's mean of the values of the last frames, weighted by keys and by how long ago they were.

    ``y_i = Σ_j softmax_j(q_i · k_j / √d − m_h (i − j)) v_j``, ``0 ≤ i − j < context_frames``, with the slope
    ``m_h = 2^(−8 h / n_heads)`` of head h = 1 … n_heads: the first looks close by, the last at all alike.

    Args:
        width: Channels in and out.
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
        """Return what each frame gathers, and the last keys and values.

        Args:
            x: The frames.
            keys: Of the frames before.
            values: Of the same.
            bias: Added to the scores, by stretches of the frames; their last may be longer than what is left.
        """
        query, key, value = self.inputs(self.norm(x)).chunk(3, dim=-1)
        key, keys = with_past(keys, key)
        value, values = with_past(values, value)
        _, n, _, size, n_seen = bias.shape
        missing = n * size - x.shape[1]
        gathered = nn.functional.scaled_dot_product_attention(
            self._stretches(query, missing, size, size),
            self._stretches(key, missing, n_seen, size),
            self._stretches(value, missing, n_seen, size),
            attn_mask=bias,
        )
        gathered = gathered.transpose(2, 3).reshape(len(x), n * size, -1)[:, : x.shape[1]]
        return self.output(gathered), keys, values

    def lower(self, program: Program, x: Wire, slopes: Tensor, context: int) -> Wire:
        """Append the attention to a program."""
        inputs = _lower_linear(program, self.inputs, _lower_norm(program, self.norm, x))
        query, key, value = inputs.split(x.size, x.size, x.size)
        return _lower_linear(program, self.output, program.attention(query, key, value, slopes, context))

    def _stretches(
        self, x: Float[Tensor, "batch frame channel"], missing: int, length: int, hop: int
    ) -> Float[Tensor, "batch stretch head {length} depth"]:
        """Return windows by heads, zeros behind the last frame."""
        windows = nn.functional.pad(x, (0, 0, 0, missing)).unfold(1, length, hop)
        return windows.unflatten(2, (self.n_heads, -1)).transpose(3, 4)


class Convolution(nn.Module):
    """Dense and gated, then each channel convolved in time, norm, SiLU, dense.

    Args:
        width: Channels in and out.
        kernel_size: Frames that the convolution takes together.
    """

    def __init__(self, width: int, kernel_size: int) -> None:
        super().__init__()
        self.inputs = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GLU(dim=-1))
        self.depthwise = nn.Conv1d(width, width, kernel_size, groups=width)
        self.output = nn.Sequential(nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, width))

    def forward(
        self, x: Float[Tensor, "batch frame channel"], before: Float[Tensor, "batch before channel"]
    ) -> tuple[Float[Tensor, "batch frame channel"], Float[Tensor, "batch before channel"]]:
        """Return the output, and the last frames that were convolved."""
        heard, before = with_past(before, self.inputs(x))
        return self.output(self.depthwise(heard.transpose(1, 2)).transpose(1, 2)), before

    def lower(self, program: Program, x: Wire) -> Wire:
        """Append the convolution to a program."""
        both = _lower_linear(program, self.inputs[1], _lower_norm(program, self.inputs[0], x))
        value, gate = both.split(x.size, x.size)
        gated = program.multiply(value, program.sigmoid(gate))
        bias = self.depthwise.bias
        assert bias is not None
        convolved = program.depthwise(gated, self.depthwise.weight[:, 0], bias)
        normed = program.silu(_lower_norm(program, self.output[0], convolved))
        return _lower_linear(program, self.output[2], normed)
