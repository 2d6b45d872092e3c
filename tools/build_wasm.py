"""Builds the runtime as WebAssembly, which the package carries: ``make wasm``.

It needs Debian's clang-19, lld-19, wasi-libc, libc++-19-dev-wasm32 and libclang-rt-19-dev-wasm32. Beside the
module it writes the sha256 of the sources, by which a test sees that the module is of these sources.
"""

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from oscine.export.single_header import single_header

MODULE = Path(__file__).parents[1] / "src" / "oscine" / "export" / "web" / "oscine.wasm"
SMALL_LIBC = Path(__file__).with_name("small_libc.cpp")
DIGEST = MODULE.with_suffix(".sha256")
TOOLS = "clang++-19", "wasm-ld-19"
PACKAGES = "clang-19 lld-19 wasi-libc libc++-19-dev-wasm32 libclang-rt-19-dev-wasm32"

_EXPORTED = re.compile(r"OSCINE_EXPORT [^;]*?\b(oscine_\w+)\(")
_FURTHER = "oscine_error_text", "oscine_metadata", "oscine_sample_rate", "malloc", "free"
_FLAGS = [
    *("--target=wasm32-wasi", "-msimd128", "-std=c++17", "-Os", "-fwrapv"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden"),
]


def source() -> str:
    """Return the runtime as one header, without its first line, which has the version."""
    return single_header().split("\n", 1)[1]


def digest() -> str:
    """Return the sha256 of what the module is built from, and how."""
    parts = source(), SMALL_LIBC.read_text(encoding="utf-8"), *_FLAGS, *_FURTHER
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def build(to: Path) -> None:
    """Compile the module to a path."""
    performer = [name for name in _EXPORTED.findall(source()) if name.startswith("oscine_performer_")]
    exports = ",".join(f"--export={name}" for name in (*dict.fromkeys(performer), *_FURTHER))
    # With the stack first, one that overflows is a trap, and overwrites nothing.
    linked = f"-Wl,{exports},--strip-all,--gc-sections,--stack-first,-z,stack-size=262144"
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / "oscine.cpp"
        libc = Path(folder) / "small_libc.o"
        code.write_text(f"#define OSCINE_IMPLEMENTATION\n{source()}", encoding="utf-8")
        command = [TOOLS[0], *_FLAGS, "-ffreestanding", SMALL_LIBC, "-c", "-o", libc]
        subprocess.run(command, check=True)
        command = [TOOLS[0], *_FLAGS, code, libc, "-mexec-model=reactor", linked, "-o", to]
        subprocess.run(command, check=True)


def main() -> None:
    """Build it into the package."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        raise SystemExit(f"{', '.join(missing)} missing; on Debian, install {PACKAGES}.")
    build(MODULE)
    DIGEST.write_text(digest() + "\n", encoding="utf-8")
    content = MODULE.read_bytes()
    compressed = gzip.compress(content, 9)
    sys.stdout.write(
        f"{MODULE.name}: {len(content) / 1000:.1f} kB, {len(compressed) / 1000:.1f} kB compressed\n"
    )


if __name__ == "__main__":
    main()
