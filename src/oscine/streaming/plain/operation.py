"""The base of every operation of the plain form: constants, a memory, and a `forward` in plain operations."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from oscine.streaming.contents import Operation


@dataclass
class Memory:
    """The state of an operation between two calls, by name, and what all operations know.

    Attributes:
        sample: Number of the first sample of the call, from the start of the stream, (1), int64.
        seed: Of the noise, (1), int64.
        n_frames: Of the call.
        before: Values from the call before.
        after: Values for the next call, which the operation puts in.
    """

    sample: Tensor
    seed: Tensor
    n_frames: int
    before: dict[str, Tensor]
    after: dict[str, Tensor] = field(default_factory=dict)

    @property
    def started(self) -> Tensor:
        """False in the first call, (1)."""
        return self.sample > 0

    def previous(self, name: str, frames: Tensor) -> Tensor:
        """Return the frames, (frame, …), one frame earlier, and keep the last; the first one is held."""
        each = rows(frames)
        self.after[name] = each[-1]
        return joined([torch.where(self.started, self.before[name], each[0]), *each[:-1]])

    def extended(self, name: str, values: Tensor) -> Tensor:
        """Return the values with those that came before in front, and keep as many for the next call."""
        known = torch.cat([self.before[name], values])
        self.after[name] = known[known.shape[0] - self.before[name].shape[0] :]
        return known


def rows(frames: Tensor) -> tuple[Tensor, ...]:
    """Return each frame, (1, …); where there is only one, no operation is needed."""
    return (frames,) if frames.shape[0] == 1 else frames.split(1)


def joined(frames: list[Tensor]) -> Tensor:
    """Return frames, (1, …) each, as one tensor."""
    return frames[0] if len(frames) == 1 else torch.cat(frames)


class PlainOperation(nn.Module):
    """One operation of a program, for any number of frames at once.

    A subclass returns its state in `start`, and computes in `forward`: wires in, (frame, size) each,
    and the output, (frame, size).

    Args:
        operation: Of a program; its tensors become buffers.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        self.sample_rate, self.hop_length = sample_rate, hop_length
        self.kind, self.integers, self.numbers = operation.kind, operation.integers, operation.numbers
        self.sizes = [wire.size for wire in operation.inputs]
        self.size = operation.output.size
        for i, tensor in enumerate(operation.tensors):
            self.keep(f"tensor_{i}", tensor)

    def keep(self, name: str, value: Tensor) -> None:
        """Make a constant a buffer, which is written with the module."""
        self.register_buffer(name, value)

    def constant(self, name: str | int) -> Tensor:
        """Return a buffer by name, or a tensor of the operation by number."""
        return self.get_buffer(name if isinstance(name, str) else f"tensor_{name}")

    def start(self) -> dict[str, Tensor]:
        """Return the state before the first frame, by name."""
        return {}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the output of the next frames."""
        raise NotImplementedError
