"""The network that hears pitch: audio in, f0 of every frame out, learned rather than given."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from oscine.functional.interpolation import refine_frames
from oscine.functional.mfcc import log_mel_spectrogram
from oscine.functional.units import midi_to_hz
from oscine.networks.resnet import ResNet

_HIGHEST_MIDI = 127.0


class PitchEncoderConfig(BaseModel):
    """The size of a `PitchEncoder`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resnet: Literal["small", "medium", "large"] = "small"
    """Size of the residual network (`oscine.networks.resnet`)."""
    n_mels: int = Field(default=229, ge=16)
    """Bands of the log-mel spectrogram, 0 to 8 kHz."""
    n_bins: int = Field(default=256, ge=2)
    """Pitches, from MIDI 0 to 127, over which the network spreads its belief."""
    frames_per_pitch: int = Field(default=8, ge=1)
    """Frames of controls for each pitch: 8 of 4 ms are the paper's 125 pitches in 4 s."""


class HeardPitch(NamedTuple):
    """What a `PitchEncoder` heard."""

    f0_hz: Float[Tensor, "batch frame"]
    """The expected pitch, Hz."""
    belief: Float[Tensor, "batch coarse bin"]
    """The distribution over the pitches of which it is the mean."""
    midi: Float[Tensor, "batch coarse"]
    """The expected pitch on the encoder's own grid, semitones."""


class PitchEncoder(nn.Module):
    """f0 from a residual network on a log-mel spectrogram, by the mean of a distribution over pitches.

    ``p = (softplus(x) + 0.001) / Σ``, ``midi = Σ_b p_b · 127 b / (n_bins − 1)``: a softmax, in the paper's
    experience, led to NaN. The window is four stretches long and centred on a stretch's end.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame of controls.
        config: Sizes.

    Reference: Engel et al., DDSP, ICLR 2020, appendix B.1.
    """

    bin_midi: Tensor

    def __init__(self, sample_rate: int, hop_length: int, config: PitchEncoderConfig) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.config = config
        self.resnet = ResNet(config.resnet)
        self.head = nn.Linear(self.resnet.width * ResNet.n_bins(config.n_mels), config.n_bins)
        self.register_buffer("bin_midi", torch.linspace(0, _HIGHEST_MIDI, config.n_bins), persistent=False)

    def forward(self, audio: Float[Tensor, "batch time"]) -> HeardPitch:
        """Return the pitch of ``ceil(time / hop_length)`` frames."""
        factor = self.config.frames_per_pitch
        hop_length = factor * self.hop_length
        spectrogram = log_mel_spectrogram(
            audio,
            self.sample_rate,
            hop_length,
            n_fft=4 * hop_length,
            n_mels=self.config.n_mels,
            f_min_hz=0.0,
            f_max_hz=min(8000.0, self.sample_rate / 2),
        )
        features = self.resnet(spectrogram[:, None])
        weight = nn.functional.softplus(self.head(features.transpose(1, 2).flatten(2))) + 1e-3
        belief = weight / weight.sum(-1, keepdim=True)
        midi = belief @ self.bin_midi
        fine = refine_frames(midi[..., None], factor, -(-audio.shape[-1] // self.hop_length))[..., 0]
        return HeardPitch(midi_to_hz(fine), belief, midi)
