"""`PlainProgram`: a program as one module of plain torch operations, for exporters that know no others."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from oscine.streaming.contents import Contents, ProgramInput, Wire
from oscine.streaming.plain import audio, frames, hits, neural, sources, values
from oscine.streaming.plain.operation import Memory, PlainOperation, joined, rows

#: The class of each kind of operation.
KINDS: dict[str, type[PlainOperation]] = {
    **dict.fromkeys(values.FORMULAS, values.Formula),
    "linear": values.Linear,
    "layer_norm": values.LayerNorm,
    "gru": frames.Gru,
    "history": frames.History,
    "depthwise": frames.Depthwise,
    "attention": frames.Attention,
    "harmonic": sources.Harmonic,
    "sinusoidal": sources.Sinusoidal,
    "envelope": values.Envelope,
    "cycle": sources.Cycle,
    "pulse": sources.Pulse,
    "modes": hits.Modes,
    "transient": hits.Transient,
    "onset_gate": hits.OnsetGate,
    "fm": sources.Fm,
    "noise": sources.Noise,
    "shimmer": sources.Shimmer,
    "gain": audio.Gain,
    "delay": audio.Delay,
    "minimum_phase": audio.MinimumPhase,
    "moving_filter": audio.MovingFilter,
    "allpole": audio.Allpole,
    "neural_filter": neural.NeuralFilter,
    "convolve": audio.Convolve,
}

_SAMPLE, _SEED = "sample", "seed"


class PlainProgram(nn.Module):
    """A program in plain torch operations: no operator of our own, no complex number, no data in a shape.

    It plays what the runtime plays. The state goes in and comes out as tensors with names, which
    do not depend on the number of frames of a call; a call's number of frames is fixed when it is exported.

    Args:
        program: The program to play; its tensors are copied.

    Attributes:
        input_names: Names of the program's inputs, in their order.
        state_names: Names of the states, in their order.
    """

    def __init__(self, program: Contents) -> None:
        super().__init__()
        if program.output is None:
            raise ValueError("The program has no audio; set its output.")
        self.sample_rate, self.hop_length = program.sample_rate, program.hop_length
        self.inputs, self.output = list(program.inputs), program.output
        self.operations = nn.ModuleList()
        self.wires = [(one.inputs, one.output) for one in program.operations]
        self._start: dict[str, Tensor] = {
            _SAMPLE: torch.zeros(1, dtype=torch.int64),
            _SEED: torch.zeros(1, dtype=torch.int64),
            **{f"held.{one.name}": torch.full((1, one.wire.size), one.default) for one in self.inputs},
        }
        self._own: list[list[tuple[str, str]]] = []  # of each operation: its names and the states'
        for i, one in enumerate(program.operations):
            made = KINDS[one.kind](one, program.sample_rate, program.hop_length)
            start = made.start()
            self.operations.append(made)
            own = [(name, f"{one.kind}_{i}.{name}") for name in start]
            self._own.append(own)
            self._start |= {full: start[name] for name, full in own}
        self.input_names = [one.name for one in self.inputs]
        self.state_names = list(self._start)

    def start(self, seed: int = 0) -> tuple[Tensor, ...]:
        """Return the states before the first sample, in the order of `state_names`.

        ``sample`` is the number of the next sample and ``seed`` the noise's; both are int64. Phases are
        float64, in turns, and all others float32.
        """
        return tuple(torch.tensor([seed]) if name == _SEED else x.clone() for name, x in self._start.items())

    def default_inputs(self, n_frames: int) -> tuple[Tensor, ...]:
        """Return every input at its default: (1, frame), or (1, frame, size) where it has several values."""
        return tuple(
            torch.full((1, n_frames, one.wire.size) if one.wire.size > 1 else (1, n_frames), one.default)
            for one in self.inputs
        )

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the audio of the next frames, (1, frame · hop), and the states after them.

        Args:
            tensors: The inputs, (1, frame) or (1, frame, size), and the states.
        """
        n_inputs = len(self.inputs)
        given = tensors[:n_inputs]
        states = dict(zip(self.state_names, tensors[n_inputs:], strict=True))
        n_frames = given[0].shape[1]
        after = {_SAMPLE: states[_SAMPLE] + n_frames * self.hop_length, _SEED: states[_SEED] + 0}
        workspace: list[tuple[Wire, Tensor]] = []
        for one, values_ in zip(self.inputs, given, strict=True):
            name = f"held.{one.name}"
            clean, after[name] = _clean(one, values_.reshape(n_frames, one.wire.size), states[name])
            workspace.append((one.wire, clean))
        for operation, (wires, output), own in zip(self.operations, self.wires, self._own, strict=True):
            before = {name: states[full] for name, full in own}
            memory = Memory(states[_SAMPLE], states[_SEED], n_frames, before)
            result = operation(memory, *(_read(workspace, wire) for wire in wires))
            workspace.append((output, result))
            after |= {full: memory.after[name] for name, full in own}
        sound = _read(workspace, self.output).reshape(1, -1)
        return sound, *(after[name] for name in self.state_names)


def _read(workspace: Sequence[tuple[Wire, Tensor]], wire: Wire) -> Tensor:
    """Return a span of the workspace, (frame, size)."""
    pieces = []
    for known, tensor in workspace:
        first, last = max(wire.offset, known.offset), min(wire.offset + wire.size, known.offset + known.size)
        if first < last:
            whole = last - first == known.size
            pieces.append(tensor if whole else tensor[:, first - known.offset : last - known.offset])
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces, -1)


def _clean(one: ProgramInput, given: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
    """Return an input without its bad values (see `ProgramInput`), and the last good ones."""
    good = (given > 0) & (given < torch.inf) if one.positive else ~torch.isnan(given)
    clamped, clean = given.clamp(one.minimum, one.maximum), []
    for is_good, value in zip(rows(good), rows(clamped), strict=True):
        held = torch.where(is_good, value, held)
        clean.append(held)
    return joined(clean), held
