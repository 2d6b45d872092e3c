"""The network that extracts pitch from audio: it learns to do so with the rest of the instrument."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from oscine.functional.checks import require_batch
from oscine.functional.interpolation import refine_frames
from oscine.functional.mfcc import log_mel_spectrogram
from oscine.functional.units import midi_to_hz
from oscine.networks.resnet import ResNet
from oscine.networks.window import require_window
from oscine.streaming import require_count

_HIGHEST_MIDI = 127.0
#: −94 dB, relative to the magnitude of a full-scale sine. Below it, recordings have noise that differs from
#: one to the next. With a floor of −154 dB, an encoder trained on synthetic tones had twice the pitch error.
_FLOOR = 2e-5


class PitchEncoderConfig(BaseModel):
    """The sizes of a `PitchEncoder`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    resnet: Literal["tiny", "small", "medium", "large"] = "small"
    """Size of the residual network (`oscine.networks.resnet`)."""
    n_mels: int = Field(default=229, ge=16, le=512)
    """Bands of the log-mel spectrogram, from 0 to 8 kHz."""
    n_bins: int = Field(default=256, ge=2, le=4096)
    """Pitches, evenly spaced from MIDI 0 to 127, that get a probability each."""
    frames_per_pitch: int = Field(default=8, ge=1, le=256)
    """Frames of controls per encoded pitch; 8 frames of 4 ms give the paper's 125 pitches in 4 s."""
    causal: bool = False
    """Whether the network uses no later spectra. The window of a spectrum still ends ``2 · frames_per_pitch``
    frames after its instant, and f0 is interpolated between two pitches. So a causal encoder looks ahead by
    up to ``3 · frames_per_pitch − 1`` frames."""


class EncodedPitch(NamedTuple):
    """The output of a `PitchEncoder`."""

    f0_hz: Float[Tensor, "batch frame"]
    """The expected pitch of every frame, Hz."""
    probabilities: Float[Tensor, "batch coarse bin"]
    """The pitch probabilities, of which the expected pitch is the mean."""
    midi: Float[Tensor, "batch coarse"]
    """The expected pitch on the encoder's own grid, semitones."""


def pitch_cross_entropy(
    probabilities: Float[Tensor, "batch coarse bin"],
    midi: Float[Tensor, "batch coarse"],
    weight: Float[Tensor, "batch coarse"],
) -> Float[Tensor, ""]:
    """Return the cross entropy of pitch probabilities, ``−Σ_t w_t Σ_b q_tb ln p_tb / Σ_t w_t``.

    The target ``q`` has the true pitch as its mean: it is divided between the two nearest pitches.

    Args:
        probabilities: Of the pitches from MIDI 0 to 127, evenly spaced.
        midi: The true pitch, semitones.
        weight: Of each instant, 0 or more.

    Returns:
        Nats; at least the entropy of q, which is ln 2 at most.
    """
    n_bins = probabilities.shape[-1]
    position = midi / _HIGHEST_MIDI * (n_bins - 1)
    below = position.floor().clamp(0, n_bins - 2)
    share = (position - below).clamp(0.0, 1.0)
    index = torch.stack([below, below + 1], dim=-1).long()
    log_p = torch.log(probabilities).gather(-1, index)
    target = torch.stack([1 - share, share], dim=-1)
    return -((target * log_p).sum(-1) * weight).sum() / weight.sum().clamp(min=1e-9)


class PitchEncoder(nn.Module):
    """f0 from audio: a residual network over a log-mel spectrogram predicts pitch probabilities.

    ``p = (softplus(x) + 0.001) / Σ``, ``midi = Σ_b p_b · 127 b / (n_bins − 1)``. The paper reports NaN with a
    softmax. There is one pitch per `frames_per_pitch` frames. The window of its spectrum is four times as
    long and centred on the end of these frames.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame of controls.
        config: Sizes.

    Raises:
        ValueError: When a rate is below 1, or the window is longer than 131072 samples.

    Reference: Engel et al., DDSP, ICLR 2020, appendix B.1.
    """

    bin_midi: Tensor

    def __init__(self, sample_rate: int, hop_length: int, config: PitchEncoderConfig) -> None:
        super().__init__()
        require_count("sample_rate", sample_rate)
        require_count("hop_length", hop_length)
        require_window("frames_per_pitch", 4 * config.frames_per_pitch * hop_length)
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.config = config
        self.resnet = ResNet(config.resnet, config.causal)
        self.head = nn.Linear(self.resnet.width * ResNet.n_bins(config.n_mels), config.n_bins)
        self.register_buffer("bin_midi", torch.linspace(0, _HIGHEST_MIDI, config.n_bins), persistent=False)

    def extra_repr(self) -> str:
        """Return the rates and sizes."""
        return f"{self.sample_rate} Hz, hop {self.hop_length}, {self.config.n_bins} pitches"

    def forward(self, audio: Float[Tensor, "batch time"]) -> EncodedPitch:
        """Return the pitch of ``ceil(time / hop_length)`` frames.

        Raises:
            ValueError: When there is no item or no sample.
        """
        require_batch("audio", audio, "batch time")
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
        probabilities = weight / weight.sum(-1, keepdim=True)
        midi = probabilities @ self.bin_midi
        fine = refine_frames(midi[..., None], factor, -(-audio.shape[-1] // self.hop_length))[..., 0]
        return EncodedPitch(midi_to_hz(fine), probabilities, midi)
