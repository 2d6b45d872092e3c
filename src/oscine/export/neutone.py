"""``--format neutone``: an instrument that follows a sound as TorchScript, and a script for Neutone's SDK."""

import io
import json
import time
import warnings
from collections.abc import Mapping
from importlib import resources
from typing import Any

import torch
from torch import Tensor

from oscine.export.card import credits_of, folder_readme
from oscine.export.neutone_shell import NeutoneShell
from oscine.export.nn_tilde import traced_program
from oscine.streaming import Program
from oscine.streaming.plain import PlainProgram

FILE, SCRIPT, FACTS = "instrument.ts", "make_neutone.py", "neutone.json"
_GIVEN = {"f0_hz": 0, "gain": 2, "onset_s": 3}
_LOUDNESS, _STEADY = 1, -1
_UNKNOWN = {"curve_db": tuple(-45 + 30 * max(i - 1, 0) / 126 for i in range(128)), "least_db": -60.0}


def write_neutone(program: Program, name: str) -> dict[str, bytes]:
    """Return the files of the format, by name.

    Args:
        program: The program to play.
        name: Of the instrument.
    """
    plain = PlainProgram(program).eval()
    card, knobs = program.metadata.get("card", {}), program.metadata.get("knobs", {})
    units = {key: str(said["unit"]) for key, said in program.metadata.get("inputs", {}).items()}
    dynamics = program.metadata.get("dynamics", _UNKNOWN)
    told, steady = [], []
    for one in program.inputs:
        given = _LOUDNESS if units.get(one.name) == "dB" and one.name not in knobs else _STEADY
        told.append(_GIVEN.get(one.name, given) if one.wire.size == 1 else _STEADY)
        value = torch.full((one.wire.size,), float(knobs.get(one.name, [one.default])[0]))
        steady.append(torch.eye(one.wire.size)[0] if one.name == "identity" else value)
    with torch.no_grad(), warnings.catch_warnings():
        # TorchScript is what Neutone loads; torch advises against it for other uses.
        warnings.simplefilter("ignore")
        one, eight = (traced_program(plain, n_frames) for n_frames in (1, 8))
        shell = NeutoneShell(
            one,
            eight,
            start=list(plain.start()),
            told=told,
            steady=steady,
            curve_db=tuple(dynamics["curve_db"]),
            least_db=float(dynamics["least_db"]),
            latency=program.latency,
            sample_rate=program.sample_rate,
            hop_length=program.hop_length,
        )
        credit, content = credits_of(card), io.BytesIO()
        torch.jit.save(torch.jit.script(shell.eval()), content, {"CREDITS.txt": credit})
    facts = _facts(program, card, name, shell.latency)
    readme = folder_readme(
        "neutone_folder",
        card,
        script=SCRIPT,
        sample_rate=program.sample_rate,
        latency_ms=f"{1000 * shell.latency / program.sample_rate:.0f}",
    )
    script = resources.files("oscine.export") / "neutone_folder" / SCRIPT
    return {
        FILE: content.getvalue(),
        FACTS: (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode(),
        SCRIPT: script.read_bytes(),
        "CREDITS.txt": credit.encode(),
        "README.md": readme.encode(),
    }


def _facts(program: Program, card: Mapping[str, Any], name: str, latency: int) -> dict[str, Any]:
    """Return what Neutone shows of the model, cut to the lengths that its SDK allows."""
    licence, credit = card.get("licence", "not stated"), card.get("credit", "not stated")
    return {
        "name": name[:30],
        "authors": [str(credit)[:100]],
        "short_description": "Plays what you sing or play on another instrument.",
        "long_description": "The model follows the pitch and the loudness of a single voice or instrument.",
        "technical_description": (
            "DDSP (differentiable digital signal processing), made with Oscine. "
            f"Licence of the recordings: {licence}. Credit: {credit}."
        )[:500],
        "sample_rate": program.sample_rate,
        "latency": latency,
    }


class NeutonePlayer:
    """A model of the format as Neutone calls it, at the instrument's own rate, with its settings' defaults.

    Attributes:
        latency: Samples from the sound to what follows it.
    """

    def __init__(self, content: bytes, program: Program, block: int = 512) -> None:
        self._model, self._program, self._block = torch.jit.load(io.BytesIO(content)), program, block
        self.latency: int = self._model.latency

    def follow(self, sound: Tensor) -> Tensor:
        """Return the audio that follows a sound from the start, both (1, time)."""
        with torch.inference_mode():
            self._model.reset()
            return torch.cat([self._model(x, 0.0, 0.0, 0.0, True) for x in sound.split(self._block, -1)], -1)

    def load(self, seconds: float) -> float:
        """Return the share of a core that following a tone takes, on one thread."""
        rate = self._program.sample_rate
        tone = 0.1 * torch.sin(2 * torch.pi * 220 / rate * torch.arange(round(seconds * rate)))[None]
        n_before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            self.follow(tone)  # The first calls compile something.
            began = time.process_time()
            self.follow(tone)
            return (time.process_time() - began) / seconds
        finally:
            torch.set_num_threads(n_before)

    def play(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return what its synthesis makes of these frames, (1, time); inputs by name, (1, frame, size)."""
        given = [
            inputs.get(one.name, torch.full((1, 1, one.wire.size), one.default))
            for one in self._program.inputs
        ]
        n_frames = max(curve.shape[1] for curve in given)
        given = [curve.expand(1, n_frames, -1) for curve in given]
        states, sound = list(self._model.start_states), []
        with torch.inference_mode():
            for at in range(n_frames):
                frame = [x[:, at : at + 1] if x.shape[2] > 1 else x[:, at : at + 1, 0] for x in given]
                audio, states = self._model.one(frame, states)
                sound.append(audio)
        return torch.cat(sound, -1)
