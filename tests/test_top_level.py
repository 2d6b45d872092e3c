"""The names of `import oscine`: the same thing in whatever order anything is imported."""

import os
import subprocess
import sys
import types

import pytest
import torch

import oscine
from oscine.analysis import Features
from oscine.data.statistics import measure_statistics

FUNCTIONS = ("analyze", "evaluate", "fit", "load", "play", "prepare", "render", "train")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_a_function(name):
    assert isinstance(getattr(oscine, name), types.FunctionType)
    assert name in dir(oscine)
    assert name in oscine.__all__


def test_no_module_has_the_name_of_a_function():
    """Such a module would take the function's place as soon as it is imported."""
    import pkgutil

    modules = {module.name for module in pkgutil.iter_modules(oscine.__path__)}
    assert not modules & set(oscine.__all__)


def test_the_functions_survive_every_order_of_imports():
    lines = [
        "import oscine.evaluation",
        "from oscine.evaluation import Evaluation, evaluate",
        "import oscine.evaluation.evaluation as inner",
        "import oscine; oscine.evaluate",
        "from oscine import evaluate, train, prepare, play, render, load",
        "import oscine.training, oscine.transfer.playing, oscine.data.prepare, oscine.performance.render",
    ]
    check = (
        "import types, oscine\n"
        f"bad = [n for n in {FUNCTIONS!r} if not isinstance(getattr(oscine, n), types.FunctionType)]\n"
        "assert not bad, bad\n"
        "assert isinstance(oscine.evaluation, types.ModuleType)\n"
        "assert oscine.evaluation.evaluate is oscine.evaluate\n"
    )
    # Each order in a package of its own: the modules of oscine are forgotten in between, not those below.
    script = (
        "import sys\n"
        f"lines, check = {lines!r}, {check!r}\n"
        "for order in (lines, lines[::-1]):\n"
        "    for name in [n for n in sys.modules if n == 'oscine' or n.startswith('oscine.')]:\n"
        "        if not name.startswith(('oscine.kernels', 'oscine.runtime')): del sys.modules[name]\n"
        "    exec('\\n'.join(order) + '\\n' + check, {})\n"
        "print('done')\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("done\n", "")


def test_large_objects_are_one_line_in_words():
    violin = oscine.load("violin")
    assert repr(violin) == (
        "violin: f0 and loudness → harmonics + noise + reverb, 44.1 kHz, 229 k parameters, A3 to C♯6"
    )
    assert "20 identities" in repr(oscine.load("orchestra"))
    assert str(violin.statistics).startswith("statistics of 3.0 minutes, ")
    n = 500
    features = Features(
        torch.full((n,), 440.0), torch.ones(n), torch.full((n,), -20.0), torch.full((n,), -20.0), 16_000, 64
    )
    assert repr(features) == "features: 2.0 s, 500 frames, 250 a second, 100 % with a pitch, A4 to A4"
    silent = Features(features.f0_hz, torch.zeros(n), features.loudness_db, features.power_db, 16_000, 64)
    assert repr(silent).endswith("no pitch")
    empty = silent.slice(0, 0)
    assert repr(empty) == "features: 0.0 s, 0 frames, 250 a second, no pitch"
    curves = (one.numpy() for one in (features.f0_hz, features.confidence, features.loudness_db))
    f0_hz, confidence, loudness_db = curves
    learned = measure_statistics(f0_hz, confidence, loudness_db, 250.0, 0.5)
    for one in (violin, violin.statistics, features, learned):
        for text in (repr(one), str(one)):
            assert "\n" not in text
            assert len(text) < 160


def test_the_libraries_leave_nothing_in_the_users_folders(tmp_path):
    """Telemetry of onnxruntime leaves a session and a database, PyTorch's compiler a folder."""
    script = (
        "import sys, oscine, oscine.analysis.pitch.swift_f0 as tracker\n"
        "tracker._tracker(); oscine.load('violin-16k')\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    places = {"TMPDIR": str(tmp_path), "TEMP": str(tmp_path), "HOME": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", script], env=environment | places, check=True)
    left = [path.name for path in tmp_path.rglob("*")]
    assert not [name for name in left if name == ".ses" or "Microsoft" in name or "torchinductor" in name]
