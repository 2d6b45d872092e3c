"""A patch: the controls of a synthesiser over time, with the synthesiser itself, in one file."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from oscine.errors import InputError
from oscine.explain import explain
from oscine.files import parse_json, write_atomically
from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import F0Config
from oscine.networks import ControllerConfig
from oscine.processors import AnyPart, require_distinct_names
from oscine.tensor_file import read_header, read_tensors, require_fit

LONGEST_S = 600.0
"""The longest recording that a patch stands for, seconds."""

_METADATA = "oscine_patch"
_CONTROL, _WEIGHT = "controls.", "weights."
_PIECE_S = 10.0
_MOST_PARTS = 64
_LEEWAY = 1e-6
_MOST_OCTAVES, _MOST_STRETCH, _MOST_GAIN_DB = 6.0, 16.0, 60.0


class Residual(BaseModel):
    """What is left between a patch and its recording."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spectral_loss: float
    """Multi-scale spectral loss with the FFT sizes of the sample rate."""
    log_mel_db: float
    """Mean difference of log-mel spectra, windows of 50 ms, dB."""
    level_db: float
    """Level of the patch minus that of the recording, dB."""


class PatchConfig(BaseModel):
    """What a patch says about itself, beside its tensors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    """Version of the file's layout."""
    sample_rate: int = Field(ge=8_000, le=192_000)
    """Hz."""
    hop_length: int = Field(ge=1, le=1 << 16)
    """Samples per frame of controls."""
    n_samples: int = Field(ge=1)
    """Length of the recording."""
    seed: int = Field(ge=0, lt=1 << 31)
    """Seed of the noise."""
    synth: tuple[AnyPart, ...] = Field(min_length=1, max_length=_MOST_PARTS)
    """The parts that sound together."""
    effects: tuple[AnyPart, ...] = Field(default=(), max_length=_MOST_PARTS)
    """The effects that their sum goes through."""
    source: str = ""
    """The recording."""
    remarks: tuple[str, ...] = ()
    """What was wrong with the recording and repaired."""
    loss: str = ""
    """What the controls were fitted by."""
    residual: Residual | None = None
    """How near the patch is to the recording."""
    units: dict[str, str] = {}
    """Unit of each control, by name."""
    sha256: str = Field(default="0" * 64, pattern=r"^[0-9a-f]{64}$")
    """Of all tensors, in the order of their names: name, then bytes."""

    @model_validator(mode="after")
    def _can_be_played(self) -> "PatchConfig":
        require_distinct_names([*self.synth, *self.effects])
        if self.n_samples > LONGEST_S * self.sample_rate:
            raise ValueError(f"a patch has at most {LONGEST_S:g} s")
        return self

    def build(self) -> Instrument:
        """Return the synthesiser with weights as before training, in an instrument whose network is not used.

        Raises:
            InputError: When a part takes an input other than f0, or is not where it can be.
        """
        return Instrument(
            InstrumentConfig(
                sample_rate=self.sample_rate,
                hop_length=self.hop_length,
                inputs=(F0Config(),),
                controller=ControllerConfig(hidden_size=1),
                synth=self.synth,
                effects=self.effects,
            )
        )


@dataclass(frozen=True)
class Patch:
    """A recording as the controls of a synthesiser, frame by frame: `oscine.fit` makes one.

    Attributes:
        config: Rates, parts, seed and residual.
        instrument: The synthesiser; its network is not used.
        controls: By name, (frame,) or (frame, channel): ``f0_hz`` and all that the parts declare, such as
            ``harmonic.amplitude``. Frame t describes the instant ``(t + 1) · hop_length``.

    Example:
        >>> patch = oscine.fit("note.wav")                       # doctest: +SKIP
        >>> patch.save("note.safetensors")                       # doctest: +SKIP
        >>> audio, sample_rate = patch.play(octave=-1)           # doctest: +SKIP
    """

    config: PatchConfig
    instrument: Instrument
    controls: Mapping[str, Tensor]

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.config.sample_rate

    @property
    def n_frames(self) -> int:
        """Frames of controls: those of the recording, and of the synthesiser's latency."""
        return self.controls["f0_hz"].shape[0]

    @torch.no_grad()
    def play(
        self,
        *,
        octave: float | int = 0.0,
        gain_db: float | int = 0.0,
        stretch: float | int = 1.0,
        dry: bool = False,
        seed: int | None = None,
    ) -> tuple[Float[Tensor, " time"], int]:
        """Return the sound and its sample rate.

        Args:
            octave: Octaves to add to f0, −6 … 6, whole or not: 1/12 is a semitone. All other controls stay,
                so a harmonic spectrum moves with the pitch.
            gain_db: Gain before the effects, −60 … 60 dB.
            stretch: Factor on the length, 1/16 … 16; the pitch stays.
            dry: Leave out the effects.
            seed: Of the noise; the patch's own if left out.

        Returns:
            ``round(n_samples · stretch)`` samples, in time with the recording.

        Raises:
            InputError: When a value is out of its range.
        """
        for name, value, low, high in (
            ("octave", octave, -_MOST_OCTAVES, _MOST_OCTAVES),
            ("gain_db", gain_db, -_MOST_GAIN_DB, _MOST_GAIN_DB),
            ("stretch", stretch, 1 / _MOST_STRETCH, _MOST_STRETCH),
        ):
            if not low <= value <= high:
                raise InputError(f"{name} is {value}; give {low:g} … {high:g}.")
        instrument, hop_length = self.instrument, self.config.hop_length
        n_samples = max(1, round(self.config.n_samples * stretch))
        latency = instrument.latency_with(dry=dry)
        n_frames = -(-(n_samples + latency) // hop_length)
        controls = {
            name: _stretched(value, float(stretch), n_frames)[None] for name, value in self.controls.items()
        }
        controls["f0_hz"] = (controls["f0_hz"] * 2.0**octave).clamp(1.0, self.sample_rate / 2)
        state = instrument.play_state(1, self.config.seed if seed is None else seed)
        blocks = []
        for piece in pieces(n_frames, hop_length, self.sample_rate):
            part = {name: value[:, piece] for name, value in controls.items()}
            gain = torch.full_like(part["f0_hz"], 10.0 ** (gain_db / 20.0))
            audio, state = instrument.play(part, state=state, gain=gain, dry=dry)
            blocks.append(audio[0])
        return torch.cat(blocks)[latency : latency + n_samples], self.sample_rate

    def save(self, path: str | Path) -> None:
        """Write the patch to one .safetensors file, whole or not at all; what is there is replaced.

        Raises:
            InputError: When the name does not end in .safetensors.
            OSError: When the disk refuses.
        """
        path = require_patch_name(path)
        tensors = {_CONTROL + name: value for name, value in self.controls.items()}
        tensors |= {_WEIGHT + name: value for name, value in weights_of(self.instrument).items()}
        tensors = {name: value.detach().cpu().float().contiguous() for name, value in tensors.items()}
        config = self.config.model_copy(update={"sha256": _sha256(tensors), "units": _units(self.instrument)})
        content = safetensors.torch.save(tensors, {_METADATA: config.model_dump_json()})
        write_atomically(path, content)

    @classmethod
    def load(cls, path: str | Path) -> "Patch":
        """Return the patch in a file, which may be anybody's.

        Raises:
            InputError: When it is no patch, its tensors do not fit its parts or their sha256 differs, or a
                value is not finite or out of its control's range.
            OSError: When it can't be read.
        """
        header = read_header(path)
        if _METADATA not in header.metadata:
            raise InputError(f"{path} is not a patch; give a file that `oscine fit` wrote.")
        content = parse_json(header.metadata[_METADATA], f"The description in {path}")
        try:
            config = PatchConfig.model_validate(content)
            with torch.device("meta"):
                model = config.build()
        except ValidationError as error:
            raise InputError(f"{path} is not a patch: {explain(error, PatchConfig)}. Get it again.") from None
        except (ValueError, ArithmeticError) as error:
            raise InputError(f"{path} is not a patch: {str(error).rstrip('.')}.") from None
        if config.units != _units(model):
            raise InputError(f"{path} is not a patch: its units are not those of its controls. Get it again.")
        n_frames = -(-(config.n_samples + model.latency) // config.hop_length)
        shapes = {"f0_hz": (n_frames,)}
        shapes |= {one.name: (n_frames, one.size) if one.size else (n_frames,) for one in model.controls}
        expected = {_CONTROL + name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
        expected |= {_WEIGHT + name: value for name, value in weights_of(model).items()}
        require_fit(header.tensors, expected, path)
        tensors, _, _ = read_tensors(path)
        if _sha256(tensors) != config.sha256:
            raise InputError(f"{path} was changed or damaged: its sha256 differs. Get it again.")
        broken = next((name for name, value in tensors.items() if not value.isfinite().all()), None)
        if broken is not None:
            raise InputError(f"{path} can't be played: {broken} is not all finite numbers. Get it again.")
        controls = {name: tensors[_CONTROL + name] for name in shapes}
        limits = {"f0_hz": (1.0, config.sample_rate / 2)}
        limits |= {one.name: (one.minimum, one.maximum) for one in model.controls}
        for name, (low, high) in limits.items():
            leeway = _LEEWAY * (high - low)
            if (
                not low - leeway
                <= float(controls[name].min())
                <= float(controls[name].max())
                <= high + leeway
            ):
                raise InputError(f"{path} can't be played: {name} leaves {low:g} … {high:g}. Get it again.")
        instrument = config.build().eval()
        load_weights(instrument, {name: tensors[_WEIGHT + name] for name in weights_of(instrument)})
        return cls(config, instrument, controls)


def require_patch_name(path: str | Path) -> Path:
    """Return a patch's path.

    Raises:
        InputError: When its name does not end in .safetensors.
    """
    path = Path(path)
    if path.suffix.lower() != ".safetensors":
        raise InputError(f"{path} can't be a patch; its name must end in .safetensors.")
    return path


def pieces(n_frames: int, hop_length: int, sample_rate: int) -> Iterator[slice]:
    """Yield slices of frames that cover all, each about 10 s: a long sound is played in bounded memory."""
    n_pieces = max(1, round(n_frames * hop_length / sample_rate / _PIECE_S))
    step = math.ceil(n_frames / n_pieces)
    for start in range(0, n_frames, step):
        yield slice(start, min(start + step, n_frames))


def load_weights(instrument: Instrument, weights: Mapping[str, Tensor]) -> None:
    """Put the weights of synth and effects into an instrument; its network stays."""
    instrument.load_state_dict({**instrument.state_dict(), **weights})


def weights_of(instrument: Instrument) -> dict[str, Tensor]:
    """Return the weights of synth and effects."""
    return {
        name: value
        for name, value in instrument.state_dict().items()
        if name.partition(".")[0] in ("synth", "effects")
    }


def _units(instrument: Instrument) -> dict[str, str]:
    return {"f0_hz": "Hz", **{control.name: control.unit for control in instrument.controls}}


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _stretched(value: Tensor, stretch: float, n_frames: int) -> Tensor:
    """Return a control at ``n_frames`` instants that lie ``1 / stretch`` frames apart; its ends are held."""
    last = value.shape[0] - 1
    position = ((torch.arange(n_frames, dtype=torch.float64) + 1) / stretch - 1).clamp(0, last)
    before = position.floor().long()
    share = (position - before).to(value.dtype).reshape(-1, *[1] * (value.ndim - 1))
    return value[before].lerp(value[(before + 1).clamp(max=last)], share.expand(-1, *value.shape[1:]))
