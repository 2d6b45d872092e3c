"""The page "Your own training loop": every snippet runs, from top to bottom, and prints what it says."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "your-own-training-loop.md"


def test_the_snippets_run_and_print_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(snippets) >= 7
    shared: dict[str, Any] = {"__name__": "page"}
    for snippet in snippets:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(snippet, PAGE.name, "exec"), shared)
        said = re.findall(r"print\(.*\)  # (.*)$", snippet, re.MULTILINE)
        assert not said or printed.getvalue().strip().splitlines() == said
    assert {path.name for path in tmp_path.iterdir()} == {
        "by-envelope",
        "by-both",
        "watched",
        "my-instrument",
    }
