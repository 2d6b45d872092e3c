"""Operations on audio: gain, delay, filters, reverb."""

import math

import torch
from torch import Tensor

from oscine.functional import upsample
from oscine.functional.allpole import MOST_REFLECTION
from oscine.functional.filter import n_minimum_phase_taps
from oscine.streaming.contents import Operation
from oscine.streaming.plain.operation import Memory, PlainOperation, joined, rows
from oscine.streaming.plain.sources import blend, overlapping, symmetric

_LONGEST_BLOCK = 16


class Gain(PlainOperation):
    """Audio times a gain that goes from frame to frame."""

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        return {"gain": torch.zeros(1, 1)}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the product."""
        audio, gain = wires
        before = memory.previous("gain", gain)
        curve = upsample(gain.unsqueeze(0), audio.shape[1], before.unsqueeze(0))
        return audio * curve.reshape(audio.shape)


class Delay(PlainOperation):
    """Audio some samples later."""

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        return {"past": torch.zeros(self.integers[0])}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the delayed audio."""
        audio = wires[0]
        return memory.extended("past", audio.flatten())[: audio.numel()].reshape(audio.shape)


class MovingFilter(PlainOperation):
    """`oscine.functional.moving_filter`."""

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        n_taps = 2 * self.sizes[1] - 1 if self.integers[0] else self.sizes[1]
        return {"past": torch.zeros(n_taps - 1), "taps": torch.zeros(1, self.sizes[1])}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the filtered audio."""
        audio, taps = wires
        n_frames, hop_length = audio.shape
        rows = overlapping(memory.extended("past", audio.flatten()), n_frames, hop_length)
        before = memory.previous("taps", taps)
        last_first = symmetric if self.integers[0] else _flipped
        return blend(rows, last_first(before), last_first(taps), hop_length)


def _flipped(taps: Tensor) -> Tensor:
    return taps.flip(-1)


class Allpole(PlainOperation):
    """`oscine.functional.allpole`, as one matrix per sample from the state before it to the state after it.

    In blocks of a few samples, all at once, the state at the end of each is an affine function of that before
    it; what is left is a small product per block.
    """

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        order, hop_length = self.sizes[1], self.sizes[0]
        self.block = next(n for n in range(_LONGEST_BLOCK, 0, -1) if hop_length % n == 0)
        self.keep("weight", torch.arange(hop_length, dtype=torch.float64).unsqueeze(-1) / hop_length)
        # Section j is on the way down to section m, for j ≥ m; the signal is behind the last one.
        self.keep("below", torch.ones(order + 1, order + 1, dtype=torch.float64).triu())
        self.keep("unit", torch.eye(order, order + 1, dtype=torch.float64))
        self.keep("signal", torch.eye(1, order + 1, dtype=torch.float64).flip(-1))

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        zeros = torch.zeros(1, self.sizes[1], dtype=torch.float64)
        return {"lattice": zeros, "angles": zeros.clone()}

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the filtered audio."""
        audio, reflection = wires
        order = self.sizes[1]
        # onnxruntime has no arcsine and no cosine of double.
        angles = torch.asin(reflection.clamp(-MOST_REFLECTION, MOST_REFLECTION)).double()
        before = memory.previous("angles", angles)
        turned = before.unsqueeze(1) + self.constant("weight") * (angles - before).unsqueeze(1)
        # (block, sample, M, M + 1): the state after a sample, from the one before it and the signal.
        after = self.transitions(turned.reshape(-1, order)).unflatten(0, (-1, self.block))
        x = audio.double().reshape(-1, self.block, 1, 1)
        state, sounding = self.constant("unit"), []
        for i in range(self.block):
            own = after[:, i]
            state = own[..., :-1] @ state + own[..., -1:] * x[:, i] * self.constant("signal")
            sounding.append(state[:, :1])
        # What a block does to the state that it begins with: its last state, and its audio.
        last, lattice = memory.before["lattice"], []
        for one in rows(state):
            lattice.append(last)
            last = last @ one[0, :, :-1].T + one[:, :, -1]
        memory.after["lattice"] = last
        audible = torch.cat(sounding, 1)
        started = joined(lattice).unsqueeze(1)
        sound = (audible[..., :-1] * started).sum(-1) + audible[..., -1]
        return sound.reshape(audio.shape).to(torch.float32)

    def transitions(self, angles: Tensor) -> Tensor:
        """Return the lattice's affine map of its state at every sample, (sample, M, M + 1).

        Going down, ``f_m = Π_{m≤i<M} c_i x − Σ_{j≥m} Π_{m≤i<j} c_i s_j g_j``, sections counted from 0.
        """
        sine, cosine = torch.sin(angles), torch.sin(angles + math.pi / 2)
        zero = torch.zeros_like(angles[:, :1])
        logarithm = torch.cat([zero, torch.cumsum(torch.log(cosine), -1)], -1)
        between = (logarithm.unsqueeze(1) - logarithm.unsqueeze(2)) * self.constant("below")
        downward = torch.exp(between) * self.constant("below")
        downward = downward * torch.cat([-sine, zero + 1], -1).unsqueeze(1)
        upward = sine.unsqueeze(-1) * downward[:, 1:] + cosine.unsqueeze(-1) * self.constant("unit")
        return torch.cat([downward[:, :1], upward[:, :-1]], 1)


class MinimumPhase(PlainOperation):
    """`oscine.functional.minimum_phase_taps`, its transforms as products with matrices."""

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        n_bands = self.sizes[0]
        n_fft = 2 * n_minimum_phase_taps(n_bands)
        bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64).unsqueeze(-1)
        twice = torch.full((n_bands,), 2.0, dtype=torch.float64)
        twice[0] = 1
        angle = 2 * math.pi / n_fft * bins * torch.arange(n_bands)
        folded = operation.tensors[0].reshape(n_bands, n_bands).double()
        spectrum = torch.cat([torch.cos(angle), -torch.sin(angle)]) * twice @ folded
        share = torch.full((n_fft // 2 + 1, 1), 2.0 / n_fft, dtype=torch.float64)
        share[0] = share[-1] = 1.0 / n_fft
        angle = 2 * math.pi / n_fft * bins * torch.arange(self.size)
        inverse = torch.cat([share * torch.cos(angle), -share * torch.sin(angle)])
        self.keep("spectrum", spectrum.T.to(torch.float32).contiguous())  # (band, real and imaginary bins)
        self.keep("inverse", inverse.to(torch.float32))

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the taps."""
        logarithm = torch.log(wires[0] + self.numbers[0]) @ self.constant("spectrum")
        size, angle = logarithm.chunk(2, -1)
        size = torch.exp(size)
        return torch.cat([size * torch.cos(angle), size * torch.sin(angle)], -1) @ self.constant("inverse")


class Convolve(PlainOperation):
    """A long convolution without delay, in partitions as long as a frame, so that every frame does the same.

    The spectra of each frame and the one before it, of H samples each, are multiplied with those of the
    partitions and added up. What wraps around goes to the first half, which is thrown away; so it may
    change its sign, and the frequencies may be the odd ones, ``(2 k + 1) π / 2H``: H complex numbers, none of
    which is special. They are two rows of real ones here, and the transforms are products with matrices.
    """

    def __init__(self, operation: Operation, sample_rate: int, hop_length: int) -> None:
        super().__init__(operation, sample_rate, hop_length)
        hop, taps = self.size, operation.tensors[0].flatten().double()
        taps = torch.cat([taps, torch.zeros(-len(taps) % hop, dtype=torch.float64)]).reshape(-1, hop)
        angle = math.pi * (torch.arange(hop, dtype=torch.float64) + 0.5) / hop
        angle = torch.arange(2 * hop, dtype=torch.float64).unsqueeze(-1) * angle
        forward = torch.cat([torch.cos(angle), -torch.sin(angle)], -1)
        real, imaginary = (taps @ forward[:hop]).chunk(2, -1)
        inverse = torch.cat([torch.cos(angle[hop:]).T, -torch.sin(angle[hop:]).T]) / hop
        self.n_parts = len(taps)
        for name, value in (
            ("forward_transform", forward),
            ("inverse_transform", inverse),
            # Of the partitions, oldest first: the factors of the spectra for each part of the sum.
            ("for_real", torch.stack([real, -imaginary], 1).flip(0).flatten(0, 1)),
            ("for_imaginary", torch.stack([imaginary, real], 1).flip(0).flatten(0, 1)),
        ):
            self.keep(name, value.to(torch.float32).contiguous())

    def start(self) -> dict[str, Tensor]:
        """Return the values before the first frame."""
        start = {"recent": torch.zeros(1, self.size)}
        if self.n_parts > 1:
            start["spectra"] = torch.zeros(2 * (self.n_parts - 1), self.size)
        return start

    def forward(self, memory: Memory, *wires: Tensor) -> Tensor:
        """Return the convolution."""
        audio = wires[0]
        *each, memory.after["recent"] = rows(audio)
        known = joined([memory.before["recent"], *each])
        spectra = torch.cat([known, audio], -1) @ self.constant("forward_transform")
        spectra = spectra.reshape(2 * audio.shape[0], self.size)
        if self.n_parts > 1:
            spectra = memory.extended("spectra", spectra)
        frames = []
        for t in range(audio.shape[0]):
            past = spectra if len(spectra) == 2 * self.n_parts else spectra[2 * t : 2 * (t + self.n_parts)]
            real, imaginary = past * self.constant("for_real"), past * self.constant("for_imaginary")
            frames.append(torch.cat([real.sum(0, keepdim=True), imaginary.sum(0, keepdim=True)], -1))
        return joined(frames) @ self.constant("inverse_transform")
