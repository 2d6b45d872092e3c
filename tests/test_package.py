"""The package: what importing costs, which way imports point, what it holds, what the locks promise."""

import ast
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

import oscine
from oscine import recordings
from oscine.errors import InputError

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "oscine"
MODULES = sorted(SOURCE.rglob("*.py"))

# Lower layers first; a module imports from its own level or from below.
LAYERS = [
    {"kernels", "runtime"},
    {"functional"},
    {"audio", "streaming", "notes"},
    {"processors", "networks", "analysis"},
    {"losses", "data"},
    {"models"},
    {"training"},
    {"transfer", "evaluation", "performance", "export", "fitting", "voices"},
    {"realtime"},
    {"studio"},
    {"cli", "__main__"},
]
#: What every layer may import, and what imports no layer.
FOUNDATION = {
    *("arguments", "cluster", "devices", "errors", "explain", "file_lock", "files", "instruments"),
    *("note_names", "plural", "recipes", "recordings", "tensor_file", "threads", "weights"),
}
HEAVY = [
    "mido",
    "rtmidi",
    "sounddevice",
    "tensorboard",
    "matplotlib",
    "swift_f0",
    "soundfile",
    "soxr",
    "onnxruntime",
    "huggingface_hub",
    "typer",
    "rich",
    "fastapi",
    "uvicorn",
    "sqlite3",
]


def _level(layer: str) -> int:
    return next((level for level, names in enumerate(LAYERS) if layer in names), -1)


def _imports(path: Path) -> list[str]:
    """The names below ``oscine`` that a file imports, wherever in the file the import stands."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} line {node.lineno}: write imports absolutely"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if p.parent != SOURCE or not p.name.startswith("__")],
    ids=lambda p: str(p.relative_to(SOURCE)),
)
def test_imports_point_down(path):
    own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if own in FOUNDATION:
        level = -1
    else:
        level = _level(own)
        assert level >= 0, f"{own} has no place among the layers of the design"
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] != "oscine" or len(parts) < 2:
            continue
        assert _level(parts[1]) <= level, f"{path.relative_to(SOURCE)} imports {name}, which is above it"


def test_import_costs_torch_and_nothing_else():
    code = f"import sys, oscine; print([name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_nothing_imports_what_does_not_fit_beside_a_cpu_torch_or_reads_pickles(path):
    roots = {name.split(".")[0] for name in _imports(path)}
    assert not roots & {"torchaudio", "torchcodec", "pickle", "numba", "librosa", "parselmouth"}


def test_every_public_name_is_there():
    packages = [".".join(path.relative_to(SOURCE.parent).parts[:-1]) for path in SOURCE.rglob("__init__.py")]
    for name in packages:
        package = importlib.import_module(name)
        for public in getattr(package, "__all__", ()):
            assert getattr(package, public) is not None, f"{name}.__all__ lists {public}, which is not there"


def test_the_version_is_said_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    assert project["dynamic"] == ["version"]
    assert importlib.metadata.version("oscine") == oscine.__version__
    assert f"## {oscine.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [oscine.__version__]


@pytest.mark.parametrize("lock", ["lock.txt", "dev.txt"])
def test_the_lock_pins_by_hash_and_names_no_machine(lock):
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    pins = re.findall(
        r"^([A-Za-z0-9_.\-]+)==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE
    )
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pins) == len(lines) > 50
    assert not re.search(r"https?://|file:|--index|--find-links|/opt/|/tmp/|/home/|/work/", text)
    names = {name.lower().replace("_", "-") for name, _ in pins}
    assert not {name for name in names if name.startswith(("nvidia", "triton")) or name == "torch"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    if lock == "dev.txt":
        wanted += [line for extra in project["optional-dependencies"].values() for line in extra]
    for requirement in wanted:
        name = re.match(r"[A-Za-z0-9_.\-]+", requirement)
        assert name is not None
        plain = name.group().lower().replace("_", "-")
        assert plain in names or plain == "torch", (
            f"{requirement} is not in requirements/{lock}: run make lock"
        )


def test_the_commands_of_the_readme_are_those_of_the_makefile_and_of_continuous_integration():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    said = set(re.findall(r"(?:`|^ *)make ([a-z]+)", readme, re.MULTILINE))
    assert {"demo", "test", "setup", "lint", "bench", "docs"} <= said <= targets
    integration = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in integration
    assert "make lint" in integration


def test_recordings_are_there_small_attributed_and_sound():
    files = sorted(SOURCE.glob("recordings/**/*.flac"))
    assert sum(file.stat().st_size for file in files) <= 6e6
    inside = [recordings.path(name) for name in recordings.names()]
    assert all(any(file.is_relative_to(place) for place in inside) for file in files)
    for file in files:
        assert str(file.relative_to(SOURCE / "recordings")) in recordings.attribution()
        audio, sample_rate = soundfile.read(file)
        assert audio.ndim == 1
        assert sample_rate in {16000, 24000}
        assert 0.05 < np.abs(audio).max() <= 1.0
        assert abs(audio[0]) < 1e-3
        assert abs(audio[-1]) < 1e-3
    violin = sum(soundfile.info(file).duration for file in recordings.path("violin").glob("*.flac"))
    assert 150 < violin < 220


def test_an_unknown_recording_is_refused_with_the_names_that_there_are():
    with pytest.raises(InputError, match="choose one of violin, singing, trumpet"):
        recordings.path("kazoo")


def test_the_readme_and_the_documents_name_no_command_that_is_not_there():
    from oscine.cli.main import app

    commands = {str(command.callback.__name__) for command in app.registered_commands if command.callback}
    commands |= {str(group.name) for group in app.registered_groups}
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        said = set(re.findall(r"(?:`|^ *)oscine ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert said <= commands, f"{page.name} names {said - commands}"
    assert {"analyze", "prepare", "train", "evaluate", "transfer", "recipes", "demo"} <= commands
