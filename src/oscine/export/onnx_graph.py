"""``--format onnx``: an instrument as two ONNX graphs, of one frame and of eight, with the same states."""

import importlib.util
import json
import logging
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any

import numpy as np
import torch
from torch import Tensor

from oscine.errors import InputError
from oscine.export.card import credits_of, folder_readme, markdown
from oscine.streaming import Program
from oscine.streaming.plain import PlainProgram

GRAPHS = {"one_frame.onnx": 1, "eight_frames.onnx": 8}
_EXAMPLES = "example.py", "example.mjs"
_OPSET = 20
_STATE, _NEXT = "state.", "next."


def write_onnx(program: Program) -> dict[str, bytes]:
    """Return the files of the format, by name.

    Each graph takes the program's inputs by name, (1, frame) or (1, frame, size), and the states
    ``state.NAME``; it returns ``audio``, (1, frame · hop), and ``next.NAME``, the states for the next call.
    Both graphs have the same states, so a host may change between them from call to call.
    ``interface.json`` says all of this with numbers; the graphs carry the same text as metadata.

    Raises:
        InputError: When the packages that write ONNX are not installed.
    """
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript")):
        raise InputError(
            "The format onnx needs the packages onnx and onnxscript; install them with "
            "pip install 'oscine[export]'."
        )
    plain = PlainProgram(program).eval()
    facts = interface(program, plain)
    files = {name: graph(plain, n_frames, facts) for name, n_frames in GRAPHS.items()}
    files["interface.json"] = (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode()
    files["CREDITS.txt"] = credits_of(program.metadata.get("card", {})).encode()
    files["README.md"] = _readme(facts).encode()
    texts = resources.files("oscine.export") / "onnx_folder"
    return files | {name: (texts / name).read_bytes() for name in _EXAMPLES}


def interface(program: Program, plain: PlainProgram) -> dict[str, Any]:
    """Return what a host has to know, as JSON values: rates, inputs, states with first values, credit."""
    said = program.metadata.get("inputs", {})
    card = program.metadata.get("card", {})
    return {
        "sample_rate": program.sample_rate,
        "hop_length": program.hop_length,
        "latency": program.latency,
        "graphs": GRAPHS,
        "inputs": [
            {
                "name": one.name,
                "unit": said.get(one.name, {}).get("unit", ""),
                "size": one.wire.size,
                "default": one.default,
                "minimum": one.minimum,
                "maximum": one.maximum,
                "positive": one.positive,
            }
            for one in program.inputs
        ],
        "states": [
            {
                "name": name,
                "type": str(value.dtype).removeprefix("torch."),
                "shape": list(value.shape),
                # Before the start all numbers of a state are the same.
                "start": value.flatten()[0].item(),
            }
            for name, value in zip(plain.state_names, plain.start(), strict=True)
        ],
        "licence": card.get("licence"),
        "credit": card.get("credit"),
        "metadata": program.metadata,
    }


def graph(plain: PlainProgram, n_frames: int, facts: Mapping[str, Any]) -> bytes:
    """Return a file's content: a graph of so many frames, with the facts that `interface` returns."""
    from onnxscript import opset20 as operators

    def shifted(x: Any, n_bits: int) -> Any:
        factor: Any = operators.Constant(value_int=1 << n_bits)
        return operators.Div(x, factor)

    # ONNX shifts no signed number. Those that the plain form shifts are not negative, and a division does it.
    shifts = (torch.ops.aten.__rshift__.Scalar, torch.ops.aten.bitwise_right_shift.Tensor_Scalar)
    with torch.no_grad(), _quiet():
        made = torch.onnx.export(
            plain,
            (*plain.default_inputs(n_frames), *plain.start()),
            input_names=[*plain.input_names, *(_STATE + name for name in plain.state_names)],
            output_names=["audio", *(_NEXT + name for name in plain.state_names)],
            dynamo=True,
            opset_version=_OPSET,
            custom_translation_table=dict.fromkeys(shifts, shifted),
            verbose=False,
        )
    if made is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    model = made.model_proto
    model.producer_name = "oscine"
    model.doc_string = (
        f"Licence: {facts['licence'] or 'not stated'}. Credit: {facts['credit'] or 'not stated'}."
    )
    said = {name: facts[name] or "not stated" for name in ("licence", "credit")}
    numbers = {name: facts[name] for name in ("sample_rate", "hop_length", "latency")}
    texts = {**numbers, "n_frames": n_frames, **said, "interface": json.dumps(facts, ensure_ascii=False)}
    del model.metadata_props[:]
    for name, text in texts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = name, str(text)
    _without_traces(model)
    return model.SerializeToString(deterministic=True)


def _without_traces(model: Any) -> None:
    """Remove what the exporter noted about this machine: the lines of code that each node came from."""
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks about its own parts away from the user."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


class OnnxPlayer:
    """A graph of the format in onnxruntime, on one thread.

    Args:
        content: Of a graph's file.

    Attributes:
        seconds: Processor time of each run so far.
    """

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Decaying tails become numbers that are slow to compute with.
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        self._session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        texts = self._session.get_modelmeta().custom_metadata_map
        self.facts, self.n_frames = json.loads(texts["interface"]), int(texts["n_frames"])
        self.seconds: list[float] = []
        self.reset()

    def reset(self, seed: int = 0) -> None:
        """Go back to before the first sample; the seed is the noise's."""
        self._states = {
            one["name"]: np.full(one["shape"], seed if one["name"] == "seed" else one["start"], one["type"])
            for one in self.facts["states"]
        }

    def play(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return the audio of the next frames, (1, time).

        Args:
            inputs: By name, (1, frame, size); those that are left out stand at their default. Frames that
                do not fill a call of the graph are left out.
        """
        n_frames = next(iter(inputs.values())).shape[1]
        sound = []
        for first in range(0, n_frames - self.n_frames + 1, self.n_frames):
            feeds = {_STATE + name: value for name, value in self._states.items()}
            for one in self.facts["inputs"]:
                shape = (1, self.n_frames, one["size"]) if one["size"] > 1 else (1, self.n_frames)
                given = inputs.get(one["name"])
                feeds[one["name"]] = (
                    np.full(shape, one["default"], np.float32)
                    if given is None
                    else given[:, first : first + self.n_frames].reshape(shape).numpy()
                )
            began = time.process_time()
            audio, *states = self._session.run(None, feeds)
            self.seconds.append(time.process_time() - began)
            self._states = dict(zip(self._states, states, strict=True))
            sound.append(audio)
        return torch.from_numpy(np.concatenate(sound, 1))


def _readme(facts: Mapping[str, Any]) -> str:
    """Return the folder's README.md."""
    inputs = [
        f"| `{one['name']}` | {markdown(one['unit'], '')} | {one['size']} | {one['default']:g} | "
        f"{one['minimum']:g} to {one['maximum']:g} |"
        for one in facts["inputs"]
    ]
    return folder_readme(
        "onnx_folder",
        facts,
        sample_rate=facts["sample_rate"],
        hop_length=facts["hop_length"],
        eight=8 * facts["hop_length"],
        frame_ms=f"{1000 * facts['hop_length'] / facts['sample_rate']:.1f}",
        latency=facts["latency"],
        inputs="\n".join(inputs),
    )
