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
#: Of a full-scale sine's magnitude, −94 dB. What is below differs from tape to tape and tells no pitch:
#: hearing down to −154 dB, an encoder that had learned from synthetic tones was twice as far off in notes.
_FLOOR = 2e-5


class PitchEncoderConfig(BaseModel):
    """The size of a `PitchEncoder`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    resnet: Literal["tiny", "small", "medium", "large"] = "small"
    """Size of the residual network (`oscine.networks.resnet`)."""
    n_mels: int = Field(default=229, ge=16, le=512)
    """Bands of the log-mel spectrogram, 0 to 8 kHz."""
    n_bins: int = Field(default=256, ge=2, le=4096)
    """Pitches, from MIDI 0 to 127, over which the network spreads its belief."""
    frames_per_pitch: int = Field(default=8, ge=1, le=256)
    """Frames of controls for each pitch: 8 of 4 ms are the paper's 125 pitches in 4 s."""
    causal: bool = False
    """Hear the spectrum's window, two stretches of `frames_per_pitch` to both sides of a pitch's instant, and
    what is before, in place of more on both sides. Between two pitches f0 is interpolated, so that it hears
    up to ``3 · frames_per_pitch − 1`` frames ahead."""


class HeardPitch(NamedTuple):
    """What a `PitchEncoder` heard."""

    f0_hz: Float[Tensor, "batch frame"]
    """The expected pitch, Hz."""
    belief: Float[Tensor, "batch coarse bin"]
    """The distribution over the pitches of which it is the mean."""
    midi: Float[Tensor, "batch coarse"]
    """The expected pitch on the encoder's own grid, semitones."""


def surprise(
    belief: Float[Tensor, "batch coarse bin"],
    midi: Float[Tensor, "batch coarse"],
    weight: Float[Tensor, "batch coarse"],
) -> Float[Tensor, ""]:
    """Return the cross-entropy of a belief with the truth, ``−Σ_t w_t Σ_b q_tb ln p_tb / Σ_t w_t``.

    ``q`` has the true pitch as its mean: it is shared between the two pitches around it.

    Args:
        belief: Distributions over MIDI 0 … 127, evenly spaced.
        midi: The true pitch, semitones.
        weight: Of each moment, 0 or more.

    Returns:
        Nats; at least the entropy of q, which is below ln 2.
    """
    n_bins = belief.shape[-1]
    position = midi / _HIGHEST_MIDI * (n_bins - 1)
    below = position.floor().clamp(0, n_bins - 2)
    share = (position - below).clamp(0.0, 1.0)
    index = torch.stack([below, below + 1], dim=-1).long()
    log_p = torch.log(belief).gather(-1, index)
    truth = torch.stack([1 - share, share], dim=-1)
    return -((truth * log_p).sum(-1) * weight).sum() / weight.sum().clamp(min=1e-9)


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
        self.resnet = ResNet(config.resnet, config.causal)
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
            eps=hop_length * _FLOOR,
        )
        features = self.resnet(spectrogram[:, None])
        weight = nn.functional.softplus(self.head(features.transpose(1, 2).flatten(2))) + 1e-3
        belief = weight / weight.sum(-1, keepdim=True)
        midi = belief @ self.bin_midi
        fine = refine_frames(midi[..., None], factor, -(-audio.shape[-1] // self.hop_length))[..., 0]
        return HeardPitch(midi_to_hz(fine), belief, midi)
