"""The configuration that rebuilds an instrument, and is saved with its weights."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, model_validator

from oscine.errors import InputError
from oscine.models.inputs import AnyInput, CurveConfig, F0Config, IdentityConfig, LoudnessConfig
from oscine.networks import ControllerConfig
from oscine.processors import AnyPart, HarmonicConfig, NoiseConfig, ReverbConfig, require_parts

_MOST_INPUTS, _MOST_PARTS = 64, 64


class NotesConfig(BaseModel):
    """How the notes that an instrument learns from are played, and, unless told otherwise, all others."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    release_s: float = Field(default=0.12, ge=0.01, le=20.0)
    """Fall by 60 dB after the key is up, seconds."""


class InstrumentConfig(BaseModel):
    """Everything that `oscine.models.Instrument` is built from."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sample_rate: int = Field(default=44_100, ge=8_000, le=192_000)
    """Hz; of a trained instrument it is the dataset's."""
    hop_length: int = Field(default=176, ge=1, le=1 << 16)
    """Samples per frame of controls; of a trained instrument it is the dataset's."""
    inputs: tuple[AnyInput, ...] = Field(
        default=(F0Config(), LoudnessConfig()), min_length=1, max_length=_MOST_INPUTS
    )
    """The inputs of the network, in order."""
    all_curves: bool = False
    """Behind these inputs, training adds every other curve of the dataset as an input of kind ``curve``."""
    controller: ControllerConfig = ControllerConfig()
    """The network that predicts the controls."""
    synth: tuple[AnyPart, ...] = Field(
        default=(HarmonicConfig(), NoiseConfig()), min_length=1, max_length=_MOST_PARTS
    )
    """The parts that sound together."""
    effects: tuple[AnyPart, ...] = Field(default=(ReverbConfig(),), max_length=_MOST_PARTS)
    """The effects that their sum goes through, one after the other."""
    gate_below_db: float | None = Field(default=None, ge=0.0, le=60.0)
    """How far below the quietest frames with a pitch the sound begins to fall as the loudness does, dB; it
    does not if left out. It needs the input ``loudness``."""

    notes: NotesConfig | None = None
    """Learn from the notes of MIDI files beside the recordings, every note on a voice, and not from the
    recordings' own pitch and loudness; how these notes are played."""

    @property
    def frame_rate(self) -> float:
        """Frames of controls per second."""
        return self.sample_rate / self.hop_length

    @property
    def identities(self) -> tuple[str, ...]:
        """Names of the instruments in it, where one network has learned several; else none."""
        return next((one.names for one in self.inputs if isinstance(one, IdentityConfig)), ())

    def fit(
        self, sample_rate: int, hop_length: int, curves: Sequence[str], identities: Sequence[str]
    ) -> "InstrumentConfig":
        """Return the config at a dataset's rates, with its curves and instruments.

        Raises:
            InputError: When the dataset lacks what an input needs, or has too many curves.
        """
        inputs = (*(one.fit(curves, identities) for one in self.inputs), *self._other_curves(curves))
        update = {"sample_rate": sample_rate, "hop_length": hop_length, "inputs": inputs, "all_curves": False}
        return self.model_copy(update=update)

    def _other_curves(self, curves: Sequence[str]) -> list[CurveConfig]:
        if not self.all_curves:
            return []
        if not curves:
            raise InputError(
                "The recipe takes all curves of the dataset, which has none; put NAME.curves.csv beside each "
                "recording and prepare them again."
            )
        named = {one.name for one in self.inputs if isinstance(one, CurveConfig)}
        others = [CurveConfig(name=name) for name in curves if name not in named]
        if (n_inputs := len(self.inputs) + len(others)) > _MOST_INPUTS:
            raise InputError(
                f"With all {len(curves)} curves of the dataset, the instrument would have {n_inputs} inputs; "
                f"list the curves that it needs, {_MOST_INPUTS} inputs at most."
            )
        return others

    @model_validator(mode="after")
    def _gate_has_a_loudness(self) -> "InstrumentConfig":
        if self.gate_below_db is not None and not any(isinstance(one, LoudnessConfig) for one in self.inputs):
            raise ValueError(
                "gate_below_db needs the input loudness; add {kind: loudness} to `inputs`, or set "
                "gate_below_db to null."
            )
        return self

    @model_validator(mode="after")
    def _names_are_distinct(self) -> "InstrumentConfig":
        require_parts([*self.synth, *self.effects])
        return self
