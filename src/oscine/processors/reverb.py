"""Reverb: convolution with a learned impulse response."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from oscine.functional.convolution import ConvolutionState, convolution_state, convolve, convolve_step
from oscine.processors.base import PartConfig, Processor
from oscine.streaming import Program, Wire, require_count, require_finite

LONGEST_S = 20.0


class Reverb(Processor[ConvolutionState]):
    """The signal and its reverberation, ``y = x + h ∗ x``.

    The tap at zero, the dry sound, is fixed at 1 and no part of ``h``. Latency 0, offline (one FFT) and in
    a stream (partitions).

    The taps are the parameter times an envelope that falls by ``decay_db`` over the response, since rooms
    decay. Without it, an optimiser like Adam moves every tap by about its learning rate, however little the
    tap matters, and thousands of taps add up to noise above the dry sound; the envelope's ``scale`` makes
    their steps small.

    Args:
        n_taps: Length of the impulse response, samples, the dry tap included.
        scale: First value of the envelope.
        decay_db: Fall of the envelope from the first tap to the last, dB.

    Attributes:
        impulse_response: The learned numbers behind taps 1 … n_taps − 1.
        envelope: The factor on each of them.

    Raises:
        ValueError: When there are fewer than 2 taps, or a number is not finite.
    """

    signals = ("audio",)

    envelope: Tensor

    def __init__(self, n_taps: int, scale: float = 0.5, decay_db: float = 60.0) -> None:
        super().__init__()
        require_count("n_taps", n_taps, at_least=2)
        require_finite("scale", scale)
        require_finite("decay_db", decay_db)
        self.n_taps = n_taps
        self.impulse_response = nn.Parameter(torch.zeros(n_taps - 1))
        with torch.device("cpu"):  # arithmetic on "meta" imports PyTorch's compiler, which takes a second
            fall = torch.arange(n_taps - 1) / n_taps
            envelope = scale * 10 ** (-decay_db / 20 * fall)
        self.register_buffer("envelope", envelope.to(self.impulse_response.device), persistent=False)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.n_taps} taps"

    def taps(self) -> Float[Tensor, " tap"]:
        """Return all taps, the dry one included."""
        return torch.cat([self.impulse_response.new_ones(1), self.impulse_response * self.envelope])

    def init_state(self, batch_size: int, seed: int = 0) -> ConvolutionState:
        """Return the state before the first sample."""
        return convolution_state(batch_size, self.n_taps, self.device)

    def step(
        self, audio: Float[Tensor, "batch time"], *, state: ConvolutionState
    ) -> tuple[Float[Tensor, "batch time"], ConvolutionState]:
        """Return the next block, with the reverberation, and the state."""
        return convolve_step(audio, self.taps(), state)

    def forward(self, audio: Float[Tensor, "batch time"], *, seed: int = 0) -> Float[Tensor, "batch time"]:
        """Return the whole signal with the reverberation, by one FFT."""
        del seed
        return convolve(audio, self.taps())

    def lower(self, program: Program, audio: Wire) -> Wire:
        """Append the reverberation to a program."""
        return program.convolve(audio, self.taps())


class ReverbConfig(PartConfig):
    """A learned impulse response."""

    kind: Literal["reverb"] = "reverb"
    ir_s: float = Field(default=1.0, gt=0.0, le=LONGEST_S)
    """Length of the impulse response, seconds."""

    def build(self, sample_rate: int, hop_length: int) -> Reverb:
        """Return the reverb."""
        return Reverb(max(2, round(self.ir_s * sample_rate)))
