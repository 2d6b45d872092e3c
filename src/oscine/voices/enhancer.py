"""`Enhancer`: a network that estimates the clean speech from speech in noise."""

import functools
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from oscine.functional import envelope_grid_hz, read_envelope
from oscine.functional.checks import require_batch
from oscine.networks import Tcn
from oscine.voices.network_file import read_network, write_network

_METADATA = "oscine.enhancer"
#: Range that the network is shown, dB per Hz; its middle and scale.
_FLOOR_DB, _MIDDLE_DB, _SCALE_DB = -130.0, -80.0, 20.0
#: A window has three frames, so that the squares of Hann windows add up to a constant.
_OVERLAP = 3


class EnhancerConfig(BaseModel):
    """Sizes of an enhancer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    """Version of the file."""
    sample_rate: int = Field(default=16_000, ge=8_000, le=48_000)
    """Hz."""
    hop_length: int = Field(default=160, ge=32, le=4_096)
    """Samples per frame."""
    n_bands: int = Field(default=80, ge=8, le=512)
    """Points of an envelope (`oscine.functional.envelope_grid_hz`)."""
    width: int = Field(default=136, ge=8, le=1_024)
    """Channels of the network."""
    n_layers: int = Field(default=7, ge=1, le=10)
    """Layers of its `Tcn`, kernel 3."""
    look_ahead: int = Field(default=8, ge=0, le=100)
    """Frames of look-ahead of the network."""


class CleanSpeech(NamedTuple):
    """The parameters of the speech in a noisy sound, frame by frame."""

    density_db: Float[Tensor, "batch frame band"]
    """Power density, dB of full scale squared per Hz."""
    noise_ratio_db: Float[Tensor, "batch frame band"]
    """Power of the voice's own noise over that of its partials, dB."""
    gain: Float[Tensor, "batch frame band"]
    """Factor on the noisy sound's amplitudes, 0 … 1: a mask."""


class Enhancer(nn.Module):
    """Noisy sound to `CleanSpeech`: densities of its bands through a `Tcn`, and three linear heads.

    Args:
        config: Sizes.

    Reference: the mask is that of Narayanan and Wang, Ideal ratio mask estimation, 2013; resynthesis is
    that of Maiti and Mandel, Parametric resynthesis with neural vocoders, 2019.
    """

    def __init__(self, config: EnhancerConfig | None = None) -> None:
        super().__init__()
        self.config = config or EnhancerConfig()
        self.tcn = Tcn(self.config.n_bands, self.config.width, self.config.n_layers, 3)
        self.heads = nn.Linear(self.config.width, 3 * self.config.n_bands)

    @property
    def frames_around(self) -> int:
        """Frames before and after a stretch on which its own frames depend."""
        return sum(self.tcn.n_past) + self.config.look_ahead + _OVERLAP

    def forward(self, noisy: Float[Tensor, "batch time"]) -> CleanSpeech:
        """Return what the speech does at the instants ``(t + 1) · hop_length``.

        Raises:
            ValueError: When there is no item or no sample.
        """
        require_batch("noisy", noisy, "batch time")
        config = self.config
        density_db = band_density_db(noisy, config.sample_rate, config.hop_length, config.n_bands)
        ahead = density_db.new_full((len(noisy), config.look_ahead, config.n_bands), _FLOOR_DB)
        scaled = (torch.cat([density_db, ahead], 1) - _MIDDLE_DB) / _SCALE_DB
        hidden = self.tcn(scaled)[:, config.look_ahead :]
        change, ratio, gain = self.heads(hidden).chunk(3, -1)
        return CleanSpeech(density_db + _SCALE_DB * change, _SCALE_DB * ratio, torch.sigmoid(gain))

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, weights as float16, the config in its header.

        Raises:
            OSError: When the disk refuses.
        """
        write_network(path, self, self.config, _METADATA)

    @staticmethod
    def load(path: str | Path) -> "Enhancer":
        """Return the network of a file.

        Raises:
            InputError: When the file is none of an enhancer.
            OSError: When it can't be read.
        """
        otherwise = "is not an enhancer; give a file that tools/make_enhancer.py wrote."
        return read_network(path, Enhancer, EnhancerConfig, _METADATA, otherwise)


def band_density_db(
    audio: Float[Tensor, "batch time"], sample_rate: int, hop_length: int, n_bands: int
) -> Float[Tensor, "batch frame band"]:
    """Return a sound's power densities at the instants ``(t + 1) · hop_length``, at least −130 dB per Hz.

    Windows are Hann's, three frames long; a band is the mean of triangular weights around its point.

    Args:
        audio: Full scale is 1; beyond its ends there is silence.
        sample_rate: Hz.
        hop_length: Samples per frame.
        n_bands: Points at `oscine.functional.envelope_grid_hz`.
    """
    n_fft = _OVERLAP * hop_length
    window = torch.hann_window(n_fft, dtype=audio.dtype, device=audio.device)
    power = windowed_spectrum(audio, hop_length).abs().square() * (2 / (window.square().sum() * sample_rate))
    density = power @ _band_weights(n_bands, n_fft, sample_rate).to(audio).T
    return 10 * torch.log10(density.clamp_min(10 ** (_FLOOR_DB / 10)))


def masked(
    noisy: Float[Tensor, "batch time"],
    gain: Float[Tensor, "batch frame band"],
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch time"]:
    """Return a sound with every band of every frame multiplied by a gain.

    Args:
        noisy: A sound of ``frame`` frames.
        gain: Factors on amplitudes, at the instants ``(t + 1) · hop_length``.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """
    n_fft = _OVERLAP * hop_length
    # More frames at both ends, so that the first and the last samples are in three frames too.
    gain = torch.cat([gain[:, :1], gain[:, :1], gain, gain[:, -1:]], 1)
    bins = torch.fft.rfftfreq(n_fft, 1 / sample_rate).expand(*gain.shape[:2], -1).to(gain)
    factors = read_envelope(gain, bins, sample_rate)
    padded = nn.functional.pad(noisy, (2 * hop_length, 2 * hop_length))
    frames = torch.fft.irfft(windowed_spectrum(padded, hop_length)[:, : factors.shape[1]] * factors, n_fft)
    # The squares of three Hann windows add up to 9 / 8.
    frames = frames * torch.hann_window(n_fft, dtype=noisy.dtype, device=noisy.device) * (8 / 9)
    length = (frames.shape[1] - 1) * hop_length + n_fft
    added = nn.functional.fold(frames.transpose(1, 2), (1, length), (1, n_fft), stride=(1, hop_length))
    start = n_fft // 2 + hop_length
    return added[:, 0, 0, start : start + noisy.shape[1]]


def windowed_spectrum(audio: Float[Tensor, "batch time"], hop_length: int) -> Tensor:
    """Return the spectra, (batch, frame, bin), around the instants ``(t + 1) · hop_length`` of a sound.

    Windows are Hann's, three frames long; there are as many as frames have begun at the sound's end.
    """
    n_fft = _OVERLAP * hop_length
    n_frames = -(-audio.shape[1] // hop_length)
    before = n_fft // 2 - hop_length
    padded = nn.functional.pad(audio, (before, n_frames * hop_length + n_fft - audio.shape[1]))
    frames = padded.unfold(-1, n_fft, hop_length)[:, :n_frames]
    return torch.fft.rfft(frames * torch.hann_window(n_fft, dtype=audio.dtype, device=audio.device))


@functools.lru_cache(maxsize=4)
def _band_weights(n_bands: int, n_fft: int, sample_rate: int) -> Float[Tensor, "band bin"]:
    """Return triangular weights around an envelope's points; between two bins a power is a straight line."""
    grid = envelope_grid_hz(n_bands, sample_rate)
    step = sample_rate / n_fft
    fine = torch.arange(0, sample_rate / 2 + 1, 4.0, dtype=torch.float64)
    edges = torch.cat([2 * grid[:1] - grid[1:2], grid, 2 * grid[-1:] - grid[-2:-1]])
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = torch.minimum((fine - low) / (peak - low), (high - fine) / (high - peak)).clamp_min(0)
    weights = weights / weights.sum(1, keepdim=True)
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * step
    between = (1 - (fine[:, None] - bins).abs() / step).clamp_min(0)
    return (weights @ between).float()
