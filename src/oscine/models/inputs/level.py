"""How loud the sound is: loudness in both published definitions, and the level on a short window."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from oscine.data.statistics import Statistics
from oscine.functional.framing import frame_centers
from oscine.functional.loudness import paper_loudness_db, rms_power_db
from oscine.models.inputs.base import InputConfig, ScaledInput, require

#: Frames whose windows are in memory at once: a window of 128 ms every 4 is 32 times the audio.
_FRAMES_AT_ONCE = 4096
_WINDOW_S = 0.006
_FLOOR_DB = -120.0


class Loudness(ScaledInput):
    """The A-weighted loudness, dB, by the later public definition (`oscine.functional.loudness_db`)."""

    unit = "dB"
    minimum, maximum, default = -120.0, 60.0, -80.0

    def __init__(self) -> None:
        super().__init__("loudness_db", 1 / 80, 1.0)

    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame"]:
        """Return the loudness that was measured with the pitch."""
        return require(features, "loudness_db")

    def silence(self, first: Float[Tensor, "batch 1"], n_frames: int) -> Float[Tensor, "batch frame"]:
        """Return the level of silence."""
        return torch.full_like(first, self.default).expand(-1, n_frames)


class LoudnessConfig(InputConfig):
    """The loudness by the later public definition."""

    kind: Literal["loudness"] = "loudness"

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> Loudness:
        """Return the input."""
        return Loudness()


class _FromAudio(ScaledInput):
    """A level that is measured on windows of the audio."""

    unit = "dB"
    minimum, maximum, default = -160.0, 60.0, _FLOOR_DB

    def __init__(self, name: str, sample_rate: int, hop_length: int) -> None:
        super().__init__(name, 1 / 120, 1.0)
        self.sample_rate, self.hop_length = sample_rate, hop_length

    def measure(
        self, audio: Float[Tensor, "batch time"], features: Mapping[str, Tensor]
    ) -> Float[Tensor, "batch frame"]:
        """Return the level at the frames' instants."""
        n_frames = -(-audio.shape[-1] // self.hop_length)
        centers = frame_centers(n_frames, self.hop_length, self.sample_rate, self.sample_rate)
        with torch.no_grad():
            parts = [self.level_db(audio, part) for part in centers.to(audio.device).split(_FRAMES_AT_ONCE)]
            return torch.cat(parts, dim=-1)

    def silence(self, first: Float[Tensor, "batch 1"], n_frames: int) -> Float[Tensor, "batch frame"]:
        """Return the level of silence."""
        return torch.full_like(first, self.default).expand(-1, n_frames)

    @abstractmethod
    def level_db(
        self, audio: Float[Tensor, "batch time"], centers: Int[Tensor, " frame"]
    ) -> Float[Tensor, "batch frame"]:
        """Return the level on windows around these samples."""


class PaperLoudness(_FromAudio):
    """The loudness by the definition of the paper's time (`oscine.functional.paper_loudness_db`)."""

    def __init__(self, sample_rate: int, hop_length: int) -> None:
        super().__init__("paper_loudness_db", sample_rate, hop_length)

    def level_db(
        self, audio: Float[Tensor, "batch time"], centers: Int[Tensor, " frame"]
    ) -> Float[Tensor, "batch frame"]:
        """Return the loudness at these samples."""
        return paper_loudness_db(audio, centers, self.sample_rate)


class PaperLoudnessConfig(InputConfig):
    """The loudness by the paper's definition; it also reflects noise between the harmonics."""

    kind: Literal["paper_loudness"] = "paper_loudness"

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> PaperLoudness:
        """Return the input."""
        return PaperLoudness(sample_rate, hop_length)


class Level(_FromAudio):
    """The mean power on a window of 6 ms, dB: it follows attacks that the loudness smooths."""

    def __init__(self, sample_rate: int, hop_length: int) -> None:
        super().__init__("level_db", sample_rate, hop_length)

    def level_db(
        self, audio: Float[Tensor, "batch time"], centers: Int[Tensor, " frame"]
    ) -> Float[Tensor, "batch frame"]:
        """Return the level at these samples."""
        n_window = max(1, round(_WINDOW_S * self.sample_rate))
        return rms_power_db(audio, centers, n_window, _FLOOR_DB)


class LevelConfig(InputConfig):
    """The level on a window of 6 ms."""

    kind: Literal["level"] = "level"

    def build(self, sample_rate: int, hop_length: int, statistics: Statistics | None) -> Level:
        """Return the input."""
        return Level(sample_rate, hop_length)
