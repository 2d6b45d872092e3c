"""docs/performance.md: text written by hand, and between markers the sections that benchmarks write."""

import os
import platform
import re
from pathlib import Path

import torch

from benchmarks.measure import cpu_forms
from oscine.files import write_atomically

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def machine() -> str:
    """Return what the figures were taken on."""
    info = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    name = models[0] if models else platform.machine()
    return f"{name}, {os.cpu_count()} cores, torch {torch.__version__}, fastest kernels {cpu_forms()[0]}"


def with_section(page: str, name: str, content: str) -> str:
    """Return the page with one section's content replaced.

    Raises:
        ValueError: The page has no such section, or has it twice.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    parts = re.split(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", page, flags=re.DOTALL)
    if len(parts) != 2:
        raise ValueError(f"{len(parts) - 1} sections of the page lie between {begin} and {end}; make it one")
    return f"\n\n{content.strip()}\n\n".join(parts)


def write_section(name: str, content: str, page: Path = PAGE) -> None:
    """Replace one section of the page in place."""
    write_atomically(page, with_section(page.read_text(encoding="utf-8"), name, content))
