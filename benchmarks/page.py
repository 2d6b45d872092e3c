"""docs/performance.md: text written by hand, and between markers the sections that benchmarks write."""

import os
import platform
import re
from pathlib import Path

import torch

from oscine import kernels
from oscine.files import write_atomically

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def machine() -> str:
    """Return what the figures were taken on."""
    info = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    name = models[0] if models else platform.machine()
    return f"{name}, {os.cpu_count()} cores, torch {torch.__version__}, kernels {kernels.chosen()}"


def with_section(page: str, name: str, content: str) -> str:
    """Return the page with one section's content replaced.

    Raises:
        ValueError: The page lacks the section, or has it twice.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs one {begin} and one {end} behind it")
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n{content.strip()}\n\n{end}{rest.split(end)[1]}"


def write_section(name: str, content: str, page: Path = PAGE) -> None:
    """Replace one section of the page in place."""
    write_atomically(page, with_section(page.read_text(encoding="utf-8"), name, content))
