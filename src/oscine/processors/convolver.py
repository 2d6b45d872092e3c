"""Convolution with a learned impulse response: a room."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.functional.convolution import (
    ConvolutionState,
    convolution_state,
    convolve,
    convolve_step,
)
from oscine.processors.base import Processor


class Convolver(Processor):
    """The signal and its reverberation, ``y = x + h ∗ x``.

    The tap at zero, the dry sound, is fixed at 1 and no part of ``h``. Latency 0, offline (one FFT) and in
    a stream (partitions).

    Rooms decay, and what is learned here is a decaying room: the taps are the parameter times an envelope
    that falls by ``decay_db`` over the response. An optimiser like Adam moves every number by about its
    learning rate, however little it matters, and thousands of taps add up to noise above the dry sound; the
    envelope's ``scale`` makes their steps small.

    Args:
        n_taps: Length of the impulse response, samples, the dry tap included.
        partition: Length of a stream's partitions, samples.
        scale: First value of the envelope.
        decay_db: Fall of the envelope from the first tap to the last, dB.

    Attributes:
        impulse_response: The learned numbers behind taps 1 … n_taps − 1.
        envelope: What they are multiplied by.
    """

    envelope: Tensor

    def __init__(self, n_taps: int, partition: int = 512, scale: float = 0.5, decay_db: float = 60.0) -> None:
        super().__init__()
        if n_taps < 2:
            raise ValueError(f"an impulse response needs at least 2 taps, not {n_taps}")
        self.n_taps = n_taps
        self.partition = min(partition, n_taps)
        self.impulse_response = nn.Parameter(torch.zeros(n_taps - 1))
        fall = torch.arange(n_taps - 1) / n_taps
        self.register_buffer("envelope", scale * 10 ** (-decay_db / 20 * fall), persistent=False)

    def taps(self) -> Float[Tensor, " tap"]:
        """Return all taps, the dry one included."""
        return torch.cat([self.impulse_response.new_ones(1), self.impulse_response * self.envelope])

    def init_state(self, batch_size: int) -> ConvolutionState:
        """Return the state before the first sample."""
        return convolution_state(batch_size, self.taps(), self.partition)

    def step(
        self, audio: Float[Tensor, "batch time"], *, state: ConvolutionState
    ) -> tuple[Float[Tensor, "batch time"], ConvolutionState]:
        """Return the next block, with the room, and the state."""
        return convolve_step(audio, self.taps(), state)

    def forward(self, audio: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
        """Return the whole signal with the room, by one FFT."""
        return convolve(audio, self.taps())
