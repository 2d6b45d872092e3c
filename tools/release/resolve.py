"""Whether every dependency has a wheel for a platform and a Python: uv asks, and downloads nothing."""

import os
import subprocess
import sys
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: By name of the target, what uv calls the platform.
PLATFORMS = {
    "linux-x86_64": "x86_64-manylinux_2_28",
    "linux-aarch64": "aarch64-manylinux_2_28",
    "macos-arm64": "aarch64-apple-darwin",
    "macos-x86_64": "x86_64-apple-darwin",
    "windows-x86_64": "x86_64-pc-windows-msvc",
}
#: PyTorch's last wheel for Macs with an Intel processor was 2.2; torch comes from elsewhere there, if at all.
EXPECTED_TO_FAIL = frozenset({"macos-x86_64"})


def resolve(name: str, wheel: Path) -> str:
    """Return for which Pythons all dependencies of a wheel have wheels on its platform, as a sentence.

    Raises:
        SystemExit: When one has none where it should.
    """
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    command += ["--only-binary", ":all:", "--python-platform", PLATFORMS[name], "-"]
    wanted = f"oscine @ {wheel.absolute().as_uri()}\n"
    found = []
    for python in PYTHONS:
        done = subprocess.run(
            [*command, "--python-version", python],
            input=wanted,
            # The first macOS that torch and onnxruntime are built for.
            env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            found.append(python)
        elif name not in EXPECTED_TO_FAIL:
            raise SystemExit(f"{wheel.name} with Python {python} can't be installed from wheels:\n{done.stderr}")
    if not found:
        return "NOT INSTALLABLE by pip alone: there are no wheels of torch for this platform."
    return f"All dependencies have wheels for Python {', '.join(found)}."
