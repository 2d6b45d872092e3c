"""The pages in docs/: text written by hand, and between markers the sections that benchmarks write."""

import os
import platform
import re
from pathlib import Path

import torch

from oscine import kernels
from oscine.files import write_atomically

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "background" / "performance.md"


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


def page_of(section: str, page: str) -> Path:
    """Return the one page called ``page`` that has the section: a how-to page, or its laboratory notes.

    Raises:
        ValueError: No page of that name has the section, or two have.
    """
    found = [
        path
        for path in sorted(DOCS.rglob(f"{page}.md"))
        if f"<!-- begin {section} -->" in path.read_text(encoding="utf-8")
    ]
    if len(found) != 1:
        raise ValueError(
            f"{len(found)} pages called {page}.md in docs/ have the section {section}; one should"
        )
    return found[0]


def write_section(name: str, content: str, page: str | Path = PAGE) -> None:
    """Replace one section of a page in place; the page is a path, or its name without shelf and ending."""
    path = page_of(name, page) if isinstance(page, str) else page
    write_atomically(path, with_section(path.read_text(encoding="utf-8"), name, content))
