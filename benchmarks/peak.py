"""The most that one core can do, measured: fma_peak.cpp, compiled for this machine."""

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path


def compiler() -> str | None:
    """Return where g++ is, if it is there."""
    return shutil.which("g++")


@functools.cache
def multiply_adds_per_second() -> float | None:
    """Return how many multiply-adds of float32 one core does in a second; None without g++."""
    found = compiler()
    if found is None:
        return None
    source = Path(__file__).with_name("fma_peak.cpp")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "fma_peak"
        subprocess.run([found, "-O3", "-march=native", str(source), "-o", str(program)], check=True)
        return float(subprocess.run([program], check=True, capture_output=True, text=True).stdout)
