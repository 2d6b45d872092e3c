"""The configuration that rebuilds an instrument, and is saved with its weights."""

from pydantic import BaseModel, ConfigDict, Field

from oscine.networks.controller import ControllerConfig


class InstrumentConfig(BaseModel):
    """Everything that `oscine.models.Instrument` is built from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    @property
    def frame_rate(self) -> float:
        """Frames of controls per second."""
        return self.sample_rate / self.hop_length
