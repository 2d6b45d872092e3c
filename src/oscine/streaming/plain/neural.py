"""Operations that are networks on samples."""

import torch
from torch import Tensor

from oscine.functional import upsample
from oscine.streaming.contents import Operation
from oscine.streaming.plain.operation import Memory, PlainOperation


class NeuralFilter(PlainOperation):
    """`oscine.processors.NeuralFilter`: each convolution as a product with its taps side by side."""

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        self.channels, self.n_layers = operation.tensors[0].numel(), len(self.integers)
        weight = operation.tensors[1].reshape(self.n_layers, self.channels, -1)
        self.taps = weight.shape[2] // self.channels
        self.keep("weight", weight.transpose(1, 2).contiguous())

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        kept = [(self.taps - 1) * dilation for dilation in self.integers]
        past = {f"past_{i}": torch.zeros(n, self.channels) for i, n in enumerate(kept) if n}
        return past | {"offsets": torch.zeros(1, self.sizes[1])}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the filtered audio."""
        audio, offsets = wires
        before = memory.previous("offsets", offsets).unsqueeze(0)
        curve = upsample(offsets.unsqueeze(0), audio.shape[1], before).squeeze(0)
        x = audio.reshape(-1, 1) * self.constant(0).reshape(1, -1)
        n = audio.numel()
        for i, dilation in enumerate(self.integers):
            known = memory.extended(f"past_{i}", x) if self.taps > 1 else x
            taps = torch.cat([known[k * dilation : k * dilation + n] for k in range(self.taps)], -1)
            own = curve[:, i * self.channels : (i + 1) * self.channels]
            x = x + torch.tanh(taps @ self.constant("weight")[i] + own)
        return audio + (x @ self.constant(2).reshape(-1, 1)).reshape(audio.shape)
