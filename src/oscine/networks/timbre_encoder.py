"""The network that hears timbre: audio in, the latent z of every frame out."""

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from oscine.functional.interpolation import refine_frames
from oscine.functional.mfcc import mfcc
from oscine.networks.recurrent import Recurrent


class TimbreEncoderConfig(BaseModel):
    """The size of a `TimbreEncoder`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    z_size: int = Field(default=16, ge=1)
    """Channels of z."""
    hidden_size: int = Field(default=512, ge=1)
    """Width of the recurrent layer."""
    n_mfcc: int = Field(default=30, ge=2, le=128)
    """Mel-frequency cepstral coefficients heard, of 128 mel bands."""
    frames_per_z: int = Field(default=8, ge=1)
    """Frames of controls for each value of z: 8 of 4 ms are the paper's 125 values in 4 s."""
    causal: bool = False
    """Normalise by what was heard so far in place of the whole sound."""


class TimbreEncoder(nn.Module):
    """z, what pitch and loudness don't tell: ``MFCCs → instance norm → GRU → dense → z``.

    The norm takes each coefficient's mean and deviation over the whole sound, or, if ``causal``, over the
    sound so far. The window of a value's MFCCs is twice as long as its stretch and centred on its end.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame of controls.
        config: Sizes.

    Reference: Engel et al., DDSP, ICLR 2020, appendix B.1.
    """

    def __init__(self, sample_rate: int, hop_length: int, config: TimbreEncoderConfig) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.config = config
        self.norm = InstanceNorm(config.n_mfcc, config.causal)
        self.core = Recurrent(config.n_mfcc, config.hidden_size)
        self.head = nn.Linear(self.core.width, config.z_size)

    def forward(self, audio: Float[Tensor, "batch time"]) -> Float[Tensor, "batch frame z"]:
        """Return z for ``ceil(time / hop_length)`` frames."""
        factor = self.config.frames_per_z
        hop_length = factor * self.hop_length
        coefficients = mfcc(
            audio,
            self.sample_rate,
            hop_length,
            n_mfcc=self.config.n_mfcc,
            n_fft=2 * hop_length,
            f_max_hz=min(8000.0, self.sample_rate / 2),
        )
        hidden = self.core(self.norm(coefficients))
        return refine_frames(self.head(hidden), factor, -(-audio.shape[-1] // self.hop_length))


class InstanceNorm(nn.Module):
    """Each channel of each item less its mean, over its deviation, in time; then a learned scale and shift.

    Args:
        n_channels: Channels.
        causal: Mean and deviation of the frames so far, in place of all.
        eps: Added to the variance.
    """

    def __init__(self, n_channels: int, causal: bool = False, eps: float = 1e-5) -> None:
        super().__init__()
        self.causal = causal
        self.eps = eps
        self.scale = nn.Parameter(torch.ones(n_channels))
        self.shift = nn.Parameter(torch.zeros(n_channels))

    def forward(self, x: Float[Tensor, "batch frame channel"]) -> Float[Tensor, "batch frame channel"]:
        """Return the normalised frames."""
        if self.causal:
            count = torch.arange(1, x.shape[1] + 1, dtype=x.dtype, device=x.device)[:, None]
            mean = x.cumsum(1) / count
            variance = (x.square().cumsum(1) / count - mean.square()).clamp(min=0.0)
        else:
            mean = x.mean(1, keepdim=True)
            variance = x.var(1, unbiased=False, keepdim=True)
        return (x - mean) * torch.rsqrt(variance + self.eps) * self.scale + self.shift
