"""A patch: the controls of a synthesiser over time, with the synthesiser itself, in one file."""

import functools
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
from oscine.fitting.knobs import at_places, onset_at_places, onset_of, require_knobs, tilted, turned
from oscine.models import Instrument, InstrumentConfig
from oscine.models.inputs import F0Config, OnsetConfig
from oscine.networks import ControllerConfig
from oscine.processors import AnyPart, build_parts, require_parts
from oscine.tensor_file import read_header, read_tensors, require_fit

LONGEST_S = 600.0
"""The longest recording that a patch stands for, seconds."""

_METADATA = "oscine_patch"
_CONTROL, _WEIGHT = "controls.", "weights."
_PIECE_S = 10.0
_MOST_PARTS = 64
_LEEWAY = 1e-6
_MOST_OCTAVES, _MOST_STRETCH, _MOST_GAIN_DB = 6.0, 16.0, 60.0
_MOST_SEMITONES, _MOST_TILT_DB = 24.0, 12.0


class Residual(BaseModel):
    """The remaining distance between a patch and its recording."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spectral_loss: float
    """Multi-scale spectral loss with the FFT sizes of the sample rate."""
    log_mel_db: float
    """Mean difference of log-mel spectra, windows of 50 ms, dB."""
    level_db: float
    """Level of the patch minus that of the recording, dB."""


class PatchConfig(BaseModel):
    """The description in a patch file, beside its tensors."""

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
    """The faults of the recording that were repaired."""
    loss: str = ""
    """The loss of the fit."""
    residual: Residual | None = None
    """How near the patch is to the recording."""
    units: dict[str, str] = {}
    """Unit of each control, by name."""
    sha256: str = Field(default="0" * 64, pattern=r"^[0-9a-f]{64}$")
    """Of all tensors, in the order of their names: name, then bytes."""

    @model_validator(mode="after")
    def _can_be_played(self) -> "PatchConfig":
        require_parts([*self.synth, *self.effects])
        if self.n_samples > LONGEST_S * self.sample_rate:
            raise ValueError(f"a patch has at most {LONGEST_S:g} s")
        return self

    @functools.cached_property
    def part_inputs(self) -> tuple[str, ...]:
        """The inputs of the parts, by name."""
        with torch.device("meta"):
            parts = build_parts([*self.synth, *self.effects], self.sample_rate, self.hop_length)
        return tuple(dict.fromkeys(name for part in parts.values() for name in part.inputs))

    @property
    def has_onset(self) -> bool:
        """Whether a part begins with a hit."""
        return "onset_s" in self.part_inputs

    def build(self) -> Instrument:
        """Return the synthesiser with weights as before training, in an instrument whose network is not used.

        Raises:
            InputError: When a part takes an input other than f0 and onset, or is not where it can be.
        """
        onset = (OnsetConfig(),) if self.has_onset else ()
        # An instrument has an input, whether or not a part takes it.
        pitch = (F0Config(),) if "f0_hz" in self.part_inputs or not onset else ()
        return Instrument(
            InstrumentConfig(
                sample_rate=self.sample_rate,
                hop_length=self.hop_length,
                inputs=(*pitch, *onset),
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
        controls: By name, (frame,) or (frame, channel): ``f0_hz`` or ``onset_s`` and all that the parts
            declare, such as ``harmonic.amplitude``. Frame t describes the instant ``(t + 1) · hop_length``.

    Examples:
        >>> patch = oscine.fit("note.wav")                       # doctest: +SKIP
        >>> patch.save("note.safetensors")                       # doctest: +SKIP
        >>> audio, sample_rate = patch.play(octave=-1)           # doctest: +SKIP
    """

    config: PatchConfig
    instrument: Instrument
    controls: Mapping[str, Tensor]

    def __repr__(self) -> str:
        """Return a line in words."""
        seconds = self.config.n_samples / self.sample_rate
        parts = " + ".join(part.part_name for part in (*self.config.synth, *self.config.effects))
        return f"patch: {seconds:.1f} s of {parts}, {self.sample_rate / 1000:g} kHz"

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.config.sample_rate

    @property
    def n_frames(self) -> int:
        """Frames of controls: those of the recording, and of the synthesiser's latency."""
        return next(iter(self.controls.values())).shape[0]

    @torch.no_grad()
    def play(
        self,
        *,
        octave: float | int = 0.0,
        gain_db: float | int = 0.0,
        stretch: float | int = 1.0,
        tune: float | int = 0.0,
        decay: float | int = 1.0,
        noise_db: float | int = 0.0,
        click_db: float | int = 0.0,
        brightness_db: float | int = 0.0,
        dry: bool = False,
        seed: int | None = None,
    ) -> tuple[Float[Tensor, " time"], int]:
        """Return the sound and its sample rate.

        Args:
            octave: Octaves to add to f0, −6 … 6, whole or not: 1/12 is a semitone. A harmonic spectrum moves
                with the pitch. So do the modes and the noise bands of a hit; a click stays.
            gain_db: Gain before the effects, −60 … 60 dB.
            stretch: Factor on the length, 1/16 … 16; the pitch stays.
            tune: Semitones to add, beside the octaves, −24 … 24.
            decay: Factor on the time that a hit takes to die away, 1/16 … 16. What is before its onset keeps
                its length.
            noise_db: Gain of the noise, −60 … 60 dB.
            click_db: Gain of the click, −60 … 60 dB.
            brightness_db: Slope of a filter on all that sounds, −12 … 12 dB per octave, 0 dB at 1 kHz.
            dry: Leave out the effects.
            seed: Of the noise; the patch's own if left out.

        Returns:
            ``round(n_samples · stretch)`` samples, in time with the recording; with another decay as many
            more or less as the hit is longer or shorter.

        Raises:
            InputError: When a value is out of its range, or no part of the patch has what it moves.
        """
        for name, value, low, high in (
            ("octave", octave, -_MOST_OCTAVES, _MOST_OCTAVES),
            ("gain_db", gain_db, -_MOST_GAIN_DB, _MOST_GAIN_DB),
            ("stretch", stretch, 1 / _MOST_STRETCH, _MOST_STRETCH),
            ("tune", tune, -_MOST_SEMITONES, _MOST_SEMITONES),
            ("decay", decay, 1 / _MOST_STRETCH, _MOST_STRETCH),
            ("noise_db", noise_db, -_MOST_GAIN_DB, _MOST_GAIN_DB),
            ("click_db", click_db, -_MOST_GAIN_DB, _MOST_GAIN_DB),
            ("brightness_db", brightness_db, -_MOST_TILT_DB, _MOST_TILT_DB),
        ):
            if not low <= value <= high:
                raise InputError(f"{name} is {value}; give {low:g} … {high:g}.")
        instrument, hop_length = self.instrument, self.config.hop_length
        require_knobs(instrument, decay=decay, noise_db=noise_db, click_db=click_db)
        latency, frame_s = instrument.latency_with(dry=dry), hop_length / self.sample_rate
        onset = onset_of(self.controls["onset_s"], frame_s) if decay != 1 else math.inf
        length = min(self.config.n_samples, onset * hop_length)
        n_samples = max(1, round((length + (self.config.n_samples - length) * decay) * stretch))
        n_frames = -(-(n_samples + latency) // hop_length)
        place = (torch.arange(n_frames, dtype=torch.float64) + 1) / stretch
        if math.isfinite(onset):
            place = torch.where(place > onset, onset + (place - onset) / decay, place)
        controls = {name: at_places(value, place) for name, value in self.controls.items()}
        if "onset_s" in controls:
            since = onset_at_places(self.controls["onset_s"], place, frame_s)
            controls["onset_s"] = (since * decay * stretch).float()
        ratio, longer = 2.0 ** (octave + tune / 12), float(decay * stretch)
        controls = turned(
            instrument, controls, ratio=ratio, longer=longer, noise_db=noise_db, click_db=click_db
        )
        controls = {name: value[None] for name, value in controls.items()}
        state = instrument.play_state(1, self.config.seed if seed is None else seed)
        blocks = []
        for piece in pieces(n_frames, hop_length, self.sample_rate):
            part = {name: value[:, piece] for name, value in controls.items()}
            gain = torch.full((1, piece.stop - piece.start), 10.0 ** (gain_db / 20.0))
            audio, state = instrument.play(part, state=state, gain=gain, dry=dry)
            blocks.append(audio[0])
        sound = torch.cat(blocks)[latency : latency + n_samples]
        return tilted(sound, self.sample_rate, brightness_db) if brightness_db else sound, self.sample_rate

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
            InputError: When it is not a patch, its tensors do not fit its parts or their sha256 differs, or a
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
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(model.inputs, (n_frames,))
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
        limits = {one.name: (one.minimum, one.maximum) for one in model.all_inputs()}
        if "f0_hz" in limits:
            limits["f0_hz"] = (1.0, config.sample_rate / 2)
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
    inputs = {one.name: one.unit for one in instrument.all_inputs()}
    return {**inputs, **{control.name: control.unit for control in instrument.controls}}


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()
