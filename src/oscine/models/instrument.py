"""The instrument: a controller that drives a harmonic oscillator and filtered noise, heard in a room."""

from pathlib import Path
from typing import NamedTuple, TypeVar

from jaxtyping import Float
from torch import Tensor

from oscine.data.statistics import Statistics
from oscine.functional.convolution import ConvolutionState
from oscine.functional.harmonic import OscillatorState
from oscine.functional.noise import NoiseState
from oscine.functional.units import hz_to_midi
from oscine.models import saved
from oscine.models.config import InstrumentConfig
from oscine.models.player import Player
from oscine.networks.controller import ControllerState, GruController
from oscine.processors import Convolver, FilteredNoise, HarmonicOscillator, Processor, split_controls

# Not typing.Self: beartype cannot check that in a class that it does not decorate whole.
Kind = TypeVar("Kind", bound="Instrument")


class InstrumentState(NamedTuple):
    """What an instrument remembers between two blocks."""

    controller: ControllerState
    oscillator: OscillatorState
    noise: NoiseState
    room: ConvolutionState | None


class Instrument(Processor):
    """Pitch and loudness in, sound out: ``controller → harmonic oscillator + filtered noise → room``.

    Causal and streaming: `step` takes any number of frames. Latency 0.

    Args:
        config: Sizes and rates.
        statistics: Pitch and loudness of what it has learned from, for `oscine.transfer`.

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
        width = sum(control.width for control in self.controls)
        self.controller = GruController(2, width, config.controller)

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

    def control_step(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        loudness_db: Float[Tensor, "batch frame"],
        state: ControllerState,
    ) -> tuple[dict[str, Tensor], ControllerState]:
        """Return the synthesisers' controls by name, ``f0_hz`` among them, and the state."""
        # The paper's scaling: MIDI pitch and decibels brought to about 0 … 1.
        raw, after = self.controller.step(hz_to_midi(f0_hz) / 127, loudness_db / 80 + 1, state=state)
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
        *,
        state: InstrumentState,
        dry: bool = False,
    ) -> tuple[Float[Tensor, "batch time"], InstrumentState]:
        """Return the next block's audio and the state.

        Args:
            f0_hz: Pitch at the frames' ends, Hz.
            loudness_db: A-weighted loudness at the frames' ends, dB (`oscine.analyze`).
            state: From the block before, or `init_state`.
            dry: Leave out the room.
        """
        controls, controller = self.control_step(f0_hz, loudness_db, state.controller)
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
        *,
        dry: bool = False,
        seed: int = 0,
    ) -> Float[Tensor, "batch time"]:
        """Return ``frame · hop_length`` samples from the start; `step` on the whole, the room by one FFT."""
        audio, _ = self.step(f0_hz, loudness_db, state=self.init_state(f0_hz.shape[0], seed), dry=True)
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
