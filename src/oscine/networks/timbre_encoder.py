"""The network that encodes residual timbre: audio in, z of every frame out."""

from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from oscine.functional.checks import require_batch
from oscine.functional.interpolation import refine_frames
from oscine.functional.mfcc import dct_matrix, log_mel_spectrogram
from oscine.networks.resnet import FrameNorm, ResNet
from oscine.networks.sequence import MOST_CHANNELS, SequenceConfig, make_sequence_layers
from oscine.networks.window import require_window
from oscine.streaming import require_count

_N_MELS = 128


class TimbreEncoderConfig(SequenceConfig, frozen=True):
    """The kind and the sizes of a `TimbreEncoder`."""

    default_sizes: ClassVar[dict[str, dict[str, Any]]] = {
        **SequenceConfig.default_sizes,
        "resnet": {"resnet": "small"},
    }

    kind: Literal["gru", "tcn", "conformer", "resnet"] = "gru"
    """``gru``, ``tcn``, ``conformer``: sequence layers on MFCCs. ``resnet``: a residual network on bands."""
    z_size: int = Field(default=16, ge=1, le=1024)
    """Channels of z."""
    hidden_size: int = Field(default=512, ge=1, le=MOST_CHANNELS)
    """Channels of each sequence layer; does not apply to a ``resnet``."""
    n_mfcc: int = Field(default=30, ge=2, le=128)
    """Mel-frequency cepstral coefficients, of 128 mel bands; does not apply to a ``resnet``."""
    resnet: Literal["tiny", "small", "medium", "large"] | None = None
    """Size of the residual network (`oscine.networks.resnet`) of a ``resnet`` (default ``small``)."""
    frames_per_z: int = Field(default=8, ge=1, le=256)
    """Frames of controls per value of z; 8 frames of 4 ms give the paper's 125 values in 4 s."""
    causal: bool = False
    """Whether the network uses no later spectra. The window of a spectrum still ends `frames_per_z` frames
    after its instant, and z is interpolated between two values. So a causal encoder looks ahead by up to
    ``2 · frames_per_z − 1`` frames."""

    @model_validator(mode="after")
    def _fields_apply_to_the_kind(self) -> "TimbreEncoderConfig":
        if self.kind == "resnet":
            self._require_default("hidden_size", "n_mfcc")
        return self


class TimbreEncoder(nn.Module):
    """Residual timbre (z) from audio: ``MFCCs → instance norm → GRU → dense → z``.

    The norm uses the mean and the deviation of each coefficient over the whole sound, or, if ``causal``, over
    the sound so far. A TCN or a Conformer may replace the GRU; all three are causal. The kind ``resnet`` is
    ``log-mel spectrogram → frame norm → ResNet → mean over bins → dense → z``; it uses the frames on
    both sides, or, if ``causal``, those before. There is one value of z per `frames_per_z` frames. The window
    of its spectrum is twice as long and centred on the end of these frames.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame of controls.
        config: Kind and sizes.

    Raises:
        ValueError: When a rate is below 1, or the window is longer than 131072 samples.

    Reference: Engel et al., DDSP, ICLR 2020, appendix B.1. The residual form is an option of its public code;
    our norm makes z independent of the level.
    """

    def __init__(self, sample_rate: int, hop_length: int, config: TimbreEncoderConfig) -> None:
        super().__init__()
        require_count("sample_rate", sample_rate)
        require_count("hop_length", hop_length)
        require_window("frames_per_z", 2 * config.frames_per_z * hop_length)
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.config = config
        if config.resnet is None:
            self.norm = InstanceNorm(config.n_mfcc, config.causal)
            self.core = make_sequence_layers(config.n_mfcc, config)
        else:
            self.norm = FrameNorm(1)
            self.core = ResNet(config.resnet, config.causal)
        self.head = nn.Linear(self.core.width, config.z_size)

    def extra_repr(self) -> str:
        """Return the rates and the size of z."""
        return f"{self.sample_rate} Hz, hop {self.hop_length}, {self.config.z_size} channels of z"

    def forward(self, audio: Float[Tensor, "batch time"]) -> Float[Tensor, "batch frame z"]:
        """Return z for ``ceil(time / hop_length)`` frames.

        Raises:
            ValueError: When there is no item or no sample.
        """
        require_batch("audio", audio, "batch time")
        factor = self.config.frames_per_z
        hop_length = factor * self.hop_length
        bands = log_mel_spectrogram(
            audio,
            self.sample_rate,
            hop_length,
            n_fft=2 * hop_length,
            n_mels=_N_MELS,
            f_max_hz=min(8000.0, self.sample_rate / 2),
        )
        if self.config.resnet is None:
            coefficients = bands @ dct_matrix(self.config.n_mfcc, _N_MELS).to(bands).T
            hidden = self.core(self.norm(coefficients))
        else:
            hidden = self.core(self.norm(bands[:, None])).mean(-1).transpose(1, 2)
        return refine_frames(self.head(hidden), factor, -(-audio.shape[-1] // self.hop_length))


class InstanceNorm(nn.Module):
    """Normalises each channel of each item over time; then a learned scale and shift per channel.

    Args:
        n_channels: Channels.
        causal: Whether mean and deviation are those of the frames so far, not of all frames.
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
