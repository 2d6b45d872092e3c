"""A spectral loss whose gradient has the right direction in pitch."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.errors import InputError
from oscine.functional.checks import require_whole
from oscine.functional.transport import spectral_transport
from oscine.losses.spectral import default_fft_sizes

Axis = Literal["semitones", "hz"]


class SpectralTransportLoss(nn.Module):
    """How far the energy of each frame's spectrum must move to become the target's, on average.

    ``W_1 = ∫ |F(x) − G(x)| dx`` between the two power spectra as distributions, averaged with the target's
    level as the weight (`oscine.functional.transport.spectral_transport`). Between a harmonic tone and
    the same tone moved by Δ semitones the loss is |Δ|, for any Δ. So its gradient points to the right pitch,
    where the sign of the gradient of `MultiScaleSpectralLoss` is random beyond half a semitone.

    The axis is in semitones by default, because a change of pitch moves all harmonics by the same number of
    semitones: the loss is this number, for any pitch and timbre. The spectra are power spectra, because in
    magnitude spectra the weak bins between the harmonics, which depend on phase, have as much weight as the
    harmonics together.

    The preferred pitch is only as right as the spectral envelope. The loss depends on the position of energy,
    not on the distance of harmonics: a prediction whose energy is an octave too high, because its fundamental
    is missing or its spectrum is flat, is moved an octave down. So the loss gives a pitch its direction, not
    its last semitone. Start with a falling spectrum, and combine it with a loss for the timbre. Its weight
    has to be large enough: the gradient of the multi-scale loss with respect to f0 is random in sign and
    about ten times as steep. About one in a hundred gradients of this loss is several times too steep, rarely
    a hundred times: clip them.

    Args:
        sample_rate: Hz.
        n_fft: Samples in a frame; 128 ms when left out.
        hop_length: Samples from frame to frame; half of ``n_fft`` when left out.
        axis: "semitones" or "hz", the unit of the loss.
        order: p of ``W_p^p``, at least 1; 2 gives semitones² or Hz².
        exponent: 2 to compare powers, 1 to compare magnitudes.
        f_min_hz: Bins below are left out, because rumble is far away on a logarithmic axis.
        floor_db: Level of a frame, in dB of a full-scale sine, below which it is silence.

    Raises:
        InputError: When the rate, a size, the order, the floor or ``f_min_hz`` cannot be used.

    Reference:
        Torres, Peeters, Richard: Unsupervised Harmonic Parameter Estimation Using Differentiable DSP and
        Spectral Optimal Transport, ICASSP 2024. There it is W_2 on a linear axis, in frames that reach beyond
        the ends of the audio.

    Examples:
        >>> time = torch.arange(16000) / 16000
        >>> low, high = torch.sin(2 * torch.pi * torch.tensor([[440.0], [880.0]]) * time)
        >>> round(float(SpectralTransportLoss(16000)(low, high)), 1)
        12.0
    """

    window: Tensor
    positions: Tensor

    def __init__(
        self,
        sample_rate: int = 16000,
        *,
        n_fft: int | None = None,
        hop_length: int | None = None,
        axis: Axis = "semitones",
        order: int | float = 1.0,
        exponent: int | float = 2.0,
        f_min_hz: int | float = 30.0,
        floor_db: int | float = -60.0,
    ) -> None:
        super().__init__()
        self.n_fft = default_fft_sizes(sample_rate)[0] if n_fft is None else n_fft
        self.hop_length = self.n_fft // 2 if hop_length is None else hop_length
        require_whole(sample_rate=sample_rate, n_fft=self.n_fft, hop_length=self.hop_length)
        if self.n_fft < 4:
            raise InputError(f"n_fft is {self.n_fft}; give at least 4 samples.")
        if not (order >= 1 and exponent > 0 and floor_db < 0):
            raise InputError(
                f"order is {order}, exponent {exponent}, floor_db {floor_db}; "
                "give an order of at least 1, a positive exponent and a negative floor."
            )
        self.order, self.exponent, self.floor_db = order, exponent, floor_db
        first = max(1, math.ceil(f_min_hz * self.n_fft / sample_rate))
        if first >= self.n_fft // 2:
            raise InputError(
                f"f_min_hz is {f_min_hz}; give a frequency below {sample_rate / 2} Hz, the Nyquist frequency."
            )
        bin_hz = torch.arange(first, self.n_fft // 2 + 1, dtype=torch.float64) * (sample_rate / self.n_fft)
        # Distances count, not places: from the first bin up, small numbers keep float32 exact.
        places = 12.0 * torch.log2(bin_hz / bin_hz[0]) if axis == "semitones" else bin_hz - bin_hz[0]
        window = torch.hann_window(self.n_fft, dtype=torch.float64)
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("positions", places.float(), persistent=False)

    def extra_repr(self) -> str:
        """Return the sizes."""
        sizes = f"windows of {self.n_fft} samples, hop {self.hop_length}"
        return f"{sizes}, order {self.order:g}, exponent {self.exponent:g}"

    def forward(self, audio: Float[Tensor, "*batch time"], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """Return the loss of ``audio`` against ``target``, a scalar, in the axis's unit to the ``order``."""
        return spectral_transport(
            audio,
            target,
            window=self.window,
            hop_length=self.hop_length,
            positions=self.positions,
            order=self.order,
            exponent=self.exponent,
            floor_db=self.floor_db,
        )
