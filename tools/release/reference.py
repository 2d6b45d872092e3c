"""What a library has to play: ``python reference.py FOLDER``, by an Oscine that is installed.

FOLDER holds program.oscine. Curves for its inputs are written beside it, and the audio that this machine's
library plays of them.
"""

import sys
from pathlib import Path

import torch

from oscine.runtime import Engine

_N_FRAMES = 400


def main() -> None:
    """Write inputs.f32 and expected.f32."""
    folder = Path(sys.argv[1])
    engine = Engine((folder / "program.oscine").read_bytes())
    time = torch.arange(_N_FRAMES) / _N_FRAMES
    curves = {"f0_hz": 440 * 2 ** torch.sin(9 * time), "loudness_db": -30 + 10 * torch.sin(20 * time)}
    inputs = {
        name: curves.get(name, torch.full((_N_FRAMES,), one.default))[None, :, None].repeat(1, 1, one.size)
        for name, one in engine.inputs.items()
    }
    given = torch.cat([values[0] for values in inputs.values()], 1)
    (folder / "inputs.f32").write_bytes(given.numpy().astype("<f4").tobytes())
    (folder / "expected.f32").write_bytes(engine.play(inputs)[0].numpy().astype("<f4").tobytes())


if __name__ == "__main__":
    main()
