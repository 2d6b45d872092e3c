"""``python -m tests.export.onnx_check [INSTRUMENT …]``: ONNX graphs against the instrument, and their load.

Exports the given instruments, plays ten seconds of each in onnxruntime, one and eight frames at a time, and
in node where onnxruntime-node is, and prints the largest difference to `Instrument.forward`, over its peak,
and the share of one core. With ``--page`` every recipe as well, with untrained weights that make all of its
parts sound, and the table goes into docs/how-to/onnx.md.
"""

import argparse
import importlib.util
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
PAGE = ROOT / "docs" / "how-to" / "onnx.md"
#: Where `npm install --ignore-scripts --prefix .cache/node onnxruntime-node` puts it.
NODE = ROOT / ".cache" / "node"
#: The largest difference; of recipes whose partials each add up a phase of their own, it is only told.
TOLERANCE, INEXACT = 1e-5, ("inharmonic",)
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


def _row(name: str, instrument: Instrument) -> tuple[str, float]:
    """A line of the table, and the largest difference of the graphs."""
    program = instrument.program()
    given = curves(program, 10.0)
    wanted = expected(instrument, given)
    peak = np.abs(wanted).max()
    differences: list[float] = []
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
            differences.append(float(np.abs(played - wanted).max() / peak))
            cells += [
                f"{differences[-1]:.1e}",
                f"{np.median(player.seconds) / call_s:.1%}",
            ]
        if (NODE / "node_modules" / "onnxruntime-node").exists():
            played, load = in_node(Path(folder) / "one_frame.onnx", given)
            differences.append(float(np.abs(played - wanted).max() / peak))
            cells += [f"{differences[-1]:.1e}", f"{load:.1%}"]
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
    return "| " + " | ".join(cells) + " |", max(differences)


def main() -> None:
    """Measure, print the table, and fail where the sound is another."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("instruments", nargs="*", metavar="INSTRUMENT")
    parser.add_argument(
        "--page", action="store_true", help="all recipes too, and the table into docs/how-to/onnx.md"
    )
    given = parser.parse_args()
    if importlib.util.find_spec("onnxscript") is None:
        sys.stdout.write("ONNX: skipped, since onnxscript is missing; pip install 'oscine[export]'.\n")
        return
    torch.set_num_threads(1)
    head = (
        "instrument | rate, samples per frame | one-frame graph | 1 frame: difference | load | 8 frames: "
        "difference | load | node, 1 frame: difference | load | C++ runtime: difference | load"
    )
    rows, wrong = [f"| {head} |", "|" + "---|" * 11], []
    players = [(Path(folder).parent.name, Instrument.from_pretrained(folder)) for folder in given.instruments]
    for name in list_recipes() if given.page else ():
        torch.manual_seed(0)
        players.append((name, _loud(load_recipe(name).instrument)))
    for name, instrument in players:
        row, difference = _row(name, instrument)
        rows.append(row)
        sys.stdout.write(f"{row}\n")
        if difference > TOLERANCE and name not in INEXACT:
            wrong.append(f"{name} differs by {difference:.1e} of the peak")
    if given.page:
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.split(_BEGIN)[0], text.split(_END)[1]
        PAGE.write_text(before + _BEGIN + "\n" + "\n".join(rows) + "\n\n" + _END + after, encoding="utf-8")
    if wrong:
        raise SystemExit(f"ONNX: {'; '.join(wrong)}.")


if __name__ == "__main__":
    main()
