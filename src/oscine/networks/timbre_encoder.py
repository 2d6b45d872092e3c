"""The network that hears timbre: audio in, the latent z of every frame out."""

from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from oscine.functional.interpolation import refine_frames
from oscine.functional.mfcc import dct_matrix, log_mel_spectrogram
from oscine.networks.core import CoreConfig, make_core
from oscine.networks.resnet import FrameNorm, ResNet

_N_MELS = 128


class TimbreEncoderConfig(CoreConfig, frozen=True):
    """The kind and the size of a `TimbreEncoder`."""

    own_sizes: ClassVar[dict[str, dict[str, Any]]] = {**CoreConfig.own_sizes, "resnet": {"resnet": "small"}}

    kind: Literal["gru", "tcn", "conformer", "resnet"] = "gru"
    """What listens: to MFCCs a `Core`, or to a log-mel spectrogram a residual network (``resnet``)."""
    z_size: int = Field(default=16, ge=1, le=1024)
    """Channels of z."""
    hidden_size: int = Field(default=512, ge=1, le=8192)
    """Width of the layers that remember; a ``resnet`` has none."""
    n_mfcc: int = Field(default=30, ge=2, le=128)
    """Mel-frequency cepstral coefficients heard, of 128 mel bands; a ``resnet`` hears the bands."""
    resnet: Literal["tiny", "small", "medium", "large"] | None = None
    """Size of the residual network (`oscine.networks.resnet`), ``small`` if not said."""
    frames_per_z: int = Field(default=8, ge=1, le=256)
    """Frames of controls for each value of z: 8 of 4 ms are the paper's 125 values in 4 s."""
    causal: bool = False
    """Listen to what was heard up to the spectrum's window, which ends a stretch of `frames_per_z` behind a
    value's instant, in place of the whole sound. Between two values z is interpolated, so that it hears up to
    ``2 · frames_per_z − 1`` frames ahead."""

    @model_validator(mode="after")
    def _a_resnet_hears_bands(self) -> "TimbreEncoderConfig":
        for name in ("hidden_size", "n_mfcc"):
            if self.kind == "resnet" and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} says nothing of a resnet; leave it out")
        return self


class TimbreEncoder(nn.Module):
    """z, what pitch and loudness don't tell: ``MFCCs → instance norm → GRU → dense → z``.

    The norm takes each coefficient's mean and deviation over the whole sound, or, if ``causal``, over the
    sound so far. In place of the GRU there may be another `Core`, all of which are causal. Or else a residual
    network, ``log-mel spectrogram → frame norm → ResNet → mean over bins → dense → z``, which looks at frames
    on both sides, or, if ``causal``, at those before. The window of a value's spectrum is twice as long as
    its stretch and centred on its end.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame of controls.
        config: Kind and sizes.

    Reference: Engel et al., DDSP, ICLR 2020, appendix B.1; the residual form is an option of its public code,
    without the norm, by which z does not depend on the level.
    """

    def __init__(self, sample_rate: int, hop_length: int, config: TimbreEncoderConfig) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.config = config
        if config.resnet is None:
            self.norm = InstanceNorm(config.n_mfcc, config.causal)
            self.core = make_core(config.n_mfcc, config)
        else:
            self.norm = FrameNorm(1)
            self.core = ResNet(config.resnet, config.causal)
        self.head = nn.Linear(self.core.width, config.z_size)

    def forward(self, audio: Float[Tensor, "batch time"]) -> Float[Tensor, "batch frame z"]:
        """Return z for ``ceil(time / hop_length)`` frames."""
        factor = self.config.frames_per_z
        hop_length = factor * self.hop_length
        heard = log_mel_spectrogram(
            audio,
            self.sample_rate,
            hop_length,
            n_fft=2 * hop_length,
            n_mels=_N_MELS,
            f_max_hz=min(8000.0, self.sample_rate / 2),
        )
        if self.config.resnet is None:
            coefficients = heard @ dct_matrix(self.config.n_mfcc, _N_MELS).to(heard).T
            hidden = self.core(self.norm(coefficients))
        else:
            hidden = self.core(self.norm(heard[:, None])).mean(-1).transpose(1, 2)
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
