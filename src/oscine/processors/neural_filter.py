"""A network on the samples of what it is behind: dilated convolutions, moved by the controller."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from oscine.functional.frames import UpsampleState, previous_frames, upsample, upsample_state
from oscine.processors.base import PartConfig, Processor
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count

MOST_CHANNELS, MOST_FILTER_LAYERS, MOST_CONDITIONS = 128, 14, 64


class NeuralFilterState(NamedTuple):
    """The state of a `NeuralFilter` between two blocks."""

    conditions: UpsampleState
    """The conditions at the last frame."""
    layers: tuple[Float[Tensor, "batch channel past"], ...]
    """For each layer, the last ``(kernel_size − 1) · dilation`` samples of its input."""


class NeuralFilter(Processor[NeuralFilterState]):
    """The signal plus the output of a causal network: ``y = x + u · h_L``. Latency 0.

    ``h_0 = w x``, ``h_{l+1}[t] = h_l[t] + tanh(Σ_k W_lk h_l[t − k 2^l] + V_l c[t] + b_l)``, k below
    ``kernel_size``, l below ``n_layers``. c are the conditions that the controller predicts, a straight line
    inside each frame. Behind a sine and noise this is a neural source filter. Two of them in a chain are two
    of its blocks.

    An output sample depends on `receptive_field` samples of the signal: itself and those before it. Before
    training u is 0 and the output is the signal.

    Args:
        hop_length: Samples per frame.
        hidden_size: Channels of h.
        n_layers: Convolutions; layer l has the dilation ``2^l``.
        kernel_size: Samples that each of them combines.
        n_conditions: Conditions per frame.

    Raises:
        ValueError: When a size is not a positive whole number.

    Reference: Wang, Takaki and Yamagishi, Neural source-filter-based waveform model for statistical
        parametric speech synthesis, ICASSP 2019. There a block has 64 channels and, in the first paper,
        gates; the amplitude of the sine is constant, and here it is a control of the source.

    Examples:
        >>> import torch
        >>> block = NeuralFilter(hop_length=64, n_layers=4)
        >>> block.receptive_field
        31
        >>> block(torch.randn(1, 640), torch.zeros(1, 10, 8)).shape
        torch.Size([1, 640])
    """

    signals = ("audio",)

    def __init__(
        self,
        hop_length: int,
        hidden_size: int = 16,
        n_layers: int = 10,
        kernel_size: int = 3,
        n_conditions: int = 8,
    ) -> None:
        super().__init__()
        require_count("hop_length", hop_length)
        require_count("hidden_size", hidden_size)
        require_count("n_layers", n_layers)
        require_count("kernel_size", kernel_size)
        require_count("n_conditions", n_conditions)
        self.hop_length, self.hidden_size, self.kernel_size = hop_length, hidden_size, kernel_size
        self.dilations = [1 << i for i in range(n_layers)]
        self.n_conditions = n_conditions
        self.controls = (Control("conditions", n_conditions, "weight", -1.0, 1.0, "linear"),)
        # A tone of −20 dB reaches the bend of tanh in some channels.
        self.input = nn.Parameter(torch.empty(hidden_size).uniform_(-3.0, 3.0))
        limit = (kernel_size * hidden_size) ** -0.5
        shape = n_layers, hidden_size, hidden_size, kernel_size
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-limit, limit))
        self.condition = nn.Linear(n_conditions, n_layers * hidden_size)
        self.output = nn.Parameter(torch.zeros(hidden_size))

    @property
    def receptive_field(self) -> int:
        """Samples of the signal on which a sample of the output depends."""
        return 1 + (self.kernel_size - 1) * sum(self.dilations)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"{self.hidden_size} channels, {len(self.dilations)} layers, kernel {self.kernel_size}, "
            f"{self.n_conditions} conditions, hop {self.hop_length}"
        )

    def init_state(self, batch_size: int, seed: int = 0) -> NeuralFilterState:
        """Return the state before the first sample: zeros."""
        return NeuralFilterState(
            upsample_state(batch_size, self.n_conditions, device=self.device),
            tuple(
                self.weight.new_zeros(batch_size, self.hidden_size, (self.kernel_size - 1) * dilation)
                for dilation in self.dilations
            ),
        )

    def step(
        self,
        audio: Float[Tensor, "batch time"],
        conditions: Float[Tensor, "batch frame condition"],
        *,
        state: NeuralFilterState,
    ) -> tuple[Float[Tensor, "batch time"], NeuralFilterState]:
        """Return the next block, filtered, and the state.

        Args:
            audio: Next samples, ``frame · hop_length`` of them.
            conditions: At the frames' ends, −1 … 1.
            state: From the block before.

        Raises:
            ValueError: When the audio does not have a hop for every frame.
        """
        if audio.shape[1] != conditions.shape[1] * self.hop_length:
            raise ValueError(
                f"audio has {audio.shape[1]} samples for {conditions.shape[1]} frames of conditions; give "
                f"{self.hop_length} for each."
            )
        last = state.conditions
        before = self._offsets(previous_frames(conditions, last.last, last.started))
        now = self._offsets(conditions)
        x, after = self.input.unsqueeze(-1) * audio.unsqueeze(1), []
        for i, (dilation, past) in enumerate(zip(self.dilations, state.layers, strict=True)):
            known = torch.cat([past, x], dim=-1)
            after.append(known[..., known.shape[-1] - past.shape[-1] :])
            # Channels as items, so that time is the last axis.
            offset = upsample(now[i].flatten(0, 1), self.hop_length, before[i].flatten(0, 1)).reshape(x.shape)
            # The last tap of a weight is the sample itself.
            x = x + torch.tanh(nn.functional.conv1d(known, self.weight[i], dilation=dilation) + offset)
        started = UpsampleState(conditions[:, -1], torch.ones_like(last.started))
        return audio + self.output @ x, NeuralFilterState(started, tuple(after))

    def _offsets(
        self, conditions: Float[Tensor, "batch frame condition"]
    ) -> Float[Tensor, "layer batch channel frame"]:
        """Return what the conditions add to each convolution."""
        values = self.condition(conditions).unflatten(-1, (len(self.dilations), self.hidden_size))
        return values.permute(2, 0, 3, 1).contiguous()

    def lower(self, program: Program, audio: Wire, conditions: Wire) -> Wire:
        """Append the filter to a program."""
        offsets = program.linear(conditions, self.condition.weight, self.condition.bias)
        # (layer · channel, tap · channel)
        weight = self.weight.transpose(2, 3).flatten(2).flatten(0, 1)
        return program.neural_filter(audio, offsets, self.input, weight, self.output, self.dilations)


class NeuralFilterConfig(PartConfig):
    """Dilated convolutions on the samples of the signal, conditioned by the controller."""

    kind: Literal["neural_filter"] = "neural_filter"
    hidden_size: int = Field(default=16, ge=1, le=MOST_CHANNELS)
    """Channels of the convolutions."""
    n_layers: int = Field(default=10, ge=1, le=MOST_FILTER_LAYERS)
    """Convolutions; each has twice the dilation of the one before it."""
    kernel_size: int = Field(default=3, ge=1, le=8)
    """Samples that each of them combines."""
    n_conditions: int = Field(default=8, ge=1, le=MOST_CONDITIONS)
    """Conditions that the controller predicts for each frame."""

    def build(self, sample_rate: int, hop_length: int) -> NeuralFilter:
        """Return the filter."""
        return NeuralFilter(hop_length, self.hidden_size, self.n_layers, self.kernel_size, self.n_conditions)
