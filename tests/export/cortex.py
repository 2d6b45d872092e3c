"""The exported C on a Cortex-M7: its sound against Python's, its instructions counted in QEMU, its memory.

``python -m tests.export.cortex OUT INSTRUMENT…`` exports each instrument, as it is and without its effects,
builds it for the board mps2-an500, plays five seconds in QEMU and prints a table. An instrument is a name of
the package, a folder, or a recipe, which plays with weights that were not trained; ``NAME=FOLDER`` gives it
another name in the table. With ``--page`` the table goes into docs/how-to/devices.md.

QEMU counts instructions. It has neither caches nor a pipeline, so the time that a chip takes is not measured.
"""

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tests.performance.scores import LEARNED

from oscine.export import export
from oscine.models import Instrument, list_recipes, load_recipe
from oscine.runtime import Live
from oscine.streaming import Program
from oscine.transfer import load

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "how-to" / "devices.md"
TOOLS = ("arm-none-eabi-g++", "arm-none-eabi-size", "qemu-system-arm")
PACKAGES = "gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-arm"
TOLERANCE = 1e-6
CLOCK_HZ = 480e6
SECONDS = 5
CHIP = ["-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard", "-mthumb"]
FLAGS = [
    "-std=c++17",
    "-O3",
    "-fwrapv",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-exceptions",
    "-fno-rtti",
]
SMALL = ["-ffunction-sections", "-Wl,--gc-sections", "-DWIDTH=1", "-DOSCINE_FRAMES=1"]
BARE = ["-nostartfiles", "--specs=nosys.specs", "-Wl,--no-warn-rwx-segments"]
QEMU = ["-M", "mps2-an500", "-icount", "shift=0", "-semihosting", "-nographic", "-monitor", "none", "-serial"]
INSTRUCTIONS_PER_TICK = 40  # a nanosecond each, and a timer of 25 MHz
MEMORY_BYTES = 15 << 20
_BEGIN, _END = "<!-- tests/export/cortex.py: begin -->\n", "<!-- end -->\n"


@dataclass
class Measured:
    """What playing took on the chip."""

    n_parameters: int
    code_bytes: int
    """Code and constants without the instrument."""
    program_bytes: int
    heap_bytes: int
    stack_bytes: int
    instructions_per_block: float
    """In a frame of controls, 64 samples at 16 kHz, on average."""
    instructions_per_s: float
    """In a second of audio, all frames together."""
    loading: float
    """Instructions, once."""
    worst_frame: float
    """The dearest frame's instructions over the mean."""
    difference: float
    """Largest difference to Python's `Live`, over its largest sample."""
    parts: dict[str, float]
    """Share of the instructions of each kind of operation."""

    @property
    def load(self) -> float:
        """Share of a Cortex-M7 of 480 MHz, at one instruction a cycle."""
        return self.instructions_per_s / CLOCK_HZ


def missing() -> list[str]:
    """Return which of the tools are not here."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def measure(instrument: Instrument, folder: Path, *, dry: bool, n_frames: int) -> Measured:
    """Export an instrument, build it for the chip and play it there.

    Args:
        instrument: What is played, by a glide and a swell.
        folder: The source and the build go there; what it has is removed.
        dry: Without effects.
        n_frames: How long.

    Raises:
        RuntimeError: When the chip reports an error, or a tool does.
    """
    if folder.exists():
        shutil.rmtree(folder)
    report = export(instrument, folder, "c", weights="float32", dry=dry)
    program = instrument.program(dry=dry)
    content = program.to_bytes("float32")
    curves = _curves(program, n_frames)
    (folder / "curves.h").write_text(_array(program, curves))
    expected = _played(content, program.hop_length, curves)
    _run(
        "arm-none-eabi-g++",
        *(*CHIP, *FLAGS, *SMALL, *BARE),
        *(f"-I{folder}", HERE / "cortex_m7.cpp", "-T", HERE / "cortex_m7.ld", "-o", "player.elf"),
        folder=folder,
    )
    _run("qemu-system-arm", *QEMU, "null", "-kernel", "player.elf", folder=folder)
    if sentence := (folder / "sentence.txt").read_text():
        raise RuntimeError(f"The chip says: {sentence}")
    audio = np.fromfile(folder / "audio.f32", "<f4")
    counts = np.fromfile(folder / "counts.u32", "<u4").astype(np.int64) * INSTRUCTIONS_PER_TICK
    parts = np.fromfile(folder / "parts.u32", "<u4").astype(np.int64)[: len(program.operations)]
    heap_bytes, loading, stack_bytes, n_steps = np.fromfile(folder / "facts.u32", "<u4").tolist()
    assert n_steps == len(program.operations)
    by_kind: dict[str, float] = {}
    for one, part in zip(program.operations, parts, strict=True):
        by_kind[one.kind] = by_kind.get(one.kind, 0.0) + float(part) / float(parts.sum())
    size = _run("arm-none-eabi-size", "player.elf", folder=folder).splitlines()[1].split()
    n_curves = sum(curve.size for curve in curves.values()) * 4
    assert report.difference is not None
    return Measured(
        n_parameters=sum(one.numel() for one in instrument.parameters())
        - (sum(one.numel() for one in instrument.effects.parameters()) if dry else 0),
        code_bytes=int(size[0]) + int(size[1]) - len(content) - n_curves,
        program_bytes=len(content),
        heap_bytes=heap_bytes,
        stack_bytes=stack_bytes,
        instructions_per_block=float(counts.mean()),
        instructions_per_s=float(counts.mean()) * program.sample_rate / program.hop_length,
        loading=float(loading * INSTRUCTIONS_PER_TICK),
        worst_frame=float(counts.max() / counts.mean()),
        difference=float(np.abs(audio - expected).max() / np.abs(expected).max()),
        parts=dict(sorted(by_kind.items(), key=lambda part: -part[1])),
    )


def _curves(program: Program, n_frames: int) -> dict[str, np.ndarray]:
    """Return a glide over two octaves and a swell, and what else the program needs at its default."""
    sway = np.sin(np.arange(n_frames) * 0.02)
    made = {}
    for one in program.inputs:
        if one.optional:
            continue
        if one.wire.size != 1:
            raise RuntimeError(
                f"The input {one.name} has {one.wire.size} values a frame; the chip's player has 1."
            )
        known = {"f0_hz": 220.0 * 2**sway, "loudness_db": -25.0 + 12.0 * sway}
        made[one.name] = known.get(one.name, np.full(n_frames, one.default)).astype(np.float32)
    return made


def _played(content: bytes, hop_length: int, curves: dict[str, np.ndarray]) -> np.ndarray:
    live = Live(content)
    frames = []
    for values in zip(*curves.values(), strict=True):
        live.set(**dict(zip(curves, map(float, values), strict=True)))
        frames.append(live.play(hop_length))
    return torch.cat(frames).numpy()


def _array(program: Program, curves: dict[str, np.ndarray]) -> str:
    names = [one.name for one in program.inputs]
    if names[: len(curves)] != list(curves):
        raise RuntimeError("The inputs that a performance gives are not the first ones.")
    rows = ["{" + ",".join(float(value).hex() for value in curve) + "}," for curve in curves.values()]
    sizes = {
        "N_FRAMES": len(next(iter(curves.values()))),
        "HOP_LENGTH": program.hop_length,
        "N_CURVES": len(curves),
        "N_INPUTS": len(names),
        "MEMORY_BYTES": MEMORY_BYTES,
    }
    defined = "".join(f"#define {name} {value}\n" for name, value in sizes.items())
    return f"{defined}static const float curves[N_CURVES][N_FRAMES] = {{\n" + "\n".join(rows) + "\n};\n"


def _run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(
        [*map(str, command)], cwd=folder, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")
    return done.stdout


def _untrained(recipe: str) -> Instrument:
    torch.manual_seed(0)
    return Instrument(load_recipe(recipe).instrument.fit(16_000, 64, [], []), LEARNED).eval()


def table(rows: dict[str, Measured]) -> str:
    """Return the measurements as a table of a page."""
    columns = ["instrument", "parameters", "program, kB", "code, kB", "memory, kB", "stack, kB"]
    columns += ["thousand instructions per block", "million per s", "of 480 MHz", "dearest block / mean"]
    columns += ["to load", "difference to Python"]
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for name, one in rows.items():
        kilobytes = (one.program_bytes, one.code_bytes, one.heap_bytes, one.stack_bytes)
        cells = [name, f"{one.n_parameters:,}", *(f"{n / 1000:.1f}" for n in kilobytes)]
        cells += [f"{one.instructions_per_block / 1e3:.0f}", f"{one.instructions_per_s / 1e6:.1f}"]
        cells += [f"{one.load:.1%}", f"{one.worst_frame:.2f}"]
        cells += [f"{one.loading / 1e6:.1f}"]
        lines.append(f"| {' | '.join(cells)} | {one.difference:.1e} |")
    lines += ["", "This table has the shares of the operations:", ""]
    lines += ["| instrument | share of each operation |", "|---|---|"]
    for name, one in rows.items():
        most = [f"{kind} {share:.0%}" for kind, share in one.parts.items() if share >= 0.02]
        lines.append(f"| {name} | {', '.join(most)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure instruments, print the table, and fail where the sound is another."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("instruments", nargs="+", metavar="INSTRUMENT")
    parser.add_argument("--page", action="store_true", help="write the table into docs/how-to/devices.md")
    given = parser.parse_args()
    if gone := missing():
        sys.stdout.write(f"Cortex-M7: {', '.join(gone)} missing; on Debian, install {PACKAGES}.\n")
        return
    torch.set_num_threads(1)
    rows = {}
    for number, named in enumerate(given.instruments):
        name, _, path = named.rpartition("=")
        instrument = _untrained(path) if path in list_recipes() else load(path)
        n_frames = SECONDS * instrument.sample_rate // instrument.hop_length
        for dry in (False, True) if instrument.config.effects else (False,):
            label = f"{name or Path(path).name}{', without effects' if dry else ''}"
            folder = given.out / f"{number}{'-dry' if dry else ''}"
            rows[label] = measure(instrument, folder, dry=dry, n_frames=n_frames)
    text = table(rows)
    sys.stdout.write(text)
    if worst := [name for name, one in rows.items() if not one.difference <= TOLERANCE]:
        raise SystemExit(f"The sound differs by more than {TOLERANCE} of the peak: {', '.join(worst)}.")
    if given.page:
        before, rest = PAGE.read_text(encoding="utf-8").split(_BEGIN)
        PAGE.write_text(before + _BEGIN + "\n" + text + "\n" + _END + rest.split(_END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
