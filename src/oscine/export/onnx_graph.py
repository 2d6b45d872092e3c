"""``--format onnx``: an instrument as two ONNX graphs, of one frame and of eight, which share their states."""

import importlib.util
import io
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
from oscine.export.card import credits_of
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
            "The format onnx needs the packages onnx and onnxscript; install them with pip install 'oscine[export]'."
        )
    plain = PlainProgram(program).eval()
    facts = interface(program, plain)
    files = {name: graph(plain, n_frames, facts) for name, n_frames in GRAPHS.items()}
    files["interface.json"] = (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode()
    files["CREDITS.txt"] = credits_of(program.metadata.get("card", {})).encode()
    files["README.md"] = _readme(facts).encode()
    texts = resources.files("oscine.export") / "onnx_examples"
    return files | {name: (texts / name).read_bytes() for name in _EXAMPLES}


def interface(program: Program, plain: PlainProgram) -> dict[str, Any]:
    """Return what a host has to know, as JSON values: rates, inputs, states and their first values, credit."""
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
        return operators.Div(x, operators.Constant(value_int=1 << n_bits))

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
    model.doc_string = f"Licence: {facts['licence'] or 'not stated'}. Credit: {facts['credit'] or 'not stated'}."
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
        seconds: Processor time that its runs have taken so far.
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
        self.seconds = 0.0
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
            self.seconds += time.process_time() - began
            self._states = dict(zip(self._states, states, strict=True))
            sound.append(audio)
        return torch.from_numpy(np.concatenate(sound, 1))


def _readme(facts: Mapping[str, Any]) -> str:
    """Return the folder's README.md."""
    text = io.StringIO()
    rate, hop = facts["sample_rate"], facts["hop_length"]
    text.write(
        f"# An instrument for onnxruntime\n\n"
        f"Licence of the recordings: {_plain(facts['licence'])}. Credit: {_plain(facts['credit'])}.\n\n"
        f"`one_frame.onnx` makes {hop} samples in a call, at {rate} Hz ({1000 * hop / rate:.1f} ms); `eight_frames.onnx` makes\n"
        f"{8 * hop}, with less work for each sample. Both have the same states, so you can change between them at any call.\n\n"
        "## Run an example\n\n"
        "Both examples play two seconds of A4 and write them as float32 samples:\n\n"
        "    pip install onnxruntime\n    python example.py > a4.f32\n\n"
        "    npm install onnxruntime-node\n    node example.mjs > a4.f32\n\n"
        "## What a graph takes and returns\n\n"
        "`interface.json` has all names, shapes and ranges; each graph carries the same text in its metadata, as `interface`.\n\n"
        "| input | unit | values per frame | default | range |\n|---|---|---|---|---|\n"
    )
    for one in facts["inputs"]:
        text.write(
            f"| `{one['name']}` | {_plain(one['unit'], '')} | {one['size']} | {one['default']:g} | "
            f"{one['minimum']:g} to {one['maximum']:g} |\n"
        )
    text.write(
        "\nAn input has the shape (1, frames), or (1, frames, values) where it has several values per frame; its type is\n"
        "float32. The value of a frame describes the frame's end. A value that is not a number is replaced by the last good\n"
        "one, and a value outside the range is clamped.\n\n"
        "The output `audio` has the shape (1, samples). All that the instrument remembers is in the states: a graph takes\n"
        "`state.NAME` and returns `next.NAME`, which is the `state.NAME` of the next call. Before the start, every number of a\n"
        "state is its `start` in `interface.json`. `state.seed` (int64) selects the noise; it is returned as it is.\n"
        f"The audio lags the inputs by {facts['latency']} samples.\n"
    )
    return text.getvalue()


def _plain(said: Any, missing: str = "not stated") -> str:
    """Return a text as one line that Markdown leaves alone."""
    return " ".join(str(said).split()).translate({ord(c): f"\\{c}" for c in "\\`*_|[]<>#"}) if said else missing
