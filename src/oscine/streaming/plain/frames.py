"""Operations on values over frames: the memory of networks."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from oscine.streaming.contents import Operation
from oscine.streaming.plain.operation import Memory, PlainOperation, joined, rows


class Gru(PlainOperation):
    """A GRU, whose inputs' half of the gates is given."""

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        return {"hidden": torch.zeros(1, self.size)}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the hidden values."""
        weight, bias = self.constant(0).reshape(3 * self.size, self.size), self.constant(1)
        hidden, frames = memory.before["hidden"], []
        for gates in rows(wires[0]):
            recurrent = F.linear(hidden, weight, bias)
            both = torch.sigmoid(gates[:, : 2 * self.size] + recurrent[:, : 2 * self.size])
            reset, update = both.split(self.size, -1)
            fresh = torch.tanh(gates[:, 2 * self.size :] + reset * recurrent[:, 2 * self.size :])
            hidden = fresh + update * (hidden - fresh)
            frames.append(hidden)
        memory.after["hidden"] = hidden
        return joined(frames)


class History(PlainOperation):
    """A wire as it was some frames ago."""

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        longest = max(self.integers)
        return {"past": torch.zeros(longest, self.sizes[0])} if longest else {}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the past frames, side by side."""
        known = memory.extended("past", wires[0]) if max(self.integers) else wires[0]
        n_frames, newest = wires[0].shape[0], known.shape[0]
        return torch.cat([known[newest - lag - n_frames : newest - lag] for lag in self.integers], -1)


class Depthwise(PlainOperation):
    """Each channel's convolution in time."""

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        taps = self.integers[0]
        return {"past": torch.zeros(taps - 1, self.size)} if taps > 1 else {}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the convolution."""
        weight, bias, n_frames = self.constant(0).reshape(self.size, -1), self.constant(1), wires[0].shape[0]
        known = memory.extended("past", wires[0]) if weight.shape[1] > 1 else wires[0]
        terms = [known[j : j + n_frames] * weight[:, j] for j in range(weight.shape[1])]
        return torch.stack(terms).sum(0) + bias


class Attention(PlainOperation):
    """Each head's mean of the last values."""

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        self.heads, self.context = self.integers
        # Of the frames that one frame looks at, oldest first, (head, 1, context).
        ago = torch.arange(self.context - 1, -1, -1, dtype=torch.float32)
        self.keep("ago", ago)
        self.keep("bias", -operation.tensors[0].reshape(-1, 1, 1) * ago)

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        past = torch.zeros(self.context - 1, self.size)
        return {"keys": past, "values": past.clone()} if self.context > 1 else {}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the means."""
        query, keys, values = wires
        n_frames = query.shape[0]
        if self.context > 1:
            keys, values = memory.extended("keys", keys), memory.extended("values", values)
        keys, values, query = (
            x.unflatten(-1, (self.heads, -1)).transpose(0, 1) for x in (keys, values, query)
        )
        n_before = memory.sample // self.hop_length
        scale, frames = 1 / math.sqrt(self.size // self.heads), []
        for t in range(n_frames):
            seen = slice(t, t + self.context)
            scores = query[:, t : t + 1] @ keys[:, seen].transpose(1, 2) * scale + self.constant("bias")
            scores = torch.where(self.constant("ago") <= n_before + t, scores, -torch.inf)
            frames.append((torch.softmax(scores, -1) @ values[:, seen]).reshape(1, self.size))
        return joined(frames)
