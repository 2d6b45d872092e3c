"""The format onnx: the graphs play what the instrument plays, in onnxruntime for Python and for node."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.export.onnx_check import NODE, curves, expected, in_node
from tests.export.small import small_instrument
from tests.runtime.programs import busy_program

from oscine.cli.main import main
from oscine.errors import InputError
from oscine.export import export
from oscine.export.onnx_graph import GRAPHS, OnnxPlayer, graph, interface
from oscine.models import Instrument
from oscine.models.inputs import CurveConfig, IdentityConfig
from oscine.streaming.plain import PlainProgram

pytest.importorskip("onnx", reason="install the packages onnx and onnxscript")
pytest.importorskip("onnxscript", reason="install the packages onnx and onnxscript")

# The graphs of an instrument take many seconds to export.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    return small_instrument(
        CurveConfig(name="breath"),
        IdentityConfig(names=("a", "b"), size=2),
        credit="Some | body\n# x",
    )


@pytest.fixture(scope="module")
def folder(instrument: Instrument, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx") / "violin"
    report = export(instrument, folder, "onnx")
    assert report.difference is not None
    assert report.difference < 1e-5
    assert report.load is not None
    assert set(report.files) == {
        *GRAPHS,
        *("interface.json", "CREDITS.txt", "README.md", "example.py", "example.mjs"),
    }
    return folder


def test_both_graphs_play_the_instrument_and_share_their_states(instrument: Instrument, folder: Path) -> None:
    given = curves(instrument.program(), 2.0)
    wanted = expected(instrument, given)
    one, eight = (OnnxPlayer((folder / name).read_bytes()) for name in GRAPHS)
    assert (one.n_frames, eight.n_frames) == (1, 8)
    for player in (one, eight):
        played = player.play(given)[0].numpy()
        assert np.abs(played - wanted).max() < 1e-5 * np.abs(wanted).max()
    one.reset()
    eight.reset()
    half = {name: curve[:, :80] for name, curve in given.items()}
    rest = {name: curve[:, 80:] for name, curve in given.items()}
    first = eight.play(half)
    one._states = eight._states
    played = torch.cat([first, one.play(rest)], 1)[0].numpy()
    assert np.abs(played - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_the_seed_is_a_state(instrument: Instrument, folder: Path) -> None:
    given = curves(instrument.program(), 0.5)
    player = OnnxPlayer((folder / "one_frame.onnx").read_bytes())
    player.reset(7)
    with torch.no_grad():
        conditions = {
            name: given[name] if one.size else given[name][..., 0]
            for name, one in zip(instrument.inputs, instrument.all_inputs(), strict=True)
        }
        wanted = instrument(conditions, seed=7)
    torch.testing.assert_close(player.play(given), wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


def test_bad_values_are_held_and_clamped(instrument: Instrument, folder: Path) -> None:
    given = curves(instrument.program(), 0.5)
    held = {name: curve.clone() for name, curve in given.items()}
    for name, bad in (("f0_hz", 0.0), ("f0_hz", torch.nan), ("f0_hz", torch.inf), ("loudness_db", torch.nan)):
        given[name][:, 30:40] = bad
        held[name][:, 30:40] = held[name][:, 29:30]
    given["loudness_db"][:, 50:60] = -torch.inf
    held["loudness_db"][:, 50:60] = -120.0
    player = OnnxPlayer((folder / "one_frame.onnx").read_bytes())
    played = player.play(given)
    player.reset()
    torch.testing.assert_close(played, player.play(held), rtol=0, atol=0)


def test_names_ranges_and_credit_are_in_the_folder_and_in_the_graphs(
    instrument: Instrument, folder: Path
) -> None:
    import onnx

    facts = json.loads((folder / "interface.json").read_text())
    assert [one["name"] for one in facts["inputs"]] == ["f0_hz", "loudness_db", "breath", "identity", "gain"]
    assert facts["inputs"][0]["unit"] == "Hz"
    assert "cc-by-3.0" in (folder / "CREDITS.txt").read_text()
    readme = (folder / "README.md").read_text()
    assert "Some \\| body \\# x" in readme
    for name, n_frames in GRAPHS.items():
        model = onnx.load(folder / name)
        onnx.checker.check_model(model, full_check=True)
        texts = {entry.key: entry.value for entry in model.metadata_props}
        assert json.loads(texts["interface"]) == facts
        assert texts["licence"] == "cc-by-3.0"
        shapes = {
            one.name: [axis.dim_value for axis in one.type.tensor_type.shape.dim]
            for one in (*model.graph.input, *model.graph.output)
        }
        assert shapes["f0_hz"] == [1, n_frames]
        assert shapes["identity"] == [1, n_frames, 2]
        assert shapes["audio"] == [1, 64 * n_frames]
        states = {"state." + one["name"]: one["shape"] for one in facts["states"]}
        assert {name: shape for name, shape in shapes.items() if name.startswith("state.")} == states
        assert {node.domain for node in model.graph.node} == {""}
        # No path of the machine that wrote it.
        assert str(Path(torch.__file__).parent).encode() not in (folder / name).read_bytes()
        assert b"streaming/plain" not in (folder / name).read_bytes()


def test_every_operation_has_a_graph() -> None:
    program = busy_program()
    plain = PlainProgram(program)
    given = curves(program, 0.4)
    wanted, *_ = plain(
        *(given[one.name] if one.wire.size > 1 else given[one.name][..., 0] for one in program.inputs),
        *plain.start(),
    )
    played = OnnxPlayer(graph(plain, 1, interface(program, plain))).play(given)
    torch.testing.assert_close(played, wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


def _a4(instrument: Instrument) -> np.ndarray:
    """What the examples play."""
    given = {
        one.name: torch.full((1, 500, one.wire.size), one.default) for one in instrument.program().inputs
    }
    given["f0_hz"][:] = 440.0
    given["loudness_db"][:] = -20.0
    return expected(instrument, given)


def test_the_example_for_python_plays(instrument: Instrument, folder: Path) -> None:
    run = subprocess.run([sys.executable, "-I", folder / "example.py"], check=True, capture_output=True)
    wanted = _a4(instrument)
    assert np.abs(np.frombuffer(run.stdout, "<f4") - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.mark.skipif(
    not (NODE / "node_modules" / "onnxruntime-node").exists(),
    reason="run npm install --ignore-scripts --prefix .cache/node onnxruntime-node",
)
def test_node_plays_the_same(instrument: Instrument, folder: Path) -> None:
    link = folder / "node_modules"
    link.symlink_to(NODE / "node_modules")
    run = subprocess.run(["node", folder / "example.mjs"], check=True, capture_output=True)
    link.unlink()
    wanted = _a4(instrument)
    assert np.abs(np.frombuffer(run.stdout, "<f4") - wanted).max() < 1e-5 * np.abs(wanted).max()
    given = curves(instrument.program(), 1.0)
    wanted = expected(instrument, given)
    for name in GRAPHS:
        played, _ = in_node(folder / name, given)
        assert np.abs(played - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_what_cannot_be_written_is_said(
    instrument: Instrument,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InputError, match="has float32 weights; leave out --weights"):
        export(instrument, tmp_path / "a", "onnx", weights="float16")
    instrument.save_pretrained(tmp_path / "violin")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        main(["export", str(tmp_path / "violin"), "--format", "onnx", "-o", str(tmp_path / "b")])
    assert ended.value.code == 2
    assert "pip install 'oscine[export]'" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "b").exists()
