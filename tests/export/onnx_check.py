"""``python -m tests.export.onnx_check [INSTRUMENT …]``: the table of docs/onnx.md.

Exports every recipe, with untrained weights that make all of its parts sound, and the given instruments;
plays ten seconds of each in onnxruntime, one and eight frames at a time, and in node where onnxruntime-node
is; and writes the largest difference to `Instrument.forward`, over its peak, and the share of one core.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from tests.models.test_program import _loud
from torch import Tensor

from oscine.export.onnx_graph import GRAPHS, OnnxPlayer, write_onnx
from oscine.models import Instrument, list_recipes, load_recipe
from oscine.runtime import Engine, engines
from oscine.streaming import Program

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "onnx.md"
#: Where `npm install --ignore-scripts --prefix .cache/node onnxruntime-node` puts it.
NODE = ROOT / ".cache" / "node"
_SCRIPT = Path(__file__).with_name("onnx_play.mjs")
_BEGIN, _END = "<!-- table: python -m tests.export.onnx_check -->\n", "<!-- end of the table -->"


def curves(program: Program, duration_s: float) -> dict[str, Tensor]:
    """A performance by name, (1, frame, size): vibrato, glides, breaks, all inputs moving."""
    n_frames = round(duration_s * program.sample_rate / program.hop_length) // 8 * 8
    time_s = torch.arange(n_frames) * program.hop_length / program.sample_rate
    generator = torch.Generator().manual_seed(0)
    made = {}
    for one in program.inputs:
        if one.name == "f0_hz":
            glide = torch.sin(0.7 * time_s) + 0.02 * torch.sin(2 * torch.pi * 5.5 * time_s)
            curve = (260.0 * 2**glide)[None, :, None]
            curve[:, n_frames // 3 : n_frames // 3 + 20] = 0.0  # what trackers say of silence
        elif one.name == "gain":
            curve = torch.ones(1, n_frames, 1)
        elif one.name == "loudness_db":
            curve = (-35 + 20 * torch.sin(3.1 * time_s))[None, :, None]
        else:
            centre = one.default
            curve = centre + 0.3 * torch.rand(1, n_frames, one.wire.size, generator=generator)
        made[one.name] = curve
    return made


def expected(instrument: Instrument, given: dict[str, Tensor]) -> np.ndarray:
    """The instrument's own sound."""
    conditions = {
        name: given[name] if one.size else given[name][..., 0]
        for name, one in zip(instrument.inputs, instrument.all_inputs(), strict=True)
    }
    with torch.no_grad():
        return instrument(conditions)[0].numpy()


def in_node(graph: Path, given: dict[str, Tensor]) -> tuple[np.ndarray, float]:
    """A graph's sound in node, and the share of one core."""
    with tempfile.NamedTemporaryFile(suffix=".f32") as file:
        file.write(b"".join(curve.numpy().tobytes() for curve in given.values()))
        file.flush()
        command = ["node", str(_SCRIPT), str(graph), file.name, str(NODE)]
        run = subprocess.run(command, check=True, capture_output=True)
    return np.frombuffer(run.stdout, np.float32), float(run.stderr.split()[-1])


def _row(name: str, instrument: Instrument) -> str:
    program = instrument.program()
    given = curves(program, 10.0)
    wanted = expected(instrument, given)
    peak = np.abs(wanted).max()
    n_s = len(wanted) / program.sample_rate
    cells = [f"`{name}`", f"{program.sample_rate / 1000:g} kHz, {program.hop_length}"]
    with tempfile.TemporaryDirectory() as folder:
        files = write_onnx(program)
        cells.append(f"{len(files['one_frame.onnx']) / 1e6:.1f} MB")
        for file, content in files.items():
            (Path(folder) / file).write_bytes(content)
        for graph in GRAPHS:
            player = OnnxPlayer(files[graph])
            call_s = player.n_frames * program.hop_length / program.sample_rate
            played = player.play(given)[0].numpy()
            cells += [
                f"{np.abs(played - wanted).max() / peak:.1e}",
                f"{np.median(player.seconds) / call_s:.1%}",
            ]
        if (NODE / "node_modules" / "onnxruntime-node").exists():
            played, load = in_node(Path(folder) / "one_frame.onnx", given)
            cells += [f"{np.abs(played - wanted).max() / peak:.1e}", f"{load:.1%}"]
        else:
            cells += ["not run", "not run"]
    if engines():
        engine = Engine(program.to_bytes())
        began = time.process_time()
        played = engine.play(given)[0].numpy()
        load = (time.process_time() - began) / n_s
        cells += [f"{np.abs(played - wanted).max() / peak:.1e}", f"{load:.1%}"]
    else:
        cells += ["not run", "not run"]
    return "| " + " | ".join(cells) + " |"


def main(folders: list[str]) -> None:
    torch.set_num_threads(1)
    head = (
        "instrument | rate, samples per frame | one-frame graph | 1 frame: difference | load | 8 frames: "
        "difference | load | node, 1 frame: difference | load | C++ runtime: difference | load"
    )
    rows = [f"| {head} |", "|" + "---|" * 11]
    for folder in folders:
        rows.append(_row(Path(folder).parent.name, Instrument.from_pretrained(folder)))
        print(rows[-1], flush=True)  # noqa: T201
    for name in list_recipes():
        torch.manual_seed(0)
        rows.append(_row(name, _loud(load_recipe(name).instrument)))
        print(rows[-1], flush=True)  # noqa: T201
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split(_BEGIN)[0], text.split(_END)[1]
    PAGE.write_text(before + _BEGIN + "\n" + "\n".join(rows) + "\n\n" + _END + after, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
