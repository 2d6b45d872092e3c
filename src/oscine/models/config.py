"""The configuration that rebuilds an instrument, and is saved with its weights."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from oscine.data.curves import RESERVED
from oscine.networks import ControllerConfig, PitchEncoderConfig, TimbreEncoderConfig


class InstrumentConfig(BaseModel):
    """Everything that `oscine.models.Instrument` is built from."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sample_rate: int = Field(default=44_100, ge=8_000, le=192_000)
    """Hz."""
    hop_length: int = Field(default=176, ge=1)
    """Samples per frame of controls."""
    n_harmonics: int = Field(default=100, ge=1)
    """Partials of the harmonic oscillator."""
    n_noise_bands: int = Field(default=65, ge=2)
    """Bands of the filtered noise."""
    reverb_s: float = Field(default=1.0, ge=0.0, le=20.0)
    """Length of the learned impulse response, seconds; 0 for no room."""
    controller: ControllerConfig = ControllerConfig()
    """Sizes of the network."""
    timbre_encoder: TimbreEncoderConfig | None = None
    """Hears z, what pitch and loudness don't tell; none for an instrument of f0 and loudness alone."""
    pitch_encoder: PitchEncoderConfig | None = None
    """Hears f0, trained with the rest; none where f0 is given."""
    loudness: Literal["later", "paper", "both"] = "later"
    """Which definition drives it. ``paper`` is heard in audio; it tells of noise between the harmonics."""
    curves: tuple[str, ...] = ()
    """Further curves that drive the controller: ``periodicity``, ``centroid``, or a dataset's own."""
    voices: tuple[str, ...] = ()
    """Several instruments in one: their names, which are the folders of the recordings."""
    voice_size: int = Field(default=0, ge=0)
    """Channels of the voices' embedding; 0 to take a dataset's folders for one instrument."""

    @property
    def frame_rate(self) -> float:
        """Frames of controls per second."""
        return self.sample_rate / self.hop_length

    @field_validator("curves")
    @classmethod
    def _curves_have_names_of_their_own(cls, curves: tuple[str, ...]) -> tuple[str, ...]:
        for name in curves:
            if name in RESERVED or curves.count(name) > 1:
                raise ValueError(f"a curve can't be called {name!r}: it is taken")
        return curves

    @model_validator(mode="after")
    def _voices_have_a_size(self) -> "InstrumentConfig":
        if self.voices and not self.voice_size:
            raise ValueError("voices say nothing without a voice_size of 1 or more")
        return self
