"""`Converter`: a network that encodes the content of speech, and decodes it with another voice.

A content network brings each frame's envelope, about the speaker's mean, to a bottleneck, from which phones
can be told. A decoder looks up the frames of the target with similar content (attention), and makes the
envelope from what it read, the target's statistics, and the input's level, voicing and relative pitch.
"""

import functools
import math
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import torch
import torch.nn.functional as nnf
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from oscine import weights
from oscine.voices.network_file import read_network, write_network

_METADATA = "oscine.converter"
Phones = Annotated[int, Field(ge=1, le=1_024)]


class ConverterConfig(BaseModel):
    """Sizes of a converter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    """Version of the file."""
    sample_rate: int = Field(default=16_000, ge=8_000, le=48_000)
    """Hz."""
    hop_length: int = Field(default=160, ge=32, le=4_096)
    """Samples per frame."""
    n_bands: int = Field(default=80, ge=8, le=512)
    """Points of an envelope."""
    width: int = Field(default=96, ge=8, le=1_024)
    """Channels of both networks."""
    bottleneck: int = Field(default=48, ge=4, le=512)
    """Features of the content of speech."""
    n_phones: tuple[Phones, Phones] = (40, 51)
    """Phones of the two languages whose labels the content network learned: English, Russian."""


class SpokenFrames(NamedTuple):
    """A voice's frames as the converter takes them; shapes are in 10 dB."""

    shape: Float[Tensor, "batch frame band"]
    """Envelope about its own mean."""
    level: Float[Tensor, "batch frame"]
    """Power over that of the recording's loud frames, 20 dB."""
    voiced: Float[Tensor, "batch frame"]
    """0 … 1 (`oscine.voices.statistics.voicedness`)."""
    pitch: Float[Tensor, "batch frame"]
    """Over the voice's mean, half octaves."""
    statistics: Float[Tensor, "batch 4 band"]
    """Mean shape of voiced and of unvoiced frames, and the standard deviations."""

    def about_the_mean(self) -> Float[Tensor, "batch frame band"]:
        """Return the shapes about the speaker's means."""
        unvoiced, voiced = self.statistics[:, 1:2], self.statistics[:, 0:1]
        return self.shape - torch.lerp(unvoiced, voiced, self.voiced[..., None])


class Block(nn.Module):
    """A gated, dilated convolution over frames around the present one, residual.

    Args:
        width: Channels.
        dilation: Frames between those that it combines.
        n_speaker: Numbers about the speaker that scale and shift the channels; 0 for none.
    """

    def __init__(self, width: int, dilation: int, n_speaker: int = 0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, 2 * width, 3, padding=dilation, dilation=dilation)
        self.out = nn.Linear(width, width)
        self.cond = nn.Linear(n_speaker, 2 * width) if n_speaker else None

    def forward(
        self, x: Float[Tensor, "batch frame channel"], speaker: Float[Tensor, "batch speaker"] | None = None
    ) -> Float[Tensor, "batch frame channel"]:
        """Return as many channels."""
        h = self.norm(x)
        if self.cond is not None:
            scale, shift = self.cond(speaker)[:, None].chunk(2, -1)
            h = h * (1 + scale) + shift
        a, b = self.conv(h.transpose(1, 2)).transpose(1, 2).chunk(2, -1)
        return x + self.out(torch.tanh(a) * torch.sigmoid(b))


class ContentNetwork(nn.Module):
    """Frames to a bottleneck; ``heads`` predict English and Russian phones from it, for training."""

    def __init__(self, config: ConverterConfig) -> None:
        super().__init__()
        width = config.width
        self.bottleneck = config.bottleneck
        self.inputs = nn.Linear(config.n_bands + 2, width)
        self.blocks = nn.ModuleList(Block(width, dilation) for dilation in (1, 2, 4, 8, 1, 2, 4))
        self.norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(width, config.bottleneck)
        self.heads = nn.ModuleList(nn.Linear(config.bottleneck, n) for n in config.n_phones)

    def forward(self, frames: SpokenFrames) -> Float[Tensor, "batch frame content"]:
        """Return the content of speech, of mean 0 and deviation 1 in each frame."""
        x = torch.cat([frames.about_the_mean(), frames.level[..., None], frames.voiced[..., None]], -1)
        x = self.inputs(x)
        for block in self.blocks:
            x = block(self.drop(x))
        return nnf.layer_norm(self.out(self.norm(x)), (self.bottleneck,))


class ShapeDecoder(nn.Module):
    """Content and the frames of a target to shapes."""

    def __init__(self, config: ConverterConfig) -> None:
        super().__init__()
        width, n_key, n_speaker = config.width, 64, 64
        self.keys = nn.Sequential(nn.Linear(config.bottleneck + 2, 128), nn.SiLU(), nn.Linear(128, n_key))
        self.temperature = nn.Parameter(torch.tensor(math.log(2 / math.sqrt(n_key))))
        self.speaker = nn.Sequential(
            nn.Linear(4 * config.n_bands, 160), nn.SiLU(), nn.Dropout(0.1), nn.Linear(160, n_speaker)
        )
        self.inputs = nn.Linear(config.bottleneck + 3 + config.n_bands, width)
        self.blocks = nn.ModuleList(Block(width, dilation, n_speaker) for dilation in (1, 2, 4, 1, 2))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, config.n_bands)
        nn.init.zeros_(self.out.weight)

    def forward(
        self,
        content: Float[Tensor, "batch frame content"],
        frames: SpokenFrames,
        target_content: Float[Tensor, "batch known content"],
        target: SpokenFrames,
    ) -> Float[Tensor, "batch frame band"]:
        """Return the shapes with which the target says this, 10 dB.

        Args:
            content: Of the input.
            frames: Of it: level, voicing and pitch are used.
            target_content: Of the target's frames.
            target: These frames.
        """
        query = self._keys(content, frames)
        score = query @ self._keys(target_content, target).transpose(1, 2) * self.temperature.exp()
        read = score.softmax(-1) @ target.about_the_mean()
        voiced = frames.voiced[..., None]
        mean = torch.lerp(target.statistics[:, 1:2], target.statistics[:, 0:1], voiced)
        x = torch.cat([content, frames.level[..., None], voiced, frames.pitch[..., None], read], -1)
        x = self.inputs(x)
        speaker = self.speaker(target.statistics.flatten(1))
        for block in self.blocks:
            x = block(x, speaker)
        return mean + read + self.out(self.norm(x))

    def _keys(self, content: Tensor, frames: SpokenFrames) -> Tensor:
        return self.keys(torch.cat([content, frames.level[..., None], frames.voiced[..., None]], -1))


class Converter(nn.Module):
    """The two networks, in one file.

    Args:
        config: Sizes.

    Reference: reading the target's frames by attention is FragmentVC's (Lin et al., 2021); content freed of
    the speaker by changing the size of the head is NANSY's (Choi et al., 2021).
    """

    #: Frames before and after a stretch on which its own frames depend.
    frames_around = 22 + 10

    def __init__(self, config: ConverterConfig | None = None) -> None:
        super().__init__()
        self.config = config or ConverterConfig()
        self.content, self.decoder = ContentNetwork(self.config), ShapeDecoder(self.config)

    def forward(self, frames: SpokenFrames, target: SpokenFrames) -> Float[Tensor, "batch frame band"]:
        """Return the shapes with which the target says what the frames say, 10 dB."""
        return self.decoder(self.content(frames), frames, self.content(target), target)

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, weights as float16, the config in its header.

        Raises:
            OSError: When the disk refuses.
        """
        write_network(path, self, self.config, _METADATA)

    @staticmethod
    def load(path: str | Path) -> "Converter":
        """Return the network of a file.

        Raises:
            InputError: When the file is none of a converter.
            OSError: When it can't be read.
        """
        otherwise = "is not a converter; give a file that Converter.save wrote."
        return read_network(path, Converter, ConverterConfig, _METADATA, otherwise)


@functools.lru_cache(maxsize=1)
def built_in_converter() -> Converter:
    """Return the network in the package: 16 kHz, trained on LibriSpeech and festvox-ru."""
    return Converter.load(weights.path("converter"))
