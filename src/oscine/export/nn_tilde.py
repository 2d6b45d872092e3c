"""``--format nn``: an instrument as TorchScript for nn~, in Max and Pure Data."""

import io
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from oscine.export.card import credits_of, folder_readme
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


def traced_program(plain: PlainProgram, n_frames: int) -> nn.Module:
    """Return a program as TorchScript: inputs of so many frames and states in, audio and states out."""
    given = list(plain.default_inputs(n_frames)), list(plain.start())
    traced = torch.jit.trace(_Lists(plain), given, strict=False, check_trace=False)
    assert isinstance(traced, nn.Module)
    return traced


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
        one, eight = (traced_program(plain, n_frames) for n_frames in (1, 8))
        shell = NnShell(
            one,
            eight,
            start=list(plain.start()),
            seed_at=plain.state_names.index("seed"),
            sizes=[one.wire.size for one in program.inputs],
            defaults=[one.default if one.optional else None for one in program.inputs],
            pitch_at=pitch_at,
            sample_rate=program.sample_rate,
            hop_length=program.hop_length,
            labels=labels,
        )
        card = program.metadata.get("card", {})
        credit = credits_of(card)
        content = io.BytesIO()
        torch.jit.save(torch.jit.script(shell.eval()), content, {"CREDITS.txt": credit})
    readme = folder_readme(
        "nn_folder",
        card,
        file=FILE,
        sample_rate=program.sample_rate,
        width=NnShell.WIDTH,
        inlets="\n".join(f"{i + 1}. {label}" for i, label in enumerate(labels)),
    )
    return {FILE: content.getvalue(), "CREDITS.txt": credit.encode(), "README.md": readme.encode()}


class NnPlayer:
    """A model of the format as nn~ calls it, at the instrument's own rate."""

    def __init__(self, content: bytes, program: Program, block: int = 2048) -> None:
        self._model = torch.jit.load(io.BytesIO(content))
        self._names = [one.name for one in program.inputs if not one.optional]
        self._hop_length, self._block = program.hop_length, block

    def play(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return the audio of these frames from the start, (1, time); inputs by name, (1, frame, size)."""
        frames = torch.cat([inputs[name] for name in self._names], -1)
        signals = frames.transpose(1, 2).repeat_interleave(self._hop_length, -1)
        with torch.inference_mode():
            self._model.reset(1)
            sound = [self._model(part) for part in signals.split(self._block, -1)]
        return torch.cat(sound, -1)[0]
