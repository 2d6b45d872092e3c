"""The instrument: inputs → controller → synth (parts that sound together) → effects (one after the other)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.data.statistics import Statistics
from oscine.files import printable
from oscine.functional.frames import upsample, upsample_state
from oscine.models import hub, saved
from oscine.models.building import build
from oscine.models.config import InstrumentConfig
from oscine.models.gain import gain_step, lower_gain
from oscine.models.gate import Gate
from oscine.models.inputs import Input
from oscine.models.metadata import program_metadata
from oscine.models.state import ControlState, InstrumentState, PlayState
from oscine.models.words import words_of
from oscine.networks import Controller
from oscine.processors import Control, Reverb, split_controls, start_controls
from oscine.processors.composition import number_seeds
from oscine.streaming import (
    Program,
    Streaming,
    Wire,
    by_name,
    lower_into,
    require_current_lower,
    require_no_hooks,
)

# Not typing.Self: beartype cannot check that in a class that it does not decorate whole.
Kind = TypeVar("Kind", bound="Instrument")


class Instrument(Streaming[InstrumentState]):
    """A synthesiser with its network: ``inputs → controller → synth → gain → effects``.

    Causal and streaming: `step` takes any number of frames. The conditions are the arguments of `step` and
    `forward`, by position in the order of the config's inputs, or by name:

        ``conditions = instrument.conditions(audio, features)``, ``instrument(**conditions)``

    Args:
        config: Inputs, sizes, parts and rates.
        statistics: Pitch, loudness and curves of what it has learned from.
        card: Facts of how it was made, such as ``licence`` and ``credit``; they are saved with it.

    Raises:
        InputError: When an input stands twice, a part takes an input that the config does not have, or a part
            is not where it can be.

    Examples:
        >>> import torch
        >>> from oscine.models import Instrument, InstrumentConfig
        >>> violin = Instrument(InstrumentConfig(sample_rate=16000, hop_length=64))
        >>> violin(f0_hz=torch.full((1, 25), 440.0), loudness_db=torch.full((1, 25), -20.0)).shape
        torch.Size([1, 1600])
    """

    def __init__(
        self,
        config: InstrumentConfig,
        statistics: Statistics | None = None,
        card: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.statistics = statistics
        self.card = dict(card or {})
        #: What it is called in messages: the name that it was loaded by.
        self.called = "an instrument"
        self.inputs, self.synth, self.effects = build(config, statistics)
        number_seeds(self)
        self.controls: tuple[Control, ...] = (*self.synth.controls, *self.effects.controls)
        widths = [one.width for one in self.all_inputs()]
        self.controller = Controller(widths, sum(one.width for one in self.controls), config.controller)
        start_controls(self.controller.head.bias, self.controls)
        below_db = config.gate_below_db
        self.gate = None if below_db is None else Gate(below_db, statistics)

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.config.sample_rate

    @property
    def hop_length(self) -> int:
        """Samples per frame."""
        return self.config.hop_length

    @property
    def latency(self) -> int:
        """Samples by which the output lags the conditions."""
        return self.synth.latency + self.effects.latency

    @property
    def n_parameters(self) -> int:
        """Number of parameters, impulse responses left out."""
        reverbs = [module for module in self.modules() if isinstance(module, Reverb)]
        taps = sum(reverb.impulse_response.numel() for reverb in reverbs)
        return sum(parameter.numel() for parameter in self.parameters()) - taps

    def __repr__(self) -> str:
        """Return a line in words; the modules are `named_modules`."""
        return f"{self.called}: {words_of(self.config, self.n_parameters, self.statistics)}"

    def all_inputs(self) -> list[Input]:
        """Return the inputs, in order."""
        return [cast("Input", one) for one in self.inputs.values()]

    def input_state(self, batch_size: int) -> tuple[Tensor, ...]:
        """Return the inputs' values before the first frame."""
        return tuple(one.init_state(batch_size, self._anchor) for one in self.all_inputs())

    def control_state(self, batch_size: int, seed: int = 0) -> ControlState:
        """Return the state of inputs and controller before the first frame."""
        return ControlState(self.input_state(batch_size), self.controller.init_state(batch_size, seed))

    def play_state(self, batch_size: int, seed: int = 0) -> PlayState:
        """Return the state of synth and effects before the first frame."""
        return PlayState(
            self.synth.init_state(batch_size, seed),
            torch.ones(batch_size, device=self.device),
            upsample_state(batch_size, device=self.device),
            self.effects.init_state(batch_size, seed),
        )

    def init_state(self, batch_size: int, seed: int = 0) -> InstrumentState:
        """Return the state before the first frame; the noise of item ``i`` has the seed ``seed + i``."""
        return InstrumentState(self.control_state(batch_size, seed), self.play_state(batch_size, seed))

    # ---- conditions

    def conditions(
        self,
        audio: Float[Tensor, "batch time"],
        features: Mapping[str, Tensor],
        given: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return what conditions the network, by name, measured in a sound.

        Args:
            audio: What is to be played again, ``frame · hop_length`` samples.
            features: ``f0_hz``, ``confidence`` and ``loudness_db`` of it by a tracker, (batch, frame) each.
            given: Conditions that are known and not measured, by name: a dataset's own curves, the
                instrument.

        Raises:
            ValueError: When a condition can't be measured and is not given.
        """
        given = given or {}
        n_frames = -(-audio.shape[-1] // self.hop_length)
        return {
            one.name: one.as_given(given[one.name], n_frames)
            if one.name in given
            else one.measure(audio, features)
            for one in self.all_inputs()
        }

    def _named(self, signals: tuple[Any, ...], conditions: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the conditions by name.

        Raises:
            ValueError: When one is missing, given twice, unknown or no tensor, or they differ in length.
        """
        named = by_name(list(self.inputs), signals, conditions)
        for name, one in named.items():
            if not isinstance(one, Tensor):
                raise ValueError(f"{name} is a {type(one).__name__}; give a tensor, (batch, frame).")
        shapes = {one.shape[:2] for one in named.values()}
        if len(shapes) > 1:
            raise ValueError(f"The conditions differ in batch or frames: {sorted(map(tuple, shapes))}.")
        return named

    # ---- control

    def control(
        self, conditions: Mapping[str, Tensor], *, state: ControlState | None = None, seed: int = 0
    ) -> tuple[dict[str, Tensor], ControlState]:
        """Return what synth and effects take, by name: their given inputs and all controls; and the state.

        With a gate its factor is among them, ``gate``.

        Args:
            conditions: By name.
            state: From the block before; from the start if left out.
            seed: Of the controls' shimmer, from the start.

        Raises:
            ValueError: When a condition is missing or of another shape.
        """
        conditions = self._named((), conditions)
        if state is None:
            state = self.control_state(next(iter(conditions.values())).shape[0], seed)
        clean: dict[str, Tensor] = {}
        lasts = []
        for one, before in zip(self.all_inputs(), state.inputs, strict=True):
            clean[one.name], last = one.clean(conditions[one.name], before)
            lasts.append(last)
        seen = [one(clean[one.name]) for one in self.all_inputs()]
        raw, controller = self.controller.step(*seen, state=state.controller)
        given = {name: clean[name] for name in (*self.synth.inputs, *self.effects.inputs)}
        if self.gate is not None:
            given["gate"] = self.gate(clean["loudness_db"])
        return given | split_controls(raw, self.controls), ControlState(tuple(lasts), controller)

    # ---- sound

    def play(
        self,
        controls: Mapping[str, Tensor],
        *,
        state: PlayState,
        gain: Float[Tensor, "batch frame"] | None = None,
        dry: bool = False,
    ) -> tuple[Float[Tensor, "batch time"], PlayState]:
        """Return the next block's audio of controls, and the state.

        Args:
            controls: By name, with the given inputs of the parts; ``gate``, if there is one, is a factor
                beside the gain.
            state: From the block before.
            gain: Factor on the synth's audio before the effects, 0 … 10,000; 1 if left out. Where it is NaN
                the last one is held.
            dry: Leave out the effects.

        Raises:
            ValueError: When the gain is of another batch or other frames.
        """
        audio, synth = self.synth.step(**self.synth.own(controls), state=state.synth)
        audio, last, factor = gain_step(
            audio, gain, controls.get("gate"), state.gain, state.factor, hop_length=self.hop_length
        )
        effects = state.effects
        if not dry:
            audio, effects = self.effects.step(audio, **self.effects.own(controls), state=effects)
        return audio, PlayState(synth, last, factor, effects)

    def synthesize(
        self, controls: Mapping[str, Tensor], *, dry: bool = False, seed: int = 0
    ) -> Float[Tensor, "batch time"]:
        """Return the audio of controls from the start, each part in its fastest form."""
        audio = self.synth(**self.synth.own(controls), seed=seed)
        if "gate" in controls:
            audio = audio * upsample(controls["gate"], self.hop_length)
        return audio if dry else self.effects(audio, **self.effects.own(controls), seed=seed)

    def step(
        self,
        *signals: Any,
        state: InstrumentState,
        gain: Float[Tensor, "batch frame"] | None = None,
        dry: bool = False,
        **conditions: Tensor,
    ) -> tuple[Float[Tensor, "batch time"], InstrumentState]:
        """Return the next block's audio and the state.

        Args:
            signals: The conditions by position, or all of them as one mapping.
            state: From the block before, or `init_state`.
            gain: Factor on the sound before the effects; 1 if left out.
            dry: Leave out the effects.
            conditions: By name. Without a frame there is no sample, and the state stays.
        """
        named = self._named(signals, conditions)
        if (batch_size := _without_frames(named)) is not None:
            return torch.zeros(batch_size, 0, device=self.device), state
        controls, control = self.control(named, state=state.control)
        audio, play = self.play(controls, state=state.play, gain=gain, dry=dry)
        return audio, InstrumentState(control, play)

    def forward(
        self, *signals: Any, dry: bool = False, seed: int = 0, **conditions: Tensor
    ) -> Float[Tensor, "batch time"]:
        """Return ``frame · hop_length`` samples from the start, each part in its fastest form."""
        named = self._named(signals, conditions)
        if (batch_size := _without_frames(named)) is not None:
            return torch.zeros(batch_size, 0, device=self.device)
        controls, _ = self.control(named, seed=seed)
        return self.synthesize(controls, dry=dry, seed=seed)

    # ---- compiled

    def lower(self, program: Program, *signals: Wire, dry: bool = False, **conditions: Wire) -> Wire:
        """Append the instrument to a program; it also declares the input ``gain``."""
        wires = dict(zip(self.inputs, signals, strict=False)) | conditions
        seen = [lower_into(program, one, wires[one.name]) for one in self.all_inputs()]
        raw = lower_into(program, self.controller, *seen)
        parts = raw.split(*(control.width for control in self.controls))
        for control, part in zip(self.controls, parts, strict=True):
            wires[control.name] = lower_into(program, control, part)
        audio = lower_into(program, self.synth, **self.synth.own(wires))
        audio = lower_gain(program, audio, self.gate, wires)
        return audio if dry else lower_into(program, self.effects, audio, **self.effects.own(wires))

    def latency_with(self, *, dry: bool = False) -> int:
        """Return the latency with or without the effects, samples."""
        return self.synth.latency if dry else self.latency

    def program(self, *, dry: bool = False) -> Program:
        """Return the instrument, with its weights of now, as a program for the runtime.

        Its inputs are the conditions by name, and ``gain``, a factor on the sound before the effects.

        Args:
            dry: Leave out the effects.

        Raises:
            NotCompilable: When a part has no compiled form.
        """
        require_current_lower(self, "control", "play", "synthesize")
        require_no_hooks(self)
        program = Program(self.sample_rate, self.hop_length, self.latency_with(dry=dry))
        wires = {one.name: one.declare(program) for one in self.all_inputs()}
        program.output = self.lower(program, dry=dry, **wires)
        program.metadata = program_metadata(self.config, self.all_inputs(), self.statistics, self.card)
        return program

    # ---- saved

    def save_pretrained(
        self, folder: str | Path, *, weight_type: saved.WeightType = "float32", **card: object
    ) -> None:
        """Write the instrument's folder: weights, config and model card (see `oscine.models.saved`).

        Args:
            folder: Made when missing; an instrument in it is replaced, file by file, each atomically. A
                README.md that was edited stays.
            weight_type: "float16" halves the file and rounds the weights to 11 bits; an instrument that is
                loaded from it computes with float32 as any other.
            card: Facts for config.json and the model card, beside those in ``self.card``: ``licence``,
                ``recipe``, ``minutes``, …; None removes one.
        """
        facts = {name: fact for name, fact in {**self.card, **card}.items() if fact is not None}
        saved.write(folder, self.state_dict(), self.config, self.statistics, facts, weight_type)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        token: str | None = None,
        weight_type: saved.WeightType = "float32",
        **card: object,
    ) -> None:
        """Upload the instrument's folder to the Hugging Face hub (see `oscine.models.hub`).

        Args:
            repo_id: ``owner/name``; the repository is made when missing.
            private: Of a repository that is made.
            token: Of the hub; None: the one that ``hf auth login`` keeps.
            weight_type: As in `save_pretrained`.
            card: As in `save_pretrained`.

        Raises:
            InputError: When the name is none of the hub's, the hub refuses, or it can't be reached.
        """

        def save(folder: Path) -> None:
            self.save_pretrained(folder, weight_type=weight_type, **card)

        hub.push(save, repo_id, private=private, token=token)

    @classmethod
    def from_pretrained(cls: type[Kind], name: str | Path) -> Kind:
        """Return the instrument in a folder, in the package, or on the Hugging Face hub.

        Args:
            name: A folder, a name of `oscine.instruments`, or a hub id (``owner/name``); a folder has
                precedence.

        Raises:
            InputError: When there is no instrument, or its weights are not those that its config names.
        """
        one = saved.load(name, cls).eval()
        one.called = printable(Path(name).name or Path(name).resolve().name)
        return one


def _without_frames(conditions: Mapping[str, Tensor]) -> int | None:
    """Return the batch size of conditions that have no frame; None of all others."""
    n_items, n_frames = next(iter(conditions.values())).shape[:2]
    return n_items if n_frames == 0 else None
