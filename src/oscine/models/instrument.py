"""The instrument: a controller that drives a harmonic oscillator and filtered noise, heard in a room."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from oscine.data.statistics import Statistics
from oscine.functional.centroid import spectral_centroid_midi
from oscine.functional.convolution import ConvolutionState
from oscine.functional.framing import frame_centers
from oscine.functional.harmonic import OscillatorState
from oscine.functional.loudness import paper_loudness_db
from oscine.functional.noise import NoiseState
from oscine.functional.units import hz_to_midi
from oscine.models import saved
from oscine.models.config import InstrumentConfig
from oscine.models.player import Player
from oscine.networks import Controller, PitchEncoder, TimbreEncoder
from oscine.processors import Convolver, FilteredNoise, HarmonicOscillator, Processor, split_controls
from oscine.processors.base import State

#: Mean and deviation by which the curves that are always there are brought to about −1 … 1.
CURVE_SCALES = {"periodicity": (0.5, 0.5), "centroid": (80.0, 24.0)}
# Not typing.Self: beartype cannot check that in a class that it does not decorate whole.
Kind = TypeVar("Kind", bound="Instrument")


class InstrumentState(NamedTuple):
    """What an instrument remembers between two blocks."""

    controller: State
    oscillator: OscillatorState
    noise: NoiseState
    room: ConvolutionState | None


class Instrument(Processor):
    """Pitch and loudness in, sound out: ``controller → harmonic oscillator + filtered noise → room``.

    Causal and streaming: `step` takes any number of frames. Latency 0.

    Where its config says so the controller is driven by more than f0 and loudness, by name: ``z``
    (batch, frame, channel), ``voice`` (batch, frame, voice), its voices' weights, ``paper_loudness``, beside
    loudness_db or in its place, and further curves, (batch, frame). `hear` gets them from audio. So an
    instrument with encoders is the paper's autoencoder:

        ``f0_hz, conditions = instrument.hear(audio, …)``, ``instrument(f0_hz, loudness_db, conditions)``

    Args:
        config: Sizes and rates.
        statistics: Pitch, loudness and curves of what it has learned from.

    Example:
        >>> import torch
        >>> from oscine.models import Instrument, InstrumentConfig
        >>> violin = Instrument(InstrumentConfig(sample_rate=16000, hop_length=64))
        >>> violin(torch.full((1, 25), 440.0), torch.full((1, 25), -20.0)).shape
        torch.Size([1, 1600])
    """

    def __init__(self, config: InstrumentConfig, statistics: Statistics | None = None) -> None:
        super().__init__()
        self.config = config
        self.statistics = statistics
        self.oscillator = HarmonicOscillator(config.n_harmonics, config.sample_rate, config.hop_length)
        self.noise = FilteredNoise(config.n_noise_bands, config.hop_length)
        n_taps = round(config.reverb_s * config.sample_rate)
        self.room = Convolver(n_taps) if n_taps > 1 else None
        self.controls = (*self.oscillator.controls, *self.noise.controls)
        rates = config.sample_rate, config.hop_length
        self.timbre_encoder = (
            None if config.timbre_encoder is None else TimbreEncoder(*rates, config.timbre_encoder)
        )
        self.pitch_encoder = (
            None if config.pitch_encoder is None else PitchEncoder(*rates, config.pitch_encoder)
        )
        self.voices = nn.Linear(len(config.voices), config.voice_size, bias=False) if config.voices else None
        known = {} if statistics is None else statistics.curves
        scales = [known.get(name, CURVE_SCALES.get(name, (0.0, 1.0))) for name in config.curves]
        self.register_buffer("curve_scale", torch.tensor(scales, dtype=torch.float32) if scales else None)
        widths = [1, 1, 1] if config.loudness == "both" else [1, 1]
        widths += [] if config.timbre_encoder is None else [config.timbre_encoder.z_size]
        widths += [1] * len(config.curves)
        widths += [] if self.voices is None else [config.voice_size]
        self.controller = Controller(widths, sum(one.width for one in self.controls), config.controller)

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.config.sample_rate

    @property
    def hop_length(self) -> int:
        """Samples per frame."""
        return self.config.hop_length

    @property
    def n_parameters(self) -> int:
        """Number of parameters, the impulse response left out."""
        room = 0 if self.room is None else self.room.impulse_response.numel()
        return sum(parameter.numel() for parameter in self.parameters()) - room

    def init_state(self, batch_size: int, seed: int = 0) -> InstrumentState:
        """Return the state before the first frame; the noise of item ``i`` has the seed ``seed + i``."""
        return InstrumentState(
            controller=self.controller.init_state(batch_size),
            oscillator=self.oscillator.init_state(batch_size),
            noise=self.noise.init_state(batch_size, seed),
            room=None if self.room is None else self.room.init_state(batch_size),
        )

    @property
    def condition_names(self) -> tuple[str, ...]:
        """Names of what drives it beside f0 and loudness."""
        loudness = () if self.config.loudness == "later" else ("paper_loudness",)
        z = () if self.timbre_encoder is None else ("z",)
        return (*loudness, *z, *self.config.curves, *(() if self.voices is None else ("voice",)))

    def hear(
        self,
        audio: Float[Tensor, "batch time"],
        *,
        f0_hz: Float[Tensor, "batch frame"],
        confidence: Float[Tensor, "batch frame"],
        curves: Mapping[str, Tensor] | None = None,
        voice: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch frame"], dict[str, Tensor]]:
        """Return the pitch, the encoder's where it has one, and all else that drives it, by name.

        Args:
            audio: What is to be played again, ``frame · hop_length`` samples.
            f0_hz: Its pitch by a tracker, Hz.
            confidence: See `conditions`.
            curves: See `conditions`.
            voice: See `conditions`.

        Raises:
            ValueError: When a curve is missing.
        """
        conditions = self.conditions(audio, confidence=confidence, curves=curves, voice=voice)
        return f0_hz if self.pitch_encoder is None else self.pitch_encoder(audio).f0_hz, conditions

    def conditions(
        self,
        audio: Float[Tensor, "batch time"],
        *,
        confidence: Float[Tensor, "batch frame"],
        curves: Mapping[str, Tensor] | None = None,
        voice: Int[Tensor, " batch"] | None = None,
    ) -> dict[str, Tensor]:
        """Return what drives it beside f0 and loudness_db, by name.

        Args:
            audio: What is to be played again, ``frame · hop_length`` samples.
            confidence: A pitch tracker's, 0 … 1; it is the curve ``periodicity``.
            curves: The dataset's own curves, those that it is driven by at least.
            voice: Which of its voices plays each item; the first, where it is left out.

        Raises:
            ValueError: When a curve is missing.
        """
        conditions: dict[str, Tensor] = {}
        if self.config.loudness != "later":
            with torch.no_grad():
                conditions["paper_loudness"] = self._paper_loudness_db(audio)
        if self.timbre_encoder is not None:
            conditions["z"] = self.timbre_encoder(audio)
        for name in self.config.curves:
            if name == "periodicity":
                conditions[name] = confidence
            elif name == "centroid":
                conditions[name] = spectral_centroid_midi(audio, self.sample_rate, self.hop_length)
            elif curves is None or name not in curves:
                raise ValueError(f"the curve {name!r} drives this instrument, and is not given")
            else:
                conditions[name] = curves[name]
        if self.voices is not None:
            which = torch.zeros(len(audio), dtype=torch.long) if voice is None else voice
            weights = nn.functional.one_hot(which, len(self.config.voices)).to(audio)
            conditions["voice"] = weights[:, None].expand(-1, confidence.shape[1], -1)
        return conditions

    def _paper_loudness_db(self, audio: Float[Tensor, "batch time"]) -> Float[Tensor, "batch frame"]:
        rate, hop_length = self.sample_rate, self.hop_length
        centers = frame_centers(-(-audio.shape[-1] // hop_length), hop_length, rate, rate)
        # In parts: a window of 128 ms every 4 is 32 times the audio.
        parts = [paper_loudness_db(audio, part, rate) for part in centers.split(4096)]
        return torch.cat(parts, dim=-1)

    def control_step(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        loudness_db: Float[Tensor, "batch frame"],
        state: State,
        conditions: Mapping[str, Tensor] | None = None,
    ) -> tuple[dict[str, Tensor], State]:
        """Return the synthesisers' controls by name, ``f0_hz`` among them, and the state."""
        missing = [name for name in self.condition_names if name not in (conditions or {})]
        if missing:
            raise ValueError(
                f"this instrument is driven by {', '.join(missing)} as well; see Instrument.hear"
            )
        given = conditions or {}
        # The paper's scaling: MIDI pitch and decibels brought to about 0 … 1.
        inputs = [(hz_to_midi(f0_hz) / 127)[..., None]]
        if self.config.loudness != "paper":
            inputs.append((loudness_db / 80 + 1)[..., None])
        if self.config.loudness != "later":
            inputs.append((given["paper_loudness"] / 120 + 1)[..., None])
        if self.timbre_encoder is not None:
            inputs.append(given["z"])
        for i, name in enumerate(self.config.curves):
            mean, deviation = self.get_buffer("curve_scale")[i]
            inputs.append(((given[name] - mean) / deviation)[..., None])
        if self.voices is not None:
            inputs.append(self.voices(given["voice"]))
        raw, after = self.controller.step(*inputs, state=state)
        return {"f0_hz": f0_hz, **split_controls(raw, self.controls)}, after

    def synthesize_step(
        self, controls: dict[str, Tensor], oscillator: OscillatorState, noise: NoiseState
    ) -> tuple[Float[Tensor, "batch time"], OscillatorState, NoiseState]:
        """Return the dry audio of the controls' frames, and the synthesisers' states."""
        tone, oscillator = self.oscillator.step(
            controls["f0_hz"], controls["amplitude"], controls["harmonic_distribution"], state=oscillator
        )
        hiss, noise = self.noise.step(controls["noise_magnitudes"], state=noise)
        return tone + hiss, oscillator, noise

    def step(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        loudness_db: Float[Tensor, "batch frame"],
        conditions: Mapping[str, Tensor] | None = None,
        *,
        state: InstrumentState,
        dry: bool = False,
    ) -> tuple[Float[Tensor, "batch time"], InstrumentState]:
        """Return the next block's audio and the state.

        Args:
            f0_hz: Pitch at the frames' ends, Hz.
            loudness_db: A-weighted loudness at the frames' ends, dB (`oscine.analyze`).
            conditions: What else drives it, by name (`hear`).
            state: From the block before, or `init_state`.
            dry: Leave out the room.
        """
        controls, controller = self.control_step(f0_hz, loudness_db, state.controller, conditions)
        audio, oscillator, noise = self.synthesize_step(controls, state.oscillator, state.noise)
        room = state.room
        if self.room is not None and room is not None and not dry:
            audio, room = self.room.step(audio, state=room)
        return audio, InstrumentState(controller, oscillator, noise, room)

    def player(self, seed: int = 0) -> Player | None:
        """Return the compiled player, where there is one (`oscine.models.player`)."""
        steps = ("step", "control_step", "synthesize_step")
        is_plain = all(getattr(type(self), name) is getattr(Instrument, name) for name in steps)
        return Player(self, seed) if is_plain and Player.can_play(self) else None

    def forward(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        loudness_db: Float[Tensor, "batch frame"],
        conditions: Mapping[str, Tensor] | None = None,
        *,
        dry: bool = False,
        seed: int = 0,
    ) -> Float[Tensor, "batch time"]:
        """Return ``frame · hop_length`` samples from the start; `step` on the whole, the room by one FFT."""
        state = self.controller.init_state(f0_hz.shape[0])
        controls, _ = self.control_step(f0_hz, loudness_db, state, conditions)
        return self.synthesize(controls, dry=dry, seed=seed)

    def synthesize(
        self, controls: dict[str, Tensor], *, dry: bool = False, seed: int = 0
    ) -> Float[Tensor, "batch time"]:
        """Return the audio of controls from the start."""
        n = len(controls["f0_hz"])
        states = self.oscillator.init_state(n), self.noise.init_state(n, seed)
        audio, _, _ = self.synthesize_step(controls, *states)
        return audio if dry or self.room is None else self.room(audio)

    def save_pretrained(self, folder: str | Path, **card: object) -> None:
        """Write the instrument's folder: weights, config and model card (see `oscine.models.saved`).

        Args:
            folder: Made when missing; an instrument in it is replaced, file by file, each atomically.
            card: Facts for config.json and the model card: ``licence``, ``recipe``, ``minutes``, ….
        """
        saved.write(folder, self.state_dict(), self.config, self.statistics, card)

    @classmethod
    def from_pretrained(cls: type[Kind], name: str | Path) -> Kind:
        """Return the instrument in a folder, or on the Hugging Face hub.

        Args:
            name: A folder, or a hub id (``owner/name``).

        Raises:
            InputError: When there is no instrument, or its weights are not those that its config names.
        """
        weights, config = saved.read(saved.locate(name))
        instrument = cls(config.instrument, config.statistics)
        saved.fill(instrument, weights, name)
        return instrument.eval()
