"""The weights of the live tracker as the runtime's source."""

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

import oscine
from oscine import weights
from oscine.files import write_atomically

HEADER = Path(oscine.__file__).parent / "runtime" / "native" / "pitch_weights.h"

_NAMES = {
    **{f"convolutions.{i}.weight": f"CONVOLUTION_{i}" for i in range(5)},
    **{f"convolutions.{i}.bias": f"BIAS_{i}" for i in range(5)},
    "pitch.weight": "PITCH",
    "pitch.bias": "PITCH_BIAS",
    "hidden.weight": "HIDDEN",
    "hidden.bias": "HIDDEN_BIAS",
    "voicing.weight": "VOICED",
    "voicing.bias": "VOICED_BIAS",
}


def stored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors as they are kept: the convolutions' weights in float16."""
    return {
        name: (tensor.half() if _is_half(name) else tensor).contiguous() for name, tensor in tensors.items()
    }


def _is_half(name: str) -> bool:
    return name.startswith("convolutions") and name.endswith("weight")


def header(tensors: Mapping[str, Tensor]) -> str:
    """Return the tensors as arrays, written so that each is read back bit for bit.

    Those of the convolutions, which are most of them, have 16 bits.
    """
    lines = [
        "// The weights of the live tracker's network, written by",
        "// `python -m benchmarks.live_pitch header` from weights/live_pitch.safetensors.",
        "// weights/ATTRIBUTION.md says whose recordings they were learned from.",
        "#pragma once",
        "",
        "#include <cstdint>",
        "",
        "namespace {",
        "",
        "struct PitchWeights {",
        f"    static constexpr int64_t CHANNELS = {tensors['pitch.weight'].shape[1]};",
        f"    static constexpr int64_t VOICING = {tensors['hidden.weight'].shape[0]};",
    ]
    for name, ours in _NAMES.items():
        if _is_half(name):
            words = tensors[name].half().flatten().view(torch.int16).numpy().view("uint16").tolist()
            lines.append(f"    static constexpr uint16_t {ours}[{len(words)}] = {{")
            rows = (words[begin : begin + 16] for begin in range(0, len(words), 16))
            lines += ["        " + ", ".join(map(str, row)) + "," for row in rows]
            lines.append("    };")
            continue
        values = tensors[name].float().flatten().tolist()
        lines.append(f"    static constexpr float {ours}[{len(values)}] = {{")
        for begin in range(0, len(values), 10):
            row = ", ".join(f"{value:.9g}" for value in values[begin : begin + 10])
            lines.append(f"        {_with_points(row)},")
        lines.append("    };")
    return "\n".join([*lines, "};", "", "}  // namespace", ""])


def _with_points(row: str) -> str:
    """Return numbers as floats of C++."""
    return ", ".join(f"{one}f" if {".", "e"} & set(one) else f"{one}.0f" for one in row.split(", "))


def write_header() -> None:
    """Write the header from the package's weights."""
    tensors = safetensors.torch.load_file(weights.path("live_pitch"))
    write_atomically(HEADER, header(tensors).encode())
