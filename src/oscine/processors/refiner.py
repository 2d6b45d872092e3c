"""A network that corrects the sound of a synthesiser: gain and phase of every bin of its spectrum."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Complex, Float
from pydantic import Field
from torch import Tensor, nn

from oscine.functional.causal_stft import (
    CausalStftState,
    causal_stft_state,
    causal_stft_step,
    inverse_causal_stft_step,
)
from oscine.functional.checks import require_batch
from oscine.networks.tcn import Tcn, TcnState
from oscine.processors.base import PartConfig, Processor, require_rates
from oscine.streaming import require_count

#: How far a bin is corrected: 26 dB.
MOST_GAIN_NEPERS = 3.0
MOST_HIDDEN, MOST_REFINER_LAYERS = 1024, 12
#: Mean square of a frame that counts as silence, −90 dB; and of a bin in proportion to the frame's, −60 dB.
_SILENCE, _FLOOR = 1e-9, 1e-6


class RefinerState(NamedTuple):
    """The state of a `Refiner` between two blocks."""

    analysis: CausalStftState
    """The last samples of the signal."""
    level: Float[Tensor, " batch"]
    """Logarithm of the last frame's mean square."""
    network: TcnState
    """Past frames of the network."""
    synthesis: CausalStftState
    """Sound to which later frames are added."""


class Refiner(Processor[RefinerState]):
    """The signal with gain and phase of every bin corrected by a network: ``Y = X · e^{g + iφ}``.

    X is the short-time spectrum of the signal (`oscine.functional.causal_stft`). The network, a `Tcn` over
    frames, reads its magnitudes and phases in proportion to the frame's level, how that level changes, and
    f0. So a constant factor on the signal is one on the output, above −90 dB. ``g`` is within ± 26 dB.

    Before training it is a delay. Its latency is ``n_fft − hop_length`` samples.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame of f0, and from spectrum to spectrum.
        window_frames: Length of a spectrum's window in frames, even; ``n_fft = window_frames · hop_length``.
        hidden_size: Channels of the network.
        n_layers: Its layers of gated, dilated convolutions.
        kernel_size: Frames that each of them combines.

    Raises:
        ValueError: When a size is not a positive whole number, or ``window_frames`` is odd.

    Reference: the idea of a network behind a vocoder, trained with it or after it, is that of many systems;
        the losses of its second stage are `oscine.losses.AdversarialLoss`.

    Examples:
        >>> refiner = Refiner(16000, hop_length=64)
        >>> refiner.latency
        448
        >>> refiner(torch.randn(1, 640), torch.full((1, 10), 440.0)).shape
        torch.Size([1, 640])
    """

    signals = ("audio",)
    inputs = ("f0_hz",)

    def __init__(
        self,
        sample_rate: int,
        hop_length: int,
        window_frames: int = 8,
        hidden_size: int = 128,
        n_layers: int = 4,
        kernel_size: int = 3,
    ) -> None:
        super().__init__()
        require_rates(sample_rate, hop_length)
        require_count("window_frames", window_frames, at_least=2)
        if window_frames % 2:
            raise ValueError(f"window_frames is {window_frames}; give an even number.")
        self.sample_rate, self.hop_length = sample_rate, hop_length
        self.n_fft = window_frames * hop_length
        n_bins = self.n_fft // 2 + 1
        self.network = Tcn(3 * n_bins + 2, hidden_size, n_layers, kernel_size)
        self.head = nn.Linear(hidden_size, 2 * n_bins)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def latency(self) -> int:
        """Samples by which the output lags the input."""
        return self.n_fft - self.hop_length

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.n_fft} samples, hop {self.hop_length}, latency {self.latency}, {self.sample_rate} Hz"

    def init_state(self, batch_size: int, seed: int = 0) -> RefinerState:
        """Return the state before the first sample."""
        # Tensors of its own for each way: an exported step takes equal ones for a single input.
        analysis, synthesis = (
            causal_stft_state(batch_size, self.n_fft, self.hop_length, self.device) for _ in range(2)
        )
        level = torch.full((batch_size,), _SILENCE, device=self.device).log()
        return RefinerState(analysis, level, self.network.init_state(batch_size, seed), synthesis)

    def step(
        self,
        audio: Float[Tensor, "batch time"],
        f0_hz: Float[Tensor, "batch frame"],
        *,
        state: RefinerState,
    ) -> tuple[Float[Tensor, "batch time"], RefinerState]:
        """Return the next block, corrected, and the state.

        Args:
            audio: Next samples, ``frame · hop_length`` of them.
            f0_hz: Fundamental, Hz.
            state: From the block before.

        Raises:
            ValueError: When the audio does not have a hop for every frame.
        """
        require_batch("f0_hz", f0_hz, "batch frame")
        if tuple(audio.shape) != (f0_hz.shape[0], f0_hz.shape[1] * self.hop_length):
            raise ValueError(
                f"audio is {tuple(audio.shape)} and f0_hz {tuple(f0_hz.shape)}; give {self.hop_length} "
                "samples for each frame."
            )
        sizes = {"n_fft": self.n_fft, "hop_length": self.hop_length}
        spectra, analysis = causal_stft_step(audio, state.analysis, **sizes)
        seen, level = self._seen(spectra, f0_hz, state.level)
        hidden, network = self.network.step(seen, state=state.network)
        gain, turn = self.head(hidden).chunk(2, dim=-1)
        gain = MOST_GAIN_NEPERS * torch.tanh(gain / MOST_GAIN_NEPERS)
        output, synthesis = inverse_causal_stft_step(
            spectra * torch.polar(gain.exp(), turn), state.synthesis, **sizes
        )
        return output, RefinerState(analysis, level, network, synthesis)

    def _seen(
        self,
        spectra: Complex[Tensor, "batch frame bin"],
        f0_hz: Float[Tensor, "batch frame"],
        last_level: Float[Tensor, " batch"],
    ) -> tuple[Float[Tensor, "batch frame channel"], Float[Tensor, " batch"]]:
        """Return what the network reads of each frame, and the last frame's level."""
        # In units of a mean square: a Hann window has n_fft / 2, and a real signal has two of each bin.
        power = (spectra.real.square() + spectra.imag.square()) * (4.0 / self.n_fft**2)
        mean = power.sum(-1, keepdim=True) + _SILENCE
        level = mean[..., 0].log()
        change = level - torch.cat([last_level.to(level.dtype).unsqueeze(1), level[:, :-1]], dim=1)
        share = power / mean + _FLOOR
        # Square roots of the magnitudes, with their phases.
        scaled = spectra * (2.0 / self.n_fft * mean.rsqrt() * share.rsqrt().sqrt())
        pitch = torch.log2(f0_hz.clamp(min=1.0) / 440.0)
        # Magnitudes from about −1 to 1.
        features = [0.15 * share.log() + 1.0, scaled.real, scaled.imag]
        numbers = torch.stack([change.clamp(-3.0, 3.0), pitch], dim=-1)
        return torch.cat([*features, numbers], dim=-1), level[:, -1]


class RefinerConfig(PartConfig):
    """A network that corrects gain and phase of every bin of the signal's spectrum."""

    kind: Literal["refiner"] = "refiner"
    window_frames: int = Field(default=8, ge=2, le=64, multiple_of=2)
    """Length of a spectrum's window in frames; the latency is one frame less."""
    hidden_size: int = Field(default=128, ge=1, le=MOST_HIDDEN)
    """Channels of the network."""
    n_layers: int = Field(default=4, ge=1, le=MOST_REFINER_LAYERS)
    """Layers of gated, dilated convolutions."""
    kernel_size: int = Field(default=3, ge=1, le=16)
    """Frames that each convolution combines."""

    def build(self, sample_rate: int, hop_length: int) -> Refiner:
        """Return the refiner."""
        return Refiner(
            sample_rate, hop_length, self.window_frames, self.hidden_size, self.n_layers, self.kernel_size
        )
