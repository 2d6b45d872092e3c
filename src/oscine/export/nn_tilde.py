"""``--format nn``: an instrument as TorchScript for nn~, in Max and Pure Data."""

import io
import time
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from oscine.export.card import credits_of
from oscine.export.nn_shell import NnShell
from oscine.streaming import Program
from oscine.streaming.plain import PlainProgram

FILE = "instrument.ts"


class _Lists(nn.Module):
    """A plain program that takes and returns lists, as TorchScript can pass them on."""

    def __init__(self, plain: PlainProgram) -> None:
        super().__init__()
        self.plain = plain

    def forward(self, inputs: list[Tensor], states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        audio, *after = self.plain(*inputs, *states)
        return audio, after


def write_nn(program: Program) -> dict[str, bytes]:
    """Return the files of the format, by name: the model, licence and credit, and how to use it."""
    plain = PlainProgram(program).eval()
    units = {name: str(said["unit"]) for name, said in program.metadata.get("inputs", {}).items()}
    channels = [one for one in program.inputs if not one.optional]
    labels = [
        f"(signal) {one.name}{f' {i + 1}' if one.wire.size > 1 else ''}, {units.get(one.name) or 'no unit'}"
        for one in channels
        for i in range(one.wire.size)
    ]
    names = [one.name for one in channels for _ in range(one.wire.size)]
    pitch_at = names.index("f0_hz") if "f0_hz" in names else -1
    with torch.no_grad(), warnings.catch_warnings():
        # TorchScript is what nn~ loads; torch advises against it for other uses.
        warnings.simplefilter("ignore")
        start = list(plain.start())
        steps = [
            torch.jit.trace(
                _Lists(plain), (list(plain.default_inputs(n)), start), strict=False, check_trace=False
            )
            for n in (1, 8)
        ]
        shell = NnShell(
            *steps,
            start=start,
            seed_at=plain.state_names.index("seed"),
            sizes=[one.wire.size for one in program.inputs],
            defaults=[one.default if one.optional else None for one in program.inputs],
            pitch_at=pitch_at,
            sample_rate=program.sample_rate,
            hop_length=program.hop_length,
            labels=labels,
        )
        credit = credits_of(program.metadata.get("card", {}))
        content = io.BytesIO()
        torch.jit.save(torch.jit.script(shell.eval()), content, {"CREDITS.txt": credit})
    files = {FILE: content.getvalue(), "CREDITS.txt": credit.encode()}
    return files | {"README.md": _readme(program, labels).encode()}


class NnPlayer:
    """A model of the format as nn~ calls it, at the instrument's own rate.

    Attributes:
        seconds: Processor time that its runs have taken so far.
    """

    def __init__(self, content: bytes, program: Program, block: int = 2048) -> None:
        self._model = torch.jit.load(io.BytesIO(content))
        self._names = [one.name for one in program.inputs if not one.optional]
        self._hop_length, self._block = program.hop_length, block
        self.seconds = 0.0

    def play(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return the audio of these frames from the start, (1, time); inputs by name, (1, frame, size)."""
        frames = torch.cat([inputs[name] for name in self._names], -1)
        signals = frames.transpose(1, 2).repeat_interleave(self._hop_length, -1)
        began = time.process_time()
        with torch.inference_mode():
            self._model.reset(1)
            sound = [self._model(part) for part in signals.split(self._block, -1)]
        self.seconds += time.process_time() - began
        return torch.cat(sound, -1)[0]


def _readme(program: Program, labels: list[str]) -> str:
    inlets = "\n".join(f"{i + 1}. {label}" for i, label in enumerate(labels))
    return f"""# An instrument for nn~

`{FILE}` is a TorchScript model for nn~ in Max and Pure Data:

    nn~ {FILE} forward

Inlets, all of them signals:

{inlets}

Set the loudness to -80 (silence) before you give the first pitch; until a pitch above 0 arrives, the model is silent.
The outlet is the audio. The instrument runs at {program.sample_rate} Hz inside; at another rate of the host it is resampled, if
your nn~ tells models the rate of the host (nn~ 1.6 and newer do), and the audio is {NnShell.WIDTH} samples of the slower rate later.
Licence and credit of the recordings are in `CREDITS.txt`, and in the model's file.
"""
