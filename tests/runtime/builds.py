"""The runtime for machines that this one is not: how it is built, and how it is run here.

``python -m tests.runtime.builds FOLDER`` (``make runtimes``) builds all of them, plays a program by each and
compares the audio with Python's.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tests.runtime.programs import busy_program

import oscine
from oscine.runtime import Engine

HERE = Path(__file__).parent
NATIVE = Path(oscine.__file__).parent / "runtime" / "native"
INCLUDES = [f"-I{NATIVE}", f"-I{NATIVE.parents[1] / 'kernels' / 'native'}"]
FLAGS = ["-O3", "-fwrapv", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi", "-Wno-unknown-pragmas"]
CPP = ["-std=c++17", "-fno-exceptions", "-fno-rtti"]
_NAMES = "runtime", "live", "keyboard", "listener", "performer", "engines", "portable"
SOURCES = [str(NATIVE / f"{name}.cpp") for name in _NAMES]
TOLERANCE = 1e-5


@dataclass
class Build:
    """A target: the programs that it needs, and what builds and runs it."""

    tools: tuple[str, ...]
    packages: str
    """What has them, on Debian."""
    file: str
    build: Callable[[Path], None]
    run: Callable[[Path, Path], list[str]]

    def missing(self) -> list[str]:
        """Return which of its tools are not here."""
        return [tool for tool in self.tools if shutil.which(tool) is None]


def page_block(language: str) -> str:
    """Return the first code of a language on the page about the program file."""
    page = (HERE.parents[1] / "docs" / "background" / "program-file.md").read_text()
    return page.split(f"```{language}\n")[1].split("```")[0]


def _run(*command: str | Path, given: bytes | None = None) -> bytes:
    done = subprocess.run([*map(str, command)], input=given, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode()}")
    return done.stdout


def _native(compiler: str, *options: str) -> Callable[[Path], None]:
    """Return what builds the page's player with a C and a C++ compiler of this name."""

    def build(to: Path) -> None:
        compile_c = compiler.replace("g++", "gcc").replace("c++", "cc")
        source, objects = to.with_suffix(".c"), to.with_suffix(".o")
        source.write_text(page_block("c"))
        strict = "-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"
        _run(compile_c, *strict, *INCLUDES, "-c", source, "-o", objects)
        _run(compiler, *CPP, *FLAGS, *options, *INCLUDES, *SOURCES, objects, "-o", to)
        source.unlink()
        objects.unlink()

    return build


def _webassembly(to: Path) -> None:
    header = (NATIVE / "oscine_runtime.h").read_text()
    names = {*re.findall(r"OSCINE_EXPORT .*?(oscine_\w+)\(", header), "malloc", "free"}
    exports = ",".join(f"--export={name}" for name in sorted(names))
    target = ["--target=wasm32-wasi", "-msimd128", "-fvisibility=hidden", "-mexec-model=reactor"]
    _run(
        "clang++-19",
        *target,
        *CPP,
        *FLAGS,
        *INCLUDES,
        *SOURCES,
        f"-Wl,{exports},--strip-all,--gc-sections",
        "-o",
        to,
    )


BUILDS = {
    "scalar": Build(
        ("c++", "cc"),
        "g++",
        "player-scalar",
        _native("c++", "-DWIDTH=1", "-DOSCINE_ONE_ENGINE"),
        lambda built, program: [str(built), str(program)],
    ),
    "aarch64": Build(
        ("aarch64-linux-gnu-g++", "aarch64-linux-gnu-gcc", "qemu-aarch64"),
        "g++-aarch64-linux-gnu qemu-user",
        "player-aarch64",
        _native("aarch64-linux-gnu-g++", "-static"),
        lambda built, program: ["qemu-aarch64", str(built), str(program)],
    ),
    "WebAssembly": Build(
        ("clang++-19", "wasm-ld-19", "node"),
        "clang-19 lld-19 wasi-libc libc++-19-dev-wasm32 libclang-rt-19-dev-wasm32 nodejs",
        "oscine.wasm",
        _webassembly,
        lambda built, program: ["node", str(HERE / "play.mjs"), str(built), str(program)],
    ),
}


def difference(name: str, folder: Path, dtype: str = "float32") -> float:
    """Build a target and return its largest difference to Python's audio, over the largest sample.

    Args:
        name: Of `BUILDS`.
        folder: The result is put there.
        dtype: Of the weights.
    """
    one = BUILDS[name]
    built, program = folder / one.file, folder / f"{one.file}.oscine"
    if not built.exists():
        one.build(built)
    content = busy_program().to_bytes("float16" if dtype == "float16" else "float32")
    program.write_bytes(content)
    inputs = performance(Engine(content), 100)
    given = torch.cat([curve.reshape(100, -1) for curve in inputs.values()], 1).numpy().astype("<f4")
    played = np.frombuffer(_run(*one.run(built, program), given=given.tobytes()), "<f4")
    program.unlink()
    expected = Engine(content).play(inputs)[0].numpy()
    assert played.shape == expected.shape
    return float(np.abs(played - expected).max() / np.abs(expected).max())


def performance(engine: Engine, n_frames: int) -> dict[str, torch.Tensor]:
    """Return curves for every input: glides, and bad values in between."""
    time = torch.arange(n_frames) / n_frames
    made = {
        name: torch.sin(9 * time + i)[None, :, None].repeat(1, 1, one.size)
        for i, (name, one) in enumerate(engine.inputs.items())
    }
    made["f0_hz"] = (300 * 2 ** torch.sin(9 * time))[None, :, None]
    made["loudness_db"] = -30 + 30 * made["loudness_db"]
    made["f0_hz"][:, 20] = 0.0
    made["loudness_db"][:, 30] = torch.nan
    made["z"][:, 40] = torch.inf
    return made


def main() -> None:
    """Build and compare all targets, or say what is missing."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, one in BUILDS.items():
        if missing := one.missing():
            sys.stdout.write(f"{name}: {', '.join(missing)} missing; on Debian, install {one.packages}.\n")
            continue
        (folder / one.file).unlink(missing_ok=True)
        worst = max(difference(name, folder, dtype) for dtype in ("float32", "float16"))
        size = (folder / one.file).stat().st_size
        sys.stdout.write(
            f"{name:12} {folder / one.file}  {size / 1000:.0f} kB  difference {worst:.1e} of the peak\n"
        )
        if worst > TOLERANCE:
            raise SystemExit(f"{name}: the audio differs by more than {TOLERANCE}.")


if __name__ == "__main__":
    main()
