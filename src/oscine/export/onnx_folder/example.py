"""Plays two seconds of A4 and writes them as float32 samples: python example.py > a4.f32."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

folder = Path(__file__).parent
facts = json.loads((folder / "interface.json").read_text(encoding="utf-8"))
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.add_session_config_entry("session.set_denormal_as_zero", "1")
session = onnxruntime.InferenceSession(str(folder / "one_frame.onnx"), options)

inputs = {}
for one in facts["inputs"]:
    shape = (1, 1, one["size"]) if one["size"] > 1 else (1, 1)
    inputs[one["name"]] = np.full(shape, one["default"], np.float32)
states = {"state." + one["name"]: np.full(one["shape"], one["start"], one["type"]) for one in facts["states"]}

for _ in range(2 * facts["sample_rate"] // facts["hop_length"]):
    for name, value in (("f0_hz", 440.0), ("loudness_db", -20.0)):
        if name in inputs:
            inputs[name][:] = value
    audio, *after = session.run(None, inputs | states)
    states = dict(zip(states, after, strict=True))
    sys.stdout.buffer.write(np.asarray(audio).tobytes())
