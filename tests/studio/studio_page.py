"""A studio, a browser with a microphone that hums, and a page: for the tests of the page."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("playwright", reason="playwright is missing; install the extra dev")
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is missing; install the extra dev")

from playwright.sync_api import Browser, Page
from tools.studio_pictures import DESKTOP, chromium, studio

MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is missing; install it"),
]
RATE = 16_000
HUM_S, HUM_HZ = 3.0, 220.0


@pytest.fixture(scope="module")
def hummed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of A3 with a vibrato, between silences."""
    time = np.arange(round(HUM_S * RATE)) / RATE
    phase = 2 * math.pi * HUM_HZ * time - 1.2 * np.cos(2 * math.pi * 5.5 * time)
    sound = sum(np.sin(k * phase) / k for k in range(1, 9)) * 0.15 * np.sin(math.pi * time / HUM_S) ** 0.3
    place = tmp_path_factory.mktemp("hum") / "hum.wav"
    soundfile.write(place, np.pad(sound, RATE // 4), RATE)
    return place


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A studio that runs, as `oscine studio` does."""
    with studio(tmp_path_factory.mktemp("studio") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def browser(hummed: Path) -> Iterator[Browser]:
    with chromium(hummed) as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may fail unseen."""
    context = browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []
