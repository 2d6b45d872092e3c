"""Operations of what begins with a hit."""

import math

import torch
from torch import Tensor

from oscine.functional.transient import REACH
from oscine.streaming.contents import Operation
from oscine.streaming.plain.operation import Memory, PlainOperation, joined, rows

_SHORTEST_S = 1e-6


class OfAHit(PlainOperation):
    """The common base of all parts of a hit: the samples since its onset, and the controls that it keeps."""

    n_held = 0

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first hit."""
        held = {"held": torch.zeros(1, self.n_held)} if self.n_held else {}
        return {
            "age": torch.zeros(1, dtype=torch.float64),
            "since": torch.full((1,), -1.0, dtype=torch.float64),
            **held,
        }

    def since(self, memory: Memory, onset_s: Tensor) -> tuple[Tensor, Tensor]:
        """Return the samples since the onset and whether a hit has begun in the frame, (frame, hop)."""
        age = (onset_s.to(torch.float64) * self.sample_rate).clamp(min=0)
        before = joined([memory.before["age"].unsqueeze(0), *rows(age)[:-1]])
        number = torch.arange(self.hop_length, dtype=torch.float64)
        now = age - self.hop_length + number
        since = torch.where((now < 0) & (before > 0), before + number, now)
        flat = since.reshape(-1)
        previous = torch.cat([memory.before["since"], flat[:-1]]).reshape(since.shape)
        begins = (since >= 0) & ((previous < 0) | (since < previous))
        memory.after |= {"age": age[-1], "since": flat[-1:]}
        return since, begins.to(torch.int64).cumsum(-1) > 0

    def held(self, memory: Memory, controls: Tensor, begun: Tensor) -> tuple[Tensor, Tensor]:
        """Return the controls that a hit keeps, at the frames' starts and ends, (frame, channel)."""
        kept = [memory.before["held"]]
        for values, has_begun in zip(rows(controls), rows(begun[:, -1:]), strict=True):
            kept.append(torch.where(has_begun, values, kept[-1]))
        memory.after["held"] = kept[-1]
        return joined(kept[:-1]), joined(kept[1:])


class OnsetGate(OfAHit):
    """`oscine.functional.onset_gate`."""

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the audio, (frame, hop)."""
        audio, onset_s = wires
        since, _ = self.since(memory, onset_s)
        previous = torch.cat([memory.before["since"], since.reshape(-1)[:-1]]).reshape(since.shape)
        return audio * torch.where(previous >= 0, 1.0, since.clamp(0, 1)).to(torch.float32)


class Modes(OfAHit):
    """`oscine.functional.modes`."""

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        self.n_held = 4 * self.sizes[1]

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the audio, (frame, hop)."""
        since, begun = self.since(memory, wires[0])
        start, end = self.held(memory, torch.cat(wires[1:], -1), begun)
        here = torch.where(begun.unsqueeze(-1), end.unsqueeze(1), start.unsqueeze(1))
        hz, decay_s, level, phase = here.split(self.sizes[1], -1)
        time = (since.clamp(min=0) / self.sample_rate).unsqueeze(-1)
        turns = hz.double() * time + phase
        angle = 2 * math.pi * (turns - torch.round(turns)).to(torch.float32)
        fall = torch.exp(-(time / decay_s.clamp(min=_SHORTEST_S)).to(torch.float32))
        return (level * fall * torch.sin(angle)).sum(-1) * (since >= 0)


class Transient(OfAHit):
    """`oscine.functional.transient`."""

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        self.n_held = self.sizes[1]

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the audio, (frame, hop)."""
        since, begun = self.since(memory, wires[0])
        start, end = self.held(memory, wires[1], begun)
        whole = torch.floor(since)
        reach = torch.arange(2 * REACH)
        distance = (since - whole).unsqueeze(-1) + (reach - REACH)
        tap = whole.to(torch.int64).unsqueeze(-1) - reach
        angle = math.pi * torch.where(distance == 0, 1.0, distance)
        sinc = torch.where(distance == 0, 1.0, torch.sin(angle) / angle)
        weight = sinc * torch.cos(math.pi / (2 * REACH) * distance).square()
        weight = torch.where((tap >= 0) & (tap < self.n_held), weight, 0.0).to(torch.float32)
        place = tap.clamp(0, self.n_held - 1) + self.n_held * begun.to(torch.int64).unsqueeze(-1)
        taken = torch.cat([start, end], -1).gather(-1, place.reshape(place.shape[0], -1))
        return (taken.reshape(place.shape) * weight).sum(-1)
