"""Runs what was built: installed in a new environment, and the libraries of other machines by emulators."""

import array
import json
import os
import shutil
import sys
from pathlib import Path

from tools.release.build import ROOT, run
from tools.release.targets import Target

_HERE = Path(__file__).parent
_RUNTIME = ROOT / "src" / "oscine" / "runtime" / "native"
#: Of the peak. Instruction sets and C libraries round differently.
_TOLERANCE = 1e-5
#: What runs a library here: of which Debian package, and the command.
_EMULATORS = {
    "linux-x86_64": ("", []),
    "linux-aarch64": ("qemu-user and libc6-arm64-cross", ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]),
    "windows-x86_64": ("wine64", ["wine64"]),
}
#: Debian's wine64 has no command on the PATH.
_FURTHER_PLACES = "/usr/lib/wine"


class Trial:
    """An environment in which a wheel is installed, far from the repository.

    Args:
        folder: Empty, or not there.
        torch: What pip is to install as torch, such as ``torch==2.13.0``.
    """

    def __init__(self, folder: Path, torch: str) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._bin = folder / "venv" / "bin"
        run([sys.executable, "-m", "venv", folder / "venv"])
        self._pip("install", torch)

    def install(self, what: Path, *, compiler: bool = True) -> str:
        """Install a wheel or an sdist, and return what `oscine --version` says.

        Args:
            what: The file.
            compiler: False where an sdist is to find none.
        """
        hidden = {} if compiler else {"CC": "no-compiler-here", "CXX": "no-compiler-here"}
        options = ["--no-deps", "--force-reinstall"] if what.suffix == ".gz" else []
        self._pip("install", *options, str(what), **hidden)
        return self.oscine("--version")

    def oscine(self, *arguments: str) -> str:
        """Return what a command prints."""
        return run([self._bin / "oscine", *arguments], self.folder, self._environment()).decode()

    def python(self, *arguments: str | Path) -> str:
        """Return what the environment's Python prints."""
        return run([self._bin / "python", *arguments], self.folder, self._environment()).decode()

    def sbom(self, to: Path, version: str) -> None:
        """Write what the environment consists of as CycloneDX, without pip and setuptools, which made it."""
        self._pip("uninstall", "--yes", "pip", "setuptools")
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
        run([*command, "--pyproject", ROOT / "pyproject.toml", "--output-file", to, self._bin / "python"])
        to.write_text(with_version(to.read_text(encoding="utf-8"), version), encoding="utf-8")

    def _pip(self, *arguments: str, **further: str) -> None:
        command = [self._bin / "python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
        run([*command, *arguments], self.folder, self._environment() | further)

    def _environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def with_version(sbom: str, version: str) -> str:
    """Return an SBOM that names the version of what it is of, which pyproject.toml leaves to the package.

    Raises:
        SystemExit: When it lacks what everything here stands on.
    """
    content = json.loads(sbom)
    names = {one["name"].lower() for one in content["components"]}
    if missing := {"torch", "numpy", "soundfile"} - names:
        raise SystemExit(f"The SBOM lacks {', '.join(sorted(missing))}.")
    content["metadata"]["component"]["version"] = version
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def use(trial: Trial) -> list[str]:
    """Walk the first steps of a newcomer by the wheel, and return what was done, as sentences."""
    said = trial.python("-m", "oscine", "--version")
    if said != trial.oscine("--version"):
        raise SystemExit(f"python -m oscine and oscine differ: {said}")
    if (form := _expected_kernels()) not in said:
        raise SystemExit(f"This processor has {form}, and the wheel's kernels are others: {said}")
    demo = trial.folder / "demo"
    trial.oscine("demo", "--steps", "20", "--out", str(demo))
    page = demo / "index.html"
    if not page.is_file() or "<audio" not in page.read_text(encoding="utf-8"):
        raise SystemExit(f"oscine demo wrote no page with sound to {page}.")
    trial.oscine("export", "violin", "-o", str(trial.folder / "program.oscine"))
    trial.python(_HERE / "reference.py", trial.folder)
    return [
        f"`oscine --version`: {'; '.join(said.splitlines())}.",
        "`oscine demo --steps 20` wrote its page.",
    ]


def _expected_kernels() -> str:
    """Return the fastest kernels that Linux says this processor is made for."""
    flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    if not {"avx2", "fma", "f16c"} <= flags:
        return "portable"
    return "avx512" if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags else "avx2"


def play(name: str, target: Target, library: Path, trial: Trial) -> str:
    """Load a library and play the trial's program by it, as far as this machine can; return a sentence.

    Raises:
        SystemExit: When the library does not load, or its audio is another.
    """
    if name not in _EMULATORS:
        return "NOT RUN: nothing here runs programs for macOS; only its header and imports were read."
    package, command = _EMULATORS[name]
    if command:
        places = f"{os.environ['PATH']}{os.pathsep}{_FURTHER_PLACES}"
        emulator = shutil.which(command[0], path=places)
        if emulator is None or (name == "linux-aarch64" and not Path(command[-1]).is_dir()):
            return f"NOT RUN: {command[0]} is not here; on Debian, install {package}."
        command = [emulator, *command[1:]]
    player = trial.folder / f"player-{name}{'.exe' if target.suffix == '.dll' else ''}"
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", target.triple, "-O2", "-s"]
    run([*compiler, f"-I{_RUNTIME}", _HERE / "player.c", "-o", player])
    given = (trial.folder / "inputs.f32").read_bytes()
    environment = os.environ | {"WINEPREFIX": str(trial.folder / "wine"), "WINEDEBUG": "-all"}
    program = trial.folder / "program.oscine"
    played = _floats(run([*command, player, library, program], trial.folder, environment, given))
    expected = _floats((trial.folder / "expected.f32").read_bytes())
    peak = max(map(abs, expected))
    worst = max(abs(a - b) for a, b in zip(played, expected, strict=True)) / peak
    if not worst <= _TOLERANCE:
        raise SystemExit(f"{library.name} for {name} plays something else: {worst:.1e} of the peak away.")
    return (
        f"Played the violin{f' by {Path(command[0]).name}' if command else ''}, {worst:.1e} of the peak away."
    )


def _floats(content: bytes) -> "array.array[float]":
    values = array.array("f")
    values.frombytes(content)
    return values
